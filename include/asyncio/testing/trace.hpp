// What a simulated world has done, as one number or as text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"

namespace asyncio::testing {

/// A hash over (time, event, two numbers), and the events themselves when they are kept. Two runs
/// with the same seed have equal hashes, whatever the compiler: a difference is a bug, either of
/// the simulation or of a program that asks something else than the loop for time or chance.
class EventTrace {
 public:
  struct Event {
    Nanoseconds time;
    const char* name;
    std::int64_t subject;
    std::int64_t result;
  };

  /// `name` is a literal.
  void add(Nanoseconds time, const char* name, std::int64_t subject, std::int64_t result) {
    mix(static_cast<std::uint64_t>(time.count()));
    for (const char* c = name; *c != '\0'; ++c) mix(static_cast<unsigned char>(*c));
    mix(static_cast<std::uint64_t>(subject));
    mix(static_cast<std::uint64_t>(result));
    ++count_;
    if (kept_) events_.push_back({time, name, subject, result});
  }
  void keep(bool wanted) noexcept { kept_ = wanted; }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] const std::vector<Event>& events() const noexcept { return events_; }
  /// One line for each event kept: "+0.000050000 recv 3 = 5".
  [[nodiscard]] std::string text() const;

 private:
  void mix(std::uint64_t value) noexcept {
    hash_ = (hash_ ^ value) * 0x100000001B3U;
    hash_ ^= hash_ >> 29;
  }

  std::uint64_t hash_ = 0xCBF29CE484222325U;
  std::uint64_t count_ = 0;
  bool kept_ = false;
  std::vector<Event> events_;
};

}  // namespace asyncio::testing
