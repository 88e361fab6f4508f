#include "asyncio/threads/run_workers.hpp"

#include <pthread.h>

#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/drive.hpp"
#include "asyncio/task/remote_task.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/threads/close_in_order.hpp"

namespace asyncio::detail {

/// The threads, and what they and the awaiting loop tell each other.
class WorkerGroup final : public std::enable_shared_from_this<WorkerGroup> {
 public:
  WorkerGroup(std::size_t count, WorkerMain main) : main_(std::move(main)), workers_(count) {}
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;
  ~WorkerGroup() { join(); }

  /// On the awaiting loop's thread. When a thread cannot be had, those that began are ended first.
  void start(RunWorkers& waiter, Scheduler& home);
  /// Asks every worker to end. Any thread.
  void cancel(std::string_view message);
  /// The await is over: nobody is to be woken.
  void forget_waiter() noexcept { waiter_ = nullptr; }
  void join() noexcept;
  /// What the await ends with. Once all have ended.
  [[nodiscard]] const std::exception_ptr& error() const noexcept {
    return failure_ ? failure_ : cancellation_;
  }

 private:
  struct Worker {
    std::thread thread;
    std::optional<Context> context;
    RemoteTask main;
  };
  // Comes home as a job of the workers' would. Embedded, so that an end takes no memory to tell.
  struct News final : BlockingJob {
    void run() noexcept override {}
    void done() noexcept override {
      const std::shared_ptr<WorkerGroup> kept = std::move(self);
      if (kept->waiter_ != nullptr) kept->waiter_->wake();
    }
    std::shared_ptr<WorkerGroup> self;
  };

  void run_worker(std::size_t index) noexcept;
  std::exception_ptr run_main(Scheduler& scheduler, std::size_t index);
  void register_main(std::size_t index, const Task<>& main);
  void on_ended(const std::exception_ptr& error) noexcept;

  WorkerMain main_;
  std::shared_ptr<RemoteLoop> home_;
  RunWorkers* waiter_ = nullptr;  // the awaiting loop's thread
  News news_;

  std::mutex mutex_;  // what follows
  std::vector<Worker> workers_;
  std::size_t running_ = 0;
  unsigned requests_ = 0;  // to end
  std::exception_ptr failure_;
  std::exception_ptr cancellation_;  // of a worker
};

void WorkerGroup::start(RunWorkers& waiter, Scheduler& home) {
  home_ = home.remote();
  for (Worker& worker : workers_) worker.context = copy_context();
  running_ = workers_.size();
  waiter_ = &waiter;
  news_.self = shared_from_this();  // until it has come home
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    try {
      workers_[i].thread = std::thread([this, i] { run_worker(i); });
    } catch (const std::exception& e) {
      cancel({});
      join();
      news_.self.reset();
      throw RuntimeError("can't start worker thread " + std::to_string(i) + ": " + e.what());
    }
  }
}

void WorkerGroup::cancel(std::string_view message) {
  const std::lock_guard lock(mutex_);
  ++requests_;
  for (const Worker& worker : workers_) worker.main.cancel(message);
}

void WorkerGroup::join() noexcept {
  for (Worker& worker : workers_) {
    if (worker.thread.joinable()) worker.thread.join();
  }
}

// --- in a worker's thread -----------------------------------------------------------------------

void WorkerGroup::run_worker(std::size_t index) noexcept {
  std::exception_ptr error;
  try {
    ::pthread_setname_np(::pthread_self(), ("worker-" + std::to_string(index)).c_str());
    Scheduler scheduler;
    try {
      error = run_main(scheduler, index);
    } catch (...) {
      error = std::current_exception();  // KeyboardInterrupt and SystemExit leave the loop
    }
    close_in_order(scheduler);
  } catch (...) {
    if (!error) error = std::current_exception();
  }
  on_ended(error);
}

std::exception_ptr WorkerGroup::run_main(Scheduler& scheduler, std::size_t index) {
  const Task<> main = spawn(scheduler, main_(index), {.context = &*workers_[index].context});
  main.task_block()->expect_pending();
  register_main(index, main);
  run_until_done(scheduler, main);
  remember_failure(main);
  main.block()->mark_retrieved();
  return main.block()->error();
}

void WorkerGroup::register_main(std::size_t index, const Task<>& main) {
  const std::lock_guard lock(mutex_);
  workers_[index].main = main.remote();
  for (unsigned i = 0; i < requests_; ++i) main.cancel();
}

void WorkerGroup::on_ended(const std::exception_ptr& error) noexcept {
  bool first_failure = false;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    if (base::exception_is<CancelledError>(error)) {
      if (!cancellation_) cancellation_ = error;
    } else if (error && !failure_) {
      failure_ = error;
      first_failure = true;
    }
    last = --running_ == 0;
  }
  if (first_failure && !last) cancel({});
  if (last) home_->deliver(news_);
}

// --- the await ----------------------------------------------------------------------------------

RunWorkers::RunWorkers(std::size_t count, WorkerMain main) {
  if (count == 0) throw ValueError("run_workers: there must be at least one worker");
  group_ = std::make_shared<WorkerGroup>(count, std::move(main));
}

RunWorkers::~RunWorkers() {
  if (!group_) return;
  group_->forget_waiter();
  group_->cancel({});
  group_->join();
}

bool RunWorkers::await_suspend(Continuation continuation) {
  try {
    group_->start(*this, current_scheduler());
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
  return park(continuation);
}

bool RunWorkers::abort() {
  if (stranded()) return true;  // the loop closes: the destructor ends them
  group_->cancel(cancel_message());
  return false;
}

std::exception_ptr RunWorkers::error() {
  if (cancelled()) return cancellation();
  if (failure_) return failure_;
  group_->join();
  return group_->error();
}

}  // namespace asyncio::detail
