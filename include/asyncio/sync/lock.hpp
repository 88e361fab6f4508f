// Lock: one task at a time.
#pragma once

#include <exception>
#include <string>

#include "asyncio/sync/acquire.hpp"
#include "asyncio/task/immediate.hpp"

namespace asyncio {

/// A mutex for tasks of one loop. Not owned by a task: any may release it. Not recursive.
///
///   co_await with(lock, [&]() -> Coro<> { ... });   // released whatever ends the block
///   auto guard = co_await lock.scoped();             // released when the guard goes
///
/// First come, first served: a release wakes the longest waiting task, which has the lock a turn
/// later. Until then locked() is false, and yet nobody overtakes it.
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Must outlive who
/// waits for it: a task that still does is cancelled, with a warning. Loop thread only. Python:
/// asyncio.Lock.
class Lock : private detail::LoopBound {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  /// Waits until the lock is ours; `true`. Does not suspend when it is free and nobody waits. A
  /// cancelled wait leaves the lock to the next. Python: Lock.acquire.
  [[nodiscard]] AcquireAwaiter<Lock, bool> acquire() noexcept {
    return AcquireAwaiter<Lock, bool>(*this);
  }
  /// acquire(), as a guard that releases.
  [[nodiscard]] AcquireAwaiter<Lock, Guard<Lock>> scoped() noexcept {
    return AcquireAwaiter<Lock, Guard<Lock>>(*this);
  }
  /// Unlocks it and wakes the longest waiting task. Any task may. RuntimeError when it is not
  /// locked. Python: Lock.release.
  void release();
  /// Whether a task has it. Python: Lock.locked.
  [[nodiscard]] bool locked() const noexcept { return locked_; }
  /// "<asyncio.Lock [locked, waiters:2]>". Python: repr.
  [[nodiscard]] std::string repr() const;

  // For with() and enter(). Python: __aenter__, __aexit__.
  [[nodiscard]] AcquireAwaiter<Lock, void> aenter() noexcept {
    return AcquireAwaiter<Lock, void>(*this);
  }
  detail::Immediate aexit(const std::exception_ptr&) {
    release();
    return detail::Immediate();
  }

 private:
  template <class P, class T>
  friend class AcquireAwaiter;
  friend class Guard<Lock>;
  friend class Condition;
  friend class ConditionWait;

  /// Takes it when it is free and nobody has a claim.
  bool try_acquire() noexcept {
    if (locked_ || waiters_.contended()) return false;
    locked_ = true;
    return true;
  }
  /// The turn of one who waited: it has the lock now, or was cancelled.
  void settle(detail::QueuedWait& waiter, bool cancelled) noexcept;
  void release_guarded() noexcept {
    if (locked_) unlock();
  }
  void unlock() noexcept {
    locked_ = false;
    waiters_.wake_head();
  }

  detail::WaitQueue waiters_;
  base::List<Guard<Lock>> guards_;
  bool locked_ = false;
};

}  // namespace asyncio
