#include "asyncio/loop/handle.hpp"

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

void CallbackBlock::invoke() noexcept {
  // A closed loop runs its queues once more only to let go of what is in them.
  if (cancelled_ || scheduler_->is_closed()) return;
  running_ = true;
  try {
    call();
  } catch (const KeyboardInterrupt&) {
    scheduler_->set_fatal(std::current_exception());
  } catch (const SystemExit&) {
    scheduler_->set_fatal(std::current_exception());
  } catch (...) {
    scheduler_->call_exception_handler(
        ExceptionContext("Exception in callback", std::current_exception()));
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
