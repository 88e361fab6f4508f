#include "tools/asyncio/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

constexpr double kSecondsPerYear = 365.0 * 86'400.0;
constexpr double kLargestSize = 1024.0 * 1024 * 1024 * 1024 * 1024;

struct Quantity {
  double number = 0;
  std::string_view unit;
};

// Digits with an optional fraction, then whatever follows. No sign, no exponent, no "inf": strtod
// and from_chars accept all three, and "1e9s" is a typing mistake more often than a wish.
std::optional<Quantity> split_quantity(std::string_view text) {
  std::size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string_view::npos) end = text.size();
  std::string_view digits = text.substr(0, end);
  if (digits.empty() || digits == ".") return std::nullopt;
  Quantity quantity;
  auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(),
                                       quantity.number, std::chars_format::fixed);
  if (error != std::errc() || stop != digits.data() + digits.size()) return std::nullopt;
  quantity.unit = text.substr(end);
  return quantity;
}

std::string print(const char* format, double value) {
  std::array<char, 64> buffer{};
  int length = std::snprintf(buffer.data(), buffer.size(), format, value);
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

std::optional<double> seconds_per_unit(std::string_view unit) {
  if (unit == "ns") return 1e-9;
  if (unit == "us") return 1e-6;
  if (unit == "ms") return 1e-3;
  if (unit == "s" || unit.empty()) return 1.0;
  if (unit == "m" || unit == "min") return 60.0;
  if (unit == "h") return 3600.0;
  return std::nullopt;
}

std::optional<double> bytes_per_unit(std::string_view unit) {
  if (unit.empty() || unit == "B" || unit == "b") return 1.0;
  std::string_view rest = unit.substr(1);
  if (!rest.empty() && rest != "B" && rest != "iB") return std::nullopt;
  switch (unit.front()) {
    case 'k':
    case 'K':
      return 1024.0;
    case 'm':
    case 'M':
      return 1024.0 * 1024;
    case 'g':
    case 'G':
      return 1024.0 * 1024 * 1024;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::chrono::nanoseconds parse_duration(std::string_view text) {
  std::optional<Quantity> quantity = split_quantity(text);
  std::optional<double> factor = quantity ? seconds_per_unit(quantity->unit) : std::nullopt;
  if (!factor) {
    throw UsageError(quote(text) + " is not a duration: write 200ms, 1.5s, 2m or 1h");
  }
  double seconds = quantity->number * *factor;
  if (seconds > kSecondsPerYear) throw UsageError(quote(text) + " is longer than a year");
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

std::uint64_t parse_size(std::string_view text) {
  std::optional<Quantity> quantity = split_quantity(text);
  std::optional<double> factor = quantity ? bytes_per_unit(quantity->unit) : std::nullopt;
  if (!factor) {
    throw UsageError(quote(text) + " is not a size in bytes: write 512, 13k, 1.5M or 1G");
  }
  double bytes = quantity->number * *factor;
  if (bytes > kLargestSize) throw UsageError(quote(text) + " is larger than a petabyte");
  return static_cast<std::uint64_t>(std::llround(bytes));
}

double parse_percent(std::string_view text) {
  std::optional<Quantity> quantity = split_quantity(text);
  bool zero = quantity && quantity->number == 0 && quantity->unit.empty();
  if (!quantity || (quantity->unit != "%" && !zero)) {
    throw UsageError(quote(text) + " is not a percentage: write 1% or 0.5%");
  }
  if (quantity->number > 100) throw UsageError(quote(text) + " is more than 100%");
  return quantity->number / 100;
}

std::uint64_t parse_count(std::string_view text, std::uint64_t smallest, std::uint64_t largest) {
  std::uint64_t value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = !text.empty() && stop == text.data() + text.size();
  if (!whole || error != std::errc() || value < smallest || value > largest) {
    throw UsageError(quote(text) + " is not a whole number from " + format_count(smallest) +
                     " to " + format_count(largest));
  }
  return value;
}

std::string format_duration(double seconds) {
  // The comparisons are against what would be printed: 0.9999 s must become "1.00 s", not "1000
  // ms".
  if (!(seconds > 0)) return "0 s";
  if (seconds < 999.5e-6) return print("%.0f us", seconds * 1e6);
  if (seconds < 9.95e-3) return print("%.1f ms", seconds * 1e3);
  if (seconds < 99.5e-3) return print("%.0f ms", seconds * 1e3);
  if (seconds < 9.995) return print("%.2f s", seconds);
  if (seconds < 99.95) return print("%.1f s", seconds);
  if (seconds < 119.5) return print("%.0f s", seconds);
  auto whole = static_cast<long long>(std::llround(seconds));
  std::array<char, 64> buffer{};
  if (whole < 3600) {
    std::snprintf(buffer.data(), buffer.size(), "%lldm%02llds", whole / 60, whole % 60);
  } else {
    std::snprintf(buffer.data(), buffer.size(), "%lldh%02lldm", whole / 3600, whole % 3600 / 60);
  }
  return buffer.data();
}

std::string format_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 5> kUnits = {"KB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return print(value < 99.95 ? "%.1f " : "%.0f ", value) + kUnits[unit];
}

std::string format_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string format_ratio(double ratio) {
  if (ratio < 9.995) return print("%.2f", ratio);
  if (ratio < 99.95) return print("%.1f", ratio);
  return format_count(static_cast<std::uint64_t>(std::llround(ratio)));
}

}  // namespace asyncio::tool
