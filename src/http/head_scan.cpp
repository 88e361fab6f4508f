#include "http/head_scan.hpp"

#include <algorithm>

#include "http/chars.hpp"

namespace asyncio::http {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

/// The first byte where `text` leaves `wanted`, or npos while it agrees.
std::size_t mismatch(std::string_view text, std::string_view wanted) noexcept {
  const std::size_t size = std::min(text.size(), wanted.size());
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] != wanted[i]) return i;
  }
  return kNone;
}

}  // namespace

HeadScan::Found HeadScan::fail(ParseErrorKind kind, std::size_t at, const char* text) noexcept {
  error_ = kind;
  error_at_ = at;
  error_text_ = text;
  return Found::error;
}

HeadScan::Found HeadScan::scan(std::string_view text, const ParserLimits& limits) noexcept {
  text = text.substr(0, limits.head);
  if (lines_ == 0 && !check_start(text)) return Found::error;
  while (true) {
    const std::size_t line_feed = text.find('\n', scanned_);
    const std::size_t line_end = std::min(line_feed, text.size());
    const std::size_t allowed = lines_ == 0 ? limits.first_line : kNone;
    if (role_ == Role::server && !check_bare_cr(text.substr(0, allowed), line_end)) {
      return Found::error;
    }
    if (line_end >= allowed) {
      return fail(ParseErrorKind::first_line_too_long, allowed, "first line too long");
    }
    scanned_ = line_end;
    if (line_feed == kNone) break;
    if (!check_line(text, line_feed)) return Found::error;
    const bool blank = line_feed == line_ || (line_feed == line_ + 1 && text[line_] == '\r');
    line_ = scanned_ = line_feed + 1;
    ++lines_;
    if (blank) return Found::end;
  }
  if (text.size() < limits.head) return Found::more;
  return fail(ParseErrorKind::head_too_large, limits.head, "head too large");
}

bool HeadScan::check_start(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (role_ == Role::server) {
    if (chars::is(text.front(), chars::kToken)) return true;
    const bool tls = text.front() == '\x16';
    fail(tls ? ParseErrorKind::not_http : ParseErrorKind::bad_first_line, 0,
         tls ? "not HTTP but the start of TLS (https:// sent to a port for http://?)"
             : "bad request line: it does not start with a method");
    return false;
  }
  const std::size_t http = mismatch(text, "HTTP/");
  const std::size_t icy = mismatch(text, "ICY ");  // HTTP/1.0 by the name of SHOUTcast
  if (http == kNone || icy == kNone) return true;
  fail(ParseErrorKind::not_http, std::max(http, icy), "not an HTTP answer");
  return false;
}

bool HeadScan::check_bare_cr(std::string_view text, std::size_t end) noexcept {
  // A CR at the end may still get its LF; one that did not is seen in the next call.
  for (std::size_t from = scanned_ > line_ ? scanned_ - 1 : line_; from < end;) {
    const std::size_t cr = text.substr(0, end).find('\r', from);
    if (cr == kNone || cr + 1 == text.size()) return true;
    if (text[cr + 1] != '\n') {
      fail(ParseErrorKind::bad_line_ending, cr, "CR without LF");
      return false;
    }
    from = cr + 1;
  }
  return true;
}

bool HeadScan::check_line(std::string_view text, std::size_t line_feed) noexcept {
  const bool bare = line_feed == line_ || text[line_feed - 1] != '\r';
  if (role_ == Role::client) {
    bare_lf_ = bare_lf_ || bare;
    return true;
  }
  if (bare) {
    fail(ParseErrorKind::bad_line_ending, line_feed, "LF without CR");
    return false;
  }
  const std::string_view line = text.substr(line_, line_feed - 1 - line_);
  if (lines_ == 0) return check_request_line(line);
  if (!line.empty() && chars::is(line.front(), chars::kSpace)) {
    fail(ParseErrorKind::bad_field, line_, "header continued on a second line");
    return false;
  }
  return true;
}

bool HeadScan::check_request_line(std::string_view line) noexcept {
  // Only what must not wait for the blank line: HTTP/0.9 ("GET /") never sends one. The grammar
  // comes when the head is complete.
  const std::size_t space = line.rfind(' ');
  const std::string_view version = space == kNone ? line : line.substr(space + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return true;
  if (version.starts_with("HTTP/")) {
    fail(ParseErrorKind::bad_version, space == kNone ? 0 : space + 1, "HTTP version not supported");
  } else {
    fail(ParseErrorKind::bad_first_line, 0, "bad request line: it does not end with HTTP/1.1");
  }
  return false;
}

}  // namespace asyncio::http
