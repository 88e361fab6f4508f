// sleep().
#pragma once

#include <type_traits>
#include <utility>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/timer.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

/// The awaiter behind sleep().
class SleepBase : public Suspend, private TimerNode {
 public:
  explicit SleepBase(Delay delay) noexcept : TimerNode(&SleepBase::on_timer) {
    deadline = delay.value();
  }
  SleepBase(SleepBase&& other) noexcept
      : Suspend(std::move(other)), TimerNode(&SleepBase::on_timer) {
    deadline = other.deadline;
  }

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(detail::Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 protected:
  ~SleepBase() {
    if (armed()) [[unlikely]]
      disarm();
  }
  void check() {
    if (cancelled()) [[unlikely]]
      std::rethrow_exception(cancellation());
  }

 private:
  // The timer is a base, and the delay stands where the deadline will: a million sleepers care.
  static void on_timer(TimerNode* timer) { static_cast<SleepBase*>(timer)->wake(); }

  bool abort() override {
    if (armed()) disarm();
    return true;
  }
  void disarm() noexcept;
};

class Sleep final : public SleepBase, public AsCoro<Sleep, void> {
 public:
  using SleepBase::SleepBase;
  void await_resume() { check(); }
};

template <class T>
class SleepWith final : public SleepBase, public AsCoro<SleepWith<T>, T> {
 public:
  SleepWith(Delay delay, T result) : SleepBase(delay), result_(std::move(result)) {}
  T await_resume() {
    check();
    return std::move(result_);
  }

 private:
  T result_;
};

/// Suspends the task for at least `delay`; zero or less gives the others exactly one turn.
/// Cancelling takes the timer away at once. ValueError for NaN. Python: asyncio.sleep.
[[nodiscard]] inline Sleep sleep(Delay delay) { return Sleep(delay); }

/// The same, and `co_await` gives `result`.
template <class T>
[[nodiscard]] SleepWith<std::decay_t<T>> sleep(Delay delay, T&& result) {
  return SleepWith<std::decay_t<T>>(delay, std::forward<T>(result));
}

}  // namespace asyncio
