#include "asyncio/http/message.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "http/chars.hpp"

namespace asyncio::http {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/// Reads a date from left to right; the first thing that does not fit makes the rest void.
class DateReader {
 public:
  explicit DateReader(std::string_view text) : rest_(text) {}

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }
  bool peek(char c) const { return !rest_.empty() && rest_.front() == c; }

  void literal(std::string_view text) {
    if (rest_.starts_with(text)) {
      rest_.remove_prefix(text.size());
    } else {
      ok_ = false;
    }
  }
  void skip_letters() {
    while (!rest_.empty() && chars::lower(rest_.front()) >= 'a' &&
           chars::lower(rest_.front()) <= 'z') {
      rest_.remove_prefix(1);
    }
  }
  int number(std::size_t digits) {
    const std::string_view text = rest_.substr(0, digits);
    if (text.size() != digits || !chars::all(text, chars::kDigit)) {
      ok_ = false;
      return 0;
    }
    int value = 0;
    for (const char c : text) value = value * 10 + (c - '0');
    rest_.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (!rest_.starts_with(kMonths[i])) continue;
      rest_.remove_prefix(3);
      return static_cast<unsigned>(i + 1);
    }
    ok_ = false;
    return 1;
  }
  seconds time() {
    const int hour = number(2);
    literal(":");
    const int minute = number(2);
    literal(":");
    const int second = number(2);
    if (hour > 23 || minute > 59 || second > 60) ok_ = false;
    return seconds(hour * 3600 + minute * 60 + second);
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<system_clock::time_point> make_time(int year, unsigned month, int day, seconds time) {
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(static_cast<unsigned>(day))};
  // Beyond what the clock can hold (it counts nanoseconds on most systems) there is no answer.
  if (!date.ok() || year < 1678 || year > 2261) return std::nullopt;
  return system_clock::time_point(std::chrono::sys_days(date)) + time;
}

void append_two(std::string& out, unsigned value) {
  out += static_cast<char>('0' + value / 10);
  out += static_cast<char>('0' + value % 10);
}

/// RFC 850's two digits, read as POSIX does. RFC 9110 would compare with today, which a value that
/// is only parsed should not depend on.
int full_year(int two_digits) { return two_digits < 69 ? 2000 + two_digits : 1900 + two_digits; }

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
      // clang-format off
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 102: return "Processing";
    case 103: return "Early Hints";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 203: return "Non-Authoritative Information";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 208: return "Already Reported";
    case 226: return "IM Used";
    case 300: return "Multiple Choices";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 305: return "Use Proxy";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 407: return "Proxy Authentication Required";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 425: return "Too Early";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 506: return "Variant Also Negotiates";
    case 507: return "Insufficient Storage";
    case 508: return "Loop Detected";
    case 511: return "Network Authentication Required";
    default: return "";
      // clang-format on
  }
}

bool is_safe(std::string_view method) noexcept {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

bool is_idempotent(std::string_view method) noexcept {
  return is_safe(method) || method == "PUT" || method == "DELETE";
}

bool expects_body(std::string_view method) noexcept {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

bool response_has_body(std::string_view method, int status) noexcept {
  if (method == "HEAD" || status / 100 == 1 || status == 204 || status == 304) return false;
  return !(method == "CONNECT" && status / 100 == 2);
}

bool is_redirect(int status) noexcept {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

std::string format_http_date(system_clock::time_point when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date{day};
  const auto second = static_cast<unsigned>(std::chrono::floor<seconds>(when - day).count());
  std::string out;
  out.reserve(29);
  out += kDays[std::chrono::weekday(day).c_encoding()];
  out += ", ";
  append_two(out, static_cast<unsigned>(date.day()));
  out += ' ';
  out += kMonths[static_cast<unsigned>(date.month()) - 1];
  out += ' ';
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  append_two(out, year / 100);
  append_two(out, year % 100);
  out += ' ';
  append_two(out, second / 3600);
  out += ':';
  append_two(out, second / 60 % 60);
  out += ':';
  append_two(out, second % 60);
  out += " GMT";
  return out;
}

std::optional<system_clock::time_point> parse_http_date(std::string_view text) noexcept {
  DateReader in(chars::trim(text));
  in.skip_letters();  // the name of the day says nothing that the date does not
  int year = 0;
  int day = 0;
  unsigned month = 1;
  seconds time{};
  if (in.peek(',')) {
    in.literal(", ");
    day = in.number(2);
    const bool rfc850 = in.peek('-');
    const std::string_view gap = rfc850 ? "-" : " ";
    in.literal(gap);
    month = in.month();
    in.literal(gap);
    year = rfc850 ? full_year(in.number(2)) : in.number(4);
    in.literal(" ");
    time = in.time();
    in.literal(" GMT");
  } else {  // asctime: Sun Nov  6 08:49:37 1994
    in.literal(" ");
    month = in.month();
    in.literal(" ");
    if (in.peek(' ')) in.literal(" ");
    day = in.number(1);
    if (!in.peek(' ')) day = day * 10 + in.number(1);
    in.literal(" ");
    time = in.time();
    in.literal(" ");
    year = in.number(4);
  }
  if (!in.done()) return std::nullopt;
  return make_time(year, month, day, time);
}

std::optional<seconds> parse_retry_after(std::string_view value,
                                         system_clock::time_point now) noexcept {
  value = chars::trim(value);
  if (!value.empty() && chars::all(value, chars::kDigit)) {
    std::int64_t count = 0;
    const auto result = std::from_chars(value.data(), value.data() + value.size(), count);
    // More seconds than a number holds is "never", which still has to be a duration one can add.
    constexpr std::int64_t kForever = std::int64_t{100} * 365 * 24 * 3600;
    return seconds(result.ec == std::errc() && count < kForever ? count : kForever);
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return *date <= now ? seconds(0) : std::chrono::ceil<seconds>(*date - now);
}

}  // namespace asyncio::http
