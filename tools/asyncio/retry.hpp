// When a failed download is worth another try, and how long to wait before it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace asyncio::tool {

struct RetryPolicy {
  unsigned retries = 2;  // after the first try
  std::chrono::nanoseconds first_pause = std::chrono::milliseconds(500);
  std::chrono::nanoseconds longest_pause = std::chrono::seconds(30);
  // A server that asks for more is asked again after this much; a day's pause helps nobody here.
  std::chrono::nanoseconds longest_retry_after = std::chrono::seconds(120);
};

/// 408, 429, 500, 502, 503, 504: an answer that may be another one soon.
bool worth_retrying(int status);

/// What a Retry-After field asks for: "120", or a date such as "Fri, 31 Dec 1999 23:59:59 GMT" as
/// time from `now` (seconds since 1970; a date that has passed is none). Nothing for anything else.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now);

/// The pause before try number `next` (2 is the first retry). It doubles each time; `chance`, from
/// 0 to 1, spreads it between a half and the whole, so that a thousand downloads that failed
/// together do not come back together. A Retry-After is kept to, and up to first_pause longer.
std::chrono::nanoseconds pause_before(const RetryPolicy& policy, unsigned next, double chance,
                                      std::optional<std::chrono::seconds> retry_after);

}  // namespace asyncio::tool
