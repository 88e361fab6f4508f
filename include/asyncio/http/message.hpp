// HTTP messages as plain values: what the parser fills, what a handler reads. No bytes, no I/O.
// Source: RFC 9110, RFC 9112.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "asyncio/http/headers.hpp"

namespace asyncio::http {

/// Python: aiohttp.HttpVersion.
struct HttpVersion {
  std::uint8_t major = 1;
  std::uint8_t minor = 1;

  friend auto operator<=>(const HttpVersion&, const HttpVersion&) = default;
};
inline constexpr HttpVersion HttpVersion10{1, 0};
inline constexpr HttpVersion HttpVersion11{1, 1};

/// The head of a request, as received. `target` is the request-target with escapes untouched:
/// "/path?query", "*", "host:port" for CONNECT or "http://host/path" through a proxy.
struct RequestHead {
  std::string method;
  std::string target;
  HttpVersion version = HttpVersion11;
  Headers headers;
};

/// The head of a response, as received.
struct ResponseHead {
  HttpVersion version = HttpVersion11;
  int status = 0;
  std::string reason;
  Headers headers;
};

/// The usual reason phrase ("Not Found"), or "" for a status that has none.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// May be sent twice with the effect of once: GET HEAD OPTIONS TRACE PUT DELETE. Names are
/// case-sensitive, as in HTTP.
[[nodiscard]] bool is_idempotent(std::string_view method) noexcept;
/// Asks, changes nothing: GET HEAD OPTIONS TRACE.
[[nodiscard]] bool is_safe(std::string_view method) noexcept;
/// A request of this method usually has a body, so an empty one is sent as "Content-Length: 0".
[[nodiscard]] bool expects_body(std::string_view method) noexcept;
/// Whether the answer with `status` to `method` has a body at all: not to HEAD, not 1xx, 204, 304,
/// and not a 2xx to CONNECT.
[[nodiscard]] bool response_has_body(std::string_view method, int status) noexcept;

/// 301, 302, 303, 307, 308.
[[nodiscard]] bool is_redirect(int status) noexcept;

/// "Sun, 06 Nov 1994 08:49:37 GMT". Sub-second parts are cut.
[[nodiscard]] std::string format_http_date(std::chrono::system_clock::time_point when);
/// Reads the three forms of RFC 9110 5.6.7 (IMF-fixdate, RFC 850, asctime), or nullopt.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_http_date(
    std::string_view text) noexcept;
/// The wait that a Retry-After value asks for, seen from `now`: seconds or a date, never negative,
/// nullopt when it is neither.
[[nodiscard]] std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now) noexcept;

}  // namespace asyncio::http
