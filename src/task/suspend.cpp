#include "asyncio/task/suspend.hpp"

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/observer.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio {

void Suspend::attach(detail::Continuation continuation) noexcept {
  detail::TaskBase* task = detail::TaskBase::current();
  ASYNCIO_CHECK(task != nullptr,
                "this await suspends, and no task runs here: start the coroutine with "
                "asyncio::run() or create_task()");
  ASYNCIO_DEBUG_CHECK(task->parked_ == nullptr, "a task can wait for one thing at a time");
  task_ = task;
  continuation_ = continuation;
  cancelled_ = false;
  told_ = false;
  task->parked_ = this;
}

bool Suspend::park(detail::Continuation continuation) noexcept {
  attach(continuation);
  state_ = State::parked;
  if (task_->root_.must_cancel) [[unlikely]] {
    task_->root_.must_cancel = false;
    tell_to_abort();
  }
  if (auto* observer = detail::TaskObserver::installed) [[unlikely]]
    observer->on_park(*task_, false);
  return true;
}

void Suspend::tell_to_abort() noexcept {
  if (abort()) {
    cancelled_ = true;
    wake();
  }
  told_ = !parked();
}

bool Suspend::park_woken(detail::Continuation continuation) noexcept {
  attach(continuation);
  state_ = State::woken;
  task_->scheduler().push(task_);
  if (auto* observer = detail::TaskObserver::installed) [[unlikely]]
    observer->on_park(*task_, true);
  return true;
}

void Suspend::wake() noexcept {
  if (state_ != State::parked) return;
  state_ = State::woken;
  task_->scheduler().push(task_);
  if (auto* observer = detail::TaskObserver::installed) [[unlikely]]
    observer->on_wake(*task_);
}

void Suspend::leave() noexcept {
  // The coroutine is destroyed while it waits: only a loop that closes does that.
  if (task_->parked_ == this) task_->parked_ = nullptr;
}

std::exception_ptr Suspend::cancellation() const {
  return cancelled_ ? task_->make_cancelled_error() : nullptr;
}

void Suspend::cancel_at_next_turn() noexcept { task_->root_.must_cancel = true; }

std::string_view Suspend::cancel_message() const noexcept { return task_->cancel_message(); }

}  // namespace asyncio
