// Running a loop until a task is done, and leaving nothing behind. What run() and Runner stand on.
#pragma once

#include "asyncio/task/future.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio::detail {

/// Scheduler::run_forever; inside a task, which is then none of the loop's, see allow_nesting().
void run_loop(Scheduler& scheduler);

/// Turns the loop until `future` is done. RuntimeError("Event loop stopped before Future
/// completed.") when stop() came first. What a callback throws past the loop (KeyboardInterrupt,
/// SystemExit) passes; the future's own error is then taken as retrieved.
void run_until_done(Scheduler& scheduler, const AnyFuture& future);

/// What `future` failed with is about to leave the loop: format_exception() then knows its way.
void remember_failure(const AnyFuture& future) noexcept;

/// Cancels all unfinished tasks and waits for their end, until none is left (CPython abandons those
/// that come up while the others unwind; we do not). What one fails with goes to the exception
/// handler. Must be called while the loop does not run.
void cancel_and_join_all(Scheduler& scheduler);

}  // namespace asyncio::detail
