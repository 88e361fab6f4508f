#include "asyncio/task/task_factory.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "task/task_state.hpp"

namespace asyncio {

AnyTask FactoryCoro::create_task(const TaskOptions& options) {
  if (made_) throw RuntimeError("cannot reuse already awaited coroutine");
  return made_ = make(options);
}

void set_task_factory(Scheduler& scheduler, TaskFactory factory) {
  detail::TaskState::of(scheduler).set_factory(std::move(factory));
}

TaskFactory get_task_factory(Scheduler& scheduler) {
  return detail::TaskState::of(scheduler).factory();
}

constinit std::atomic<unsigned> detail::loops_with_task_factory{0};

bool detail::asks_task_factory(Scheduler& scheduler) {
  return static_cast<bool>(TaskState::of(scheduler).factory());
}

AnyTask detail::run_task_factory(Scheduler& scheduler, FactoryCoro& coroutine,
                                 const TaskOptions& options) {
  scheduler.check_open();
  const TaskFactory factory = get_task_factory(scheduler);  // a copy: it may replace itself
  AnyTask task = factory(scheduler, coroutine, options);
  if (!task || !(task == coroutine.made_)) {
    throw TypeError("a task factory must return what coroutine.create_task(options) gave it");
  }
  return task;
}

}  // namespace asyncio
