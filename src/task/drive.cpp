#include "asyncio/task/drive.hpp"

#include <memory>

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

void run_loop(Scheduler& scheduler) {
  // A task that runs its loop from inside goes on when that run has ended; until then others are
  // stepped, and callbacks run in none.
  struct Outside {
    TaskBase* task = TaskBase::exchange_current(nullptr);
    ~Outside() { TaskBase::exchange_current(task); }
  } const outside;
  scheduler.run_forever();
}

void run_until_done(Scheduler& scheduler, const AnyFuture& future) {
  // A callback that is queued already cannot be removed. It would stop the next run, so it asks
  // whether this one is still on.
  const auto waiting = std::make_shared<bool>(true);
  const unsigned depth = scheduler.depth() + 1;
  const CallbackToken token = future.add_done_callback([&scheduler, waiting, depth](AnyFuture) {
    if (*waiting) scheduler.stop_run(depth);
  });
  try {
    run_loop(scheduler);
  } catch (...) {
    *waiting = false;
    future.remove_done_callback(token);
    if (future.done()) future.block()->mark_retrieved();
    throw;
  }
  *waiting = false;
  future.remove_done_callback(token);
  if (!future.done()) throw RuntimeError("Event loop stopped before Future completed.");
}

void remember_failure(const AnyFuture& future) noexcept {
  const auto* task = dynamic_cast<TaskBase*>(future.block());
  if (task == nullptr || task->cancelled() || !future.block()->error()) return;
  try {
    remember_traceback(future.block()->error(), task->traceback_marks());
  } catch (...) {
    // No memory: the error goes without it.
  }
}

namespace {

void report_failure(Scheduler& scheduler, const AnyTask& task) {
  FutureBase& block = *task.block();
  block.mark_retrieved();
  if (task.cancelled() || !block.error()) return;
  scheduler.call_exception_handler(
      ExceptionContext("unhandled exception during asyncio.run() shutdown", block.error(), &block));
}

}  // namespace

void cancel_and_join_all(Scheduler& scheduler) {
  for (;;) {
    const std::vector<AnyTask> tasks = all_tasks(scheduler);
    if (tasks.empty()) return;
    for (const AnyTask& task : tasks) task.cancel();
    for (const AnyTask& task : tasks) {
      if (!task.done()) run_until_done(scheduler, task);
    }
    for (const AnyTask& task : tasks) report_failure(scheduler, task);
  }
}

}  // namespace asyncio::detail
