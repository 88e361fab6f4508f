// Condition: wait until another task says that something has changed.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/sync/lock.hpp"

namespace asyncio {

class Condition;

/// What Condition::wait() gives: the wait for the notification and then for the lock, in one await.
/// However it ends, it ends with the lock held.
class ConditionWait final : public detail::QueuedWait, public AsCoro<ConditionWait, bool> {
 public:
  explicit ConditionWait(Condition& condition) noexcept : condition_(&condition) {}

  [[nodiscard]] bool await_ready();
  bool await_suspend(detail::Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const { return failure(); }
  bool await_resume() {
    check();
    return true;
  }

 private:
  enum class Phase : unsigned char { notification, lock };

  bool abort() override;
  bool retry() override;
  void lost() override;

  bool queue_for_lock();
  void pass_on() noexcept;

  Condition* condition_;
  Phase phase_ = Phase::notification;
  bool cancelled_now_ = false;   // the part of the wait that ends with this turn
  bool cancelled_once_ = false;  // any part: to be told once the lock is ours
};

/// A lock, and a queue of tasks that wait for a change of what it protects.
///
///   co_await with(condition, [&]() -> Coro<> {
///     co_await condition.wait_for([&] { return !jobs.empty(); });
///     ...
///   });
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Must outlive who
/// waits for it: a task that still does is cancelled, with a warning. Loop thread only. Python:
/// asyncio.Condition.
class Condition : private detail::LoopBound {
 public:
  /// With a lock of its own.
  Condition() noexcept : lock_(&own_lock_) {}
  /// With a lock that it shares with others and that outlives it.
  explicit Condition(Lock& lock) noexcept : lock_(&lock) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  /// As those of the lock. Python: Condition.acquire, release, locked.
  [[nodiscard]] AcquireAwaiter<Lock, bool> acquire() noexcept { return lock_->acquire(); }
  [[nodiscard]] AcquireAwaiter<Lock, Guard<Lock>> scoped() noexcept { return lock_->scoped(); }
  void release() { lock_->release(); }
  [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }

  /// Releases the lock, waits for a notification, and takes the lock again; `true`. RuntimeError
  /// when it is not locked.
  ///
  /// It ends with the lock held, also when it is cancelled: that is delivered once it has the lock,
  /// however often it was cancelled. A notification is not lost then: another task gets it. So a
  /// wait may also end without one that was meant for it; wait_for() looks again.
  /// Python: Condition.wait.
  [[nodiscard]] ConditionWait wait() noexcept { return ConditionWait(*this); }

  /// Waits until `predicate()` holds, which is asked with the lock held, now and after each
  /// notification, and gives its value. Python: Condition.wait_for.
  template <class F>
    requires std::invocable<std::decay_t<F>&>
  [[nodiscard]] auto wait_for(F&& predicate) {
    static_assert(detail::kSafeInPlace<F>,
                  "this g++ destroys the captures of a lambda inside a co_await expression twice: "
                  "name the lambda first (auto ready = [...]...;) and pass it by name");
    return wait_until_holds<std::decay_t<F>>(*this, std::forward<F>(predicate));
  }

  /// Wakes at most `n` of those who wait; they have the lock once it is released, in turn.
  /// RuntimeError when it is not locked. Python: Condition.notify.
  void notify(std::size_t n = 1);
  /// Wakes all who wait. RuntimeError when it is not locked. Python: Condition.notify_all.
  void notify_all();
  /// "<asyncio.Condition [locked, waiters:2]>". Python: repr.
  [[nodiscard]] std::string repr() const;

  // For with() and enter(). Python: __aenter__, __aexit__.
  [[nodiscard]] AcquireAwaiter<Lock, void> aenter() noexcept { return lock_->aenter(); }
  detail::Immediate aexit(const std::exception_ptr& error) { return lock_->aexit(error); }

 private:
  friend class ConditionWait;

  template <class F>
  static Coro<std::decay_t<std::invoke_result_t<F&>>> wait_until_holds(Condition& self,
                                                                       F predicate) {
    auto result = predicate();
    while (!result) {
      co_await pass(self.wait());
      result = predicate();
    }
    co_return result;
  }

  Lock own_lock_;
  Lock* lock_;
  detail::WaitQueue waiters_;
};

}  // namespace asyncio
