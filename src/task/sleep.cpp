#include "asyncio/task/sleep.hpp"

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio {

bool SleepBase::await_suspend(detail::Continuation continuation) {
  if (delay_.count() <= 0) return park_woken(continuation);
  Scheduler& scheduler = detail::running_scheduler();
  timer_.sleeper = this;
  scheduler.arm(timer_, base::saturating_add(scheduler.time(), delay_));
  return park(continuation);
}

void SleepBase::disarm() noexcept {
  if (timer_.armed()) task().scheduler().disarm(timer_);
}

}  // namespace asyncio
