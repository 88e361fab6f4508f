// Lengths of time, as parameters.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>

#include "asyncio/base/error.hpp"

namespace asyncio {

using Nanoseconds = std::chrono::nanoseconds;

/// A length of time, built from any chrono duration: `sleep(1s)`, `sleep(1.5s)`, `sleep(200ms)`.
/// (`1.5s` is a floating duration and would not convert to nanoseconds by itself.) A length too
/// long for nanoseconds (292 years) is "for ever"; NaN is a ValueError, as in Python.
class Delay {
 public:
  constexpr Delay() = default;
  template <class Rep, class Period>
  constexpr Delay(std::chrono::duration<Rep, Period> length)  // NOLINT(google-explicit-constructor)
      : value_(convert(length)) {}

  /// As a chrono duration; Nanoseconds::max() is "for ever".
  [[nodiscard]] constexpr Nanoseconds value() const noexcept { return value_; }
  /// As Python counts it.
  [[nodiscard]] constexpr double seconds() const noexcept {
    return std::chrono::duration<double>(value_).count();
  }

 private:
  template <class Rep, class Period>
  static constexpr Nanoseconds convert(std::chrono::duration<Rep, Period> length) {
    if constexpr (std::chrono::treat_as_floating_point_v<Rep>) {
      if (length.count() != length.count()) throw ValueError("Invalid delay: NaN (not a number)");
    }
    using Wide = std::chrono::duration<long double, std::nano>;
    constexpr auto kMost = static_cast<long double>(std::numeric_limits<std::int64_t>::max());
    if constexpr (std::ratio_greater_v<Period, std::nano> ||
                  std::chrono::treat_as_floating_point_v<Rep>) {
      if (Wide(length).count() >= kMost) return Nanoseconds::max();
      if (Wide(length).count() <= -kMost) return Nanoseconds::min();
    }
    return std::chrono::duration_cast<Nanoseconds>(length);
  }

  Nanoseconds value_{0};
};

namespace base {

/// a + b, held at the ends instead of wrapping: a deadline "for ever from now" is for ever.
[[nodiscard]] constexpr Nanoseconds saturating_add(Nanoseconds a, Nanoseconds b) noexcept {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.count(), b.count(), &sum)) {
    return b.count() > 0 ? Nanoseconds::max() : Nanoseconds::min();
  }
  return Nanoseconds(sum);
}

}  // namespace base
}  // namespace asyncio
