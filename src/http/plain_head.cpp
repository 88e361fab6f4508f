#include "http/plain_head.hpp"

#include <charconv>

#include "http/chars.hpp"
#include "http/head_checks.hpp"

namespace asyncio::http {
namespace {

/// Goes through a head that ends with an empty line. No class of bytes has CR or LF in it, so that
/// every run ends before the head does.
class Reader {
 public:
  Reader(std::string_view head, std::size_t at, Http1Findings& found, HeadSummary& summary)
      : head_(head), at_(at), found_(found), summary_(summary) {}

  std::string_view run(chars::Class wanted) {
    const std::size_t from = at_;
    while (chars::is(head_[at_], wanted)) ++at_;
    return head_.substr(from, at_ - from);
  }
  bool skip(char c) {
    if (head_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool skip_line_end() { return skip('\r') && skip('\n'); }
  bool skip(std::string_view text) {
    if (!head_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  bool fields() {
    while (head_[at_] != '\r') {
      const std::string_view name = run(chars::kToken);
      if (name.empty() || !skip(':')) return false;
      run(chars::kSpace);
      const std::string_view value = chars::trim(run(chars::kText));
      if (!skip_line_end() || found_.fields->size() >= found_.max_fields) return false;
      if (!note(name, value)) return false;
      found_.fields->append_from(head_, name, value);
    }
    return skip_line_end() && at_ == head_.size();
  }

 private:
  // What a field means for the message; false: more than this can tell.
  bool note(std::string_view name, std::string_view value) {
    switch (name.size()) {
      case 4:
        return !same_name(name, "Host") || note_host(value);
      case 6:
        return !same_name(name, "Expect");
      case 7:
        return !same_name(name, "Upgrade");
      case 10:
        return !same_name(name, "Connection") || note_connection(value);
      case 14:
        return !same_name(name, "Content-Length") || note_length(value);
      case 16:
        return !same_name(name, "Proxy-Connection");
      case 17:
        return !same_name(name, "Transfer-Encoding");
      default:
        return true;
    }
  }
  bool note_host(std::string_view value) {
    found_.bad_host = found_.bad_host || !is_valid_host_field(value);
    ++found_.hosts;
    return true;
  }
  bool note_connection(std::string_view value) {
    const bool again = close_ || keep_alive_;
    close_ = same_name(value, "close");
    keep_alive_ = same_name(value, "keep-alive");
    summary_.keep_alive = keep_alive_;
    return !again && (close_ || keep_alive_);
  }
  bool note_length(std::string_view value) {
    constexpr std::size_t kMostDigits = 18;
    if (summary_.length || value.empty() || value.size() > kMostDigits) return false;
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error != std::errc() || end != value.data() + value.size()) return false;
    summary_.length = length;
    ++found_.lengths;
    return true;
  }

  std::string_view head_;
  std::size_t at_;
  Http1Findings& found_;
  HeadSummary& summary_;
  bool close_ = false;
  bool keep_alive_ = false;
};

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kVersion = "HTTP/1.";

bool is_minor_version(char c) { return c == '0' || c == '1'; }

HttpVersion version_of(char minor) { return {1, static_cast<std::uint8_t>(minor - '0')}; }

}  // namespace

bool read_plain_request(std::string_view head, Http1Findings& found, HeadSummary& summary) {
  if (!head.ends_with(kEnd)) return false;
  Reader reader(head, 0, found, summary);
  const std::string_view method = reader.run(chars::kToken);
  if (method.empty() || !reader.skip(' ')) return false;
  const std::string_view target = reader.run(chars::kUrl);
  if (target.empty() || !reader.skip(' ')) return false;
  const char minor = reader.skip("HTTP/1.1\r\n") ? '1' : '0';
  if (minor == '0' && !reader.skip("HTTP/1.0\r\n")) return false;
  found.request.method = method;
  found.request.target = target;
  found.request.version = version_of(minor);
  summary = {.keep_alive = minor == '1', .length = std::nullopt};
  return reader.fields();
}

bool read_plain_response(std::string_view head, bool skip_body, Http1Findings& found,
                         HeadSummary& summary) {
  constexpr std::size_t kReason = 13;  // of "HTTP/1.1 200 OK"
  const bool usual = head.size() > kReason && head.ends_with(kEnd) && head.starts_with(kVersion) &&
                     is_minor_version(head[7]) && head[8] == ' ' && head[12] == ' ' &&
                     chars::all(head.substr(9, 3), chars::kDigit);
  if (!usual) return false;
  const int status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
  Reader reader(head, kReason, found, summary);
  found.response.status = status;
  found.response.reason = reader.run(chars::kText);
  found.response.version = version_of(head[7]);
  summary = {.keep_alive = head[7] == '1', .length = std::nullopt};
  if (!reader.skip_line_end() || !reader.fields()) return false;
  // A body without a length goes on to the end of the connection.
  const bool bodiless = skip_body || status / 100 == 1 || status == 204 || status == 304;
  if (!summary.length && !bodiless) summary.keep_alive = false;
  return true;
}

}  // namespace asyncio::http
