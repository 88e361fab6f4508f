// Semaphore: at most so many tasks at a time.
#pragma once

#include <cstddef>
#include <exception>
#include <limits>
#include <string>

#include "asyncio/sync/acquire.hpp"
#include "asyncio/task/immediate.hpp"

namespace asyncio {

/// A count of permits for tasks of one loop. acquire() takes one, release() gives one back; anyone
/// may release. Used like a Lock: with(), enter(), or `auto guard = co_await semaphore.scoped();`.
///
/// First come, first served: a release hands the permit to the longest waiting task, and a task
/// that comes while others are about to get theirs queues up behind them.
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Must outlive who
/// waits for it: a task that still does is cancelled, with a warning. Loop thread only. Python:
/// asyncio.Semaphore.
class Semaphore : private detail::LoopBound {
 public:
  /// ValueError for a negative value.
  explicit Semaphore(std::ptrdiff_t value = 1);
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Waits for a permit; `true`. Does not suspend when there is one and nobody waits. A cancelled
  /// wait gives back what it was handed. Python: Semaphore.acquire.
  [[nodiscard]] AcquireAwaiter<Semaphore, bool> acquire() noexcept {
    return AcquireAwaiter<Semaphore, bool>(*this);
  }
  /// acquire(), as a guard that releases.
  [[nodiscard]] AcquireAwaiter<Semaphore, Guard<Semaphore>> scoped() noexcept {
    return AcquireAwaiter<Semaphore, Guard<Semaphore>>(*this);
  }
  /// One permit more. ValueError from a BoundedSemaphore that would exceed its initial value.
  /// Python: Semaphore.release.
  void release();
  /// Whether acquire() would wait: no permit is left, or others come first.
  /// Python: Semaphore.locked.
  [[nodiscard]] bool locked() const noexcept { return value_ == 0 || waiters_.contended(); }
  /// "<asyncio.Semaphore [unlocked, value:2]>". Python: repr.
  [[nodiscard]] std::string repr() const;

  // For with() and enter(). Python: __aenter__, __aexit__.
  [[nodiscard]] AcquireAwaiter<Semaphore, void> aenter() noexcept {
    return AcquireAwaiter<Semaphore, void>(*this);
  }
  detail::Immediate aexit(const std::exception_ptr&) {
    release();
    return detail::Immediate();
  }

 protected:
  Semaphore(std::ptrdiff_t value, std::ptrdiff_t bound);

 private:
  template <class P, class T>
  friend class AcquireAwaiter;
  friend class Guard<Semaphore>;
  static constexpr std::ptrdiff_t kUnbounded = std::numeric_limits<std::ptrdiff_t>::max();

  bool try_acquire() noexcept {
    if (locked()) return false;
    --value_;
    return true;
  }
  /// The turn of one who waited: the permit it was handed is its own, or goes on.
  void settle(detail::QueuedWait& waiter, bool cancelled) noexcept;
  void release_guarded() noexcept {
    if (value_ < bound_) give_back();
  }
  void give_back() noexcept;
  bool hand_over() noexcept;

  detail::WaitQueue waiters_;
  base::List<Guard<Semaphore>> guards_;
  std::ptrdiff_t value_;
  std::ptrdiff_t bound_;
};

/// A Semaphore that cannot be released more often than it was acquired: release() throws
/// ValueError. Python: asyncio.BoundedSemaphore.
class BoundedSemaphore : public Semaphore {
 public:
  /// ValueError for a negative value.
  explicit BoundedSemaphore(std::ptrdiff_t value = 1) : Semaphore(value, value) {}
};

}  // namespace asyncio
