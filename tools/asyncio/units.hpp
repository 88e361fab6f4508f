// Quantities as people type and read them: "1.5s", "13k", "1%" and back.
// Every parser takes the whole text or throws UsageError with a text that says what to write
// instead.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::tool {

/// "200ms", "1.5s", "2m", "1h", "250us"; a bare number means seconds. Never negative, at most a
/// year.
std::chrono::nanoseconds parse_duration(std::string_view text);

/// "13k", "1M", "1.5G", "512": bytes. k, M and G are powers of 1,024; "kB" and "KiB" mean the same.
std::uint64_t parse_size(std::string_view text);

/// "1%" or "0.5%" as a fraction from 0 to 1. The sign is required: is a bare 1 one percent or all?
double parse_percent(std::string_view text);

/// A whole number from `smallest` to `largest`.
std::uint64_t parse_count(std::string_view text, std::uint64_t smallest, std::uint64_t largest);

/// "85 us", "103 ms", "0.52 s", "12.3 s", "2m05s": about three digits, never scientific.
std::string format_duration(double seconds);

/// "512 B", "13.0 KB", "1.5 MB": powers of 1,024, as parse_size reads them.
std::string format_bytes(std::uint64_t bytes);

/// "12,345".
std::string format_count(std::uint64_t count);

/// "0.85", "12.3", "104": about three digits.
std::string format_ratio(double ratio);

}  // namespace asyncio::tool
