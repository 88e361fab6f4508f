#include "tools/asyncio/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string>

namespace asyncio::tool {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

// The three forms of RFC 9110 section 5.6.7. The names of days and months are English in the C
// locale, which the tool never leaves.
std::optional<std::int64_t> parse_http_date(const std::string& text) {
  static constexpr std::array<const char*, 3> kForms = {
      "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};
  for (const char* form : kForms) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return ::timegm(&parts);
  }
  return std::nullopt;
}

nanoseconds scaled(nanoseconds length, double factor) {
  return nanoseconds(static_cast<std::int64_t>(static_cast<double>(length.count()) * factor));
}

}  // namespace

bool worth_retrying(int status) {
  static constexpr std::array<int, 6> kPassing = {408, 429, 500, 502, 503, 504};
  return std::find(kPassing.begin(), kPassing.end(), status) != kPassing.end();
}

std::optional<seconds> parse_retry_after(std::string_view value, std::int64_t now) {
  constexpr std::int64_t kYear = 365 * 24 * 3600;
  if (value.empty()) return std::nullopt;
  if (value.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t count = kYear;  // what does not fit is long
    std::from_chars(value.data(), value.data() + value.size(), count);
    return seconds(std::min(count, kYear));
  }
  const std::optional<std::int64_t> date = parse_http_date(std::string(value));
  if (!date) return std::nullopt;
  return seconds(std::clamp<std::int64_t>(*date - now, 0, kYear));
}

nanoseconds pause_before(const RetryPolicy& policy, unsigned next, double chance,
                         std::optional<seconds> retry_after) {
  if (retry_after) {
    const auto asked = std::min<nanoseconds>(*retry_after, policy.longest_retry_after);
    return asked + scaled(policy.first_pause, chance);
  }
  nanoseconds pause = policy.first_pause;
  for (unsigned i = 2; i < next && pause < policy.longest_pause; ++i) pause *= 2;
  return scaled(std::min(pause, policy.longest_pause), 0.5 + chance / 2);
}

}  // namespace asyncio::tool
