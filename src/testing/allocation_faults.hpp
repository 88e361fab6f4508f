// Which allocation of a run fails. What the simulated world and the torture itself allocate is
// neither counted nor made to fail: they are not what is tested.
#pragma once

#include <cstdint>

namespace asyncio::testing {

/// Of this thread.
class AllocationFaults {
 public:
  /// From now on the `index`-th allocation fails (0: the next), and with `all` every one after it.
  static void arm(std::uint64_t index, bool all) noexcept;
  /// True when one has failed since arm().
  static bool disarm() noexcept;
  /// Called before an allocation; throws std::bad_alloc when it is its turn.
  static void count();

  /// While one lives, nothing is counted.
  class Spared {
   public:
    Spared() noexcept { ++spared_; }
    Spared(const Spared&) = delete;
    ~Spared() { --spared_; }
  };
  /// While one lives, the code of the program runs, also inside of what is spared.
  class Exposed {
   public:
    Exposed() noexcept : before_(spared_) { spared_ = 0; }
    Exposed(const Exposed&) = delete;
    ~Exposed() { spared_ = before_; }

   private:
    int before_;
  };

 private:
  static inline constinit thread_local std::uint64_t left_ = 0;
  static inline constinit thread_local int spared_ = 0;
  static inline constinit thread_local bool armed_ = false;
  static inline constinit thread_local bool all_ = false;
  static inline constinit thread_local bool failed_ = false;
};

}  // namespace asyncio::testing
