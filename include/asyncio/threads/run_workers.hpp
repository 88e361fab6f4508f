// run_workers(): the same coroutine on several cores, each with a loop and a thread of its own.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

namespace detail {

class WorkerGroup;

/// What each worker runs, told its number; called by several threads at a time.
using WorkerMain = std::function<Coro<>(std::size_t)>;

/// Await of run_workers().
class RunWorkers final : public Suspend, public AsCoro<RunWorkers, void> {
 public:
  /// ValueError when `count` is 0.
  RunWorkers(std::size_t count, WorkerMain main);
  RunWorkers(RunWorkers&&) noexcept = default;
  /// Cancels the workers that still run, and waits for them.
  ~RunWorkers();

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation);
  void await_resume() {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  }
  [[nodiscard]] std::exception_ptr error();

 private:
  friend class WorkerGroup;
  bool abort() override;

  std::shared_ptr<WorkerGroup> group_;
  std::exception_ptr failure_;
};

}  // namespace detail

/// Runs `main(0)` ... `main(count - 1)` at once, each as the main task of a loop in a thread of its
/// own, and waits for the last of them. A program that serves on all its cores starts a server with
/// `.reuse_port = true` in each, and the kernel spreads the connections.
///
/// The first that fails cancels the others; its error is raised once all have ended. Cancelling the
/// await cancels every worker's main task - once for each request, as cancelling a task does - and
/// goes on waiting: each ends in its own time, its loop is closed in order as run() does, and then
/// the await ends. `main` is called in the workers' threads and lives until the end; what its
/// coroutines share must bear several threads. Each runs in a copy of the caller's context.
/// RuntimeError when a thread cannot be had; ValueError when `count` is 0.
/// Python: a process manager's workers (gunicorn --workers), as threads.
template <class F>
[[nodiscard]] detail::RunWorkers run_workers(std::size_t count, F&& main) {
  static_assert(detail::kSafeInPlace<F>,
                "this g++ destroys the captures of a lambda inside a co_await expression twice: "
                "name the lambda first and pass it by name");
  return {count, detail::WorkerMain(std::forward<F>(main))};
}

}  // namespace asyncio
