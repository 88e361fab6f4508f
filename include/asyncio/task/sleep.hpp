// sleep().
#pragma once

#include <type_traits>
#include <utility>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/timer.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

/// The awaiter behind sleep().
class SleepBase : public Suspend {
 public:
  explicit SleepBase(Delay delay) noexcept : delay_(delay.value()), timer_(&SleepBase::on_timer) {}
  SleepBase(SleepBase&& other) noexcept
      : Suspend(std::move(other)), delay_(other.delay_), timer_(&SleepBase::on_timer) {}

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(detail::Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 protected:
  ~SleepBase() { disarm(); }
  void check() {
    if (cancelled()) [[unlikely]]
      std::rethrow_exception(cancellation());
  }

 private:
  struct Alarm : TimerNode {
    using TimerNode::TimerNode;
    SleepBase* sleeper = nullptr;
  };
  static void on_timer(TimerNode* timer) { static_cast<Alarm*>(timer)->sleeper->wake(); }

  bool abort() override {
    disarm();
    return true;
  }
  void disarm() noexcept;

  Nanoseconds delay_;
  Alarm timer_;
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
