// Chance that can be had again: the same seed gives the same numbers, on every compiler.
#pragma once

#include <cstdint>

namespace asyncio::testing {

/// splitmix64. Not for secrets. The standard library's distributions differ from one implementation
/// to the next, so this has its own.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  /// 64 bits.
  std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
  }
  /// 0 to `end` - 1; 0 when `end` is 0. (Tiny ends only: it does not care for the last bit of
  /// fairness.)
  std::uint64_t below(std::uint64_t end) noexcept { return end == 0 ? 0 : next() % end; }
  /// True once in `count` times; never for 0.
  bool one_in(std::uint64_t count) noexcept { return count != 0 && below(count) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace asyncio::testing
