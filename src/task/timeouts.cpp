#include "asyncio/task/timeouts.hpp"

#include <array>
#include <cstdio>

#include "asyncio/loop/scheduler.hpp"

namespace asyncio {

namespace {

const char* const kNames[] = {"created", "active", "expiring", "expired", "finished"};

// Seconds as Python writes round(when, 3): "1234.5", "7200.0".
std::string seconds_text(Nanoseconds when) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.3f", std::chrono::duration<double>(when).count());
  std::string result = text.data();
  while (result.ends_with("0") && !result.ends_with(".0")) result.pop_back();
  return result;
}

}  // namespace

std::string Timeout::repr() const {
  std::string text = std::string("<Timeout [") + kNames[static_cast<int>(state_)] + "]";
  if (state_ == State::created || state_ == State::active) {
    text += " when=" + (when_ ? seconds_text(*when_) : "None");
  }
  return text + ">";
}

void Timeout::enter() {
  if (state_ != State::created) throw RuntimeError("Timeout has already been entered");
  detail::TaskBase* task = detail::TaskBase::current();
  if (task == nullptr) throw RuntimeError("Timeout should be used inside a task");
  task_ = detail::Ref<detail::FutureBase>(task);
  cancelling_before_ = task->cancelling();
  state_ = State::active;
  reschedule(when_);
}

detail::Immediate Timeout::aenter() {
  enter();
  return detail::Immediate();
}

void Timeout::reschedule(std::optional<Nanoseconds> when) {
  if (state_ == State::created) throw RuntimeError("Timeout has not been entered");
  if (state_ != State::active) {
    throw RuntimeError(std::string("Cannot change state of ") + kNames[static_cast<int>(state_)] +
                       " Timeout");
  }
  when_ = when;
  disarm();
  if (!when || *when == Nanoseconds::max()) return;
  Scheduler& scheduler = task_->scheduler();
  if (*when <= scheduler.time()) {
    // In the ready queue, before whatever the block makes ready, as CPython has it.
    soon_ = scheduler.call_soon([this] { fire(); });
  } else {
    alarm_.owner = this;
    scheduler.arm(alarm_, *when);
  }
}

void Timeout::fire() noexcept {
  task_->cancel({});
  state_ = State::expiring;
}

void Timeout::disarm() noexcept {
  soon_.cancel();
  if (alarm_.armed()) task_->scheduler().disarm(alarm_);
}

std::exception_ptr Timeout::leave(const std::exception_ptr& error) {
  disarm();
  if (state_ != State::expiring) {
    state_ = State::finished;
    return error;
  }
  state_ = State::expired;
  const unsigned still = static_cast<detail::TaskBase&>(*task_).uncancel();
  if (still > cancelling_before_ || !base::exception_is<CancelledError>(error)) return error;
  try {
    return std::make_exception_ptr(TimeoutError());
  } catch (...) {
    return std::current_exception();  // also that there was no memory for it
  }
}

Timeout timeout(std::optional<Delay> delay) {
  if (!delay) return Timeout(std::nullopt);
  return Timeout(detail::deadline_after(*delay));
}

Timeout timeout_at(std::optional<Nanoseconds> when) { return Timeout(when); }

namespace detail {

Nanoseconds deadline_after(Delay delay) {
  return base::saturating_add(running_scheduler().time(), delay.value());
}

}  // namespace detail
}  // namespace asyncio
