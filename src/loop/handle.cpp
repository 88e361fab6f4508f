#include "asyncio/loop/handle.hpp"

#include <chrono>

#include "asyncio/base/repr.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

void CallbackBlock::invoke() noexcept {
  // A closed loop runs its queues once more only to let go of what is in them.
  if (cancelled_ || scheduler_->is_closed()) return;
  running_ = true;
  try {
    const ContextScope scope(context_);
    if (scope.refused()) [[unlikely]]
      std::rethrow_exception(make_context_error());
    call();
  } catch (...) {
    scheduler_->report_caught("Exception in callback", nullptr, this);
  }
  running_ = false;
  drop_callable();
}

std::string CallbackBlock::state_text() const {
  return cancelled_ ? " cancelled" : " " + base::callable_name(callable_type()) + "()";
}

std::string TimerBlock::repr() const {
  const double when = std::chrono::duration<double>(deadline).count();
  return "<TimerHandle when=" + base::repr(when) + state_text() + ">";
}

void TimerBlock::disarm() noexcept {
  if (!armed()) return;
  scheduler_->disarm(*this);
  drop_reference();
}

}  // namespace asyncio::detail
