#include "asyncio/threads/close_in_order.hpp"

#include <chrono>
#include <utility>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/asyncgens.hpp"
#include "asyncio/task/drive.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/threads/default_executor.hpp"

namespace asyncio::detail {
namespace {

// Python: THREAD_JOIN_TIMEOUT.
constexpr auto kExecutorTimeout = std::chrono::seconds(300);

void run_to_end(Scheduler& scheduler, Coro<> work) {
  const Task<> task = spawn(scheduler, std::move(work));
  task.task_block()->expect_pending();
  run_until_done(scheduler, task);
  task.result();
}

}  // namespace

void close_in_order(Scheduler& scheduler) {
  struct CloseLoop {
    Scheduler& loop;
    ~CloseLoop() { loop.close(); }
  } const at_last{scheduler};
  cancel_and_join_all(scheduler);
  if (has_asyncgens(scheduler)) run_to_end(scheduler, shutdown_asyncgens(scheduler));
  if (scheduler.thread_state) {
    run_to_end(scheduler, shutdown_default_executor(scheduler, kExecutorTimeout));
  }
}

}  // namespace asyncio::detail
