#include "asyncio/task/sleep.hpp"

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio {

bool SleepBase::await_suspend(detail::Continuation continuation) {
  if (deadline.count() <= 0) return park_woken(continuation);
  Scheduler& scheduler = detail::running_scheduler();
  scheduler.arm(*this, base::saturating_add(scheduler.time(), deadline));
  return park(continuation);
}

void SleepBase::disarm() noexcept { task().scheduler().disarm(*this); }

}  // namespace asyncio
