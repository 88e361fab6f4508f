// Where to_thread() and run_in_executor(nullptr) run: the executor that was set for the loop, else
// the backend's worker threads, so that a simulated backend decides what threads do.
#pragma once

#include <memory>
#include <optional>

#include "asyncio/base/delay.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"

namespace asyncio::detail {

class DefaultExecutor;

/// Work for the default executor. ended() comes once, however it went: on the loop's thread, or on
/// the worker's when the loop has closed meanwhile.
class ThreadJob : public BlockingJob {
 public:
  /// Throws RuntimeError; then nothing will run and ended() does not come.
  void submit(Scheduler& scheduler);
  void done() noexcept final;

 protected:
  virtual void ended() noexcept = 0;

 private:
  friend class DefaultExecutor;
  struct Place : base::ListNode {
    explicit Place(ThreadJob* of) noexcept : job(of) {}
    ThreadJob* job;
  };

  DefaultExecutor* executor_ = nullptr;  // while it is under way and the loop is open
  Place place_{this};
};

/// What a loop knows of its default executor.
class DefaultExecutor final : public LayerState {
 public:
  explicit DefaultExecutor(Scheduler& scheduler) noexcept : scheduler_(&scheduler) {}
  ~DefaultExecutor() override;

  static DefaultExecutor& of(Scheduler& scheduler);

  void submit(ThreadJob& job);
  void set(std::shared_ptr<concurrent::ThreadPoolExecutor> executor);
  Coro<> shutdown(std::optional<Delay> timeout);

 private:
  friend class ThreadJob;

  void join(ThreadJob& job) noexcept;
  void leave(ThreadJob& job) noexcept;
  void forget_jobs() noexcept;
  Future<> all_ended();
  void give_up() noexcept;

  Scheduler* scheduler_;
  std::shared_ptr<concurrent::ThreadPoolExecutor> executor_;  // null: the backend's workers
  base::List<ThreadJob::Place> jobs_;
  std::optional<Future<>> when_ended_;
  bool shut_down_ = false;
};

/// Python: loop.shutdown_default_executor. `scheduler` must outlive it.
Coro<> shutdown_default_executor(Scheduler& scheduler, std::optional<Delay> timeout);

}  // namespace asyncio::detail
