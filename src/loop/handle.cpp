#include "asyncio/loop/handle.hpp"

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

void CallbackBlock::invoke() noexcept {
  // A closed loop runs its queues once more only to let go of what is in them.
  if (cancelled_ || scheduler_->is_closed()) return;
  running_ = true;
  try {
    call();
  } catch (...) {
    scheduler_->report_caught("Exception in callback");
  }
  running_ = false;
  drop_callable();
}

void TimerBlock::disarm() noexcept {
  if (!armed()) return;
  scheduler_->disarm(*this);
  drop_reference();
}

}  // namespace asyncio::detail
