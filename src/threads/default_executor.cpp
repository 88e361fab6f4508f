#include "asyncio/threads/default_executor.hpp"

#include <array>
#include <cstdio>
#include <string>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/task/timeouts.hpp"

namespace asyncio::detail {
namespace {

// A job on an executor of the program's: it comes home by itself. Owns itself.
class Errand final : public BlockingJob {
 public:
  Errand(BlockingJob& job, Scheduler& scheduler) : job_(&job), loop_(scheduler.remote()) {}
  void run() noexcept override { job_->run(); }
  void done() noexcept override {
    loop_->deliver(*job_);
    delete this;
  }

 private:
  BlockingJob* job_;
  std::shared_ptr<RemoteLoop> loop_;
};

// "0.01", as Python writes a float in a message.
std::string seconds_text(Delay delay) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", delay.seconds());
  return text.data();
}

}  // namespace

// --- jobs ---------------------------------------------------------------------------------------

void ThreadJob::submit(Scheduler& scheduler) { DefaultExecutor::of(scheduler).submit(*this); }

void ThreadJob::done() noexcept {
  if (executor_ != nullptr) executor_->leave(*this);
  ended();
}

// --- the loop's executor ------------------------------------------------------------------------

DefaultExecutor& DefaultExecutor::of(Scheduler& scheduler) {
  if (!scheduler.thread_state) {
    scheduler.thread_state = std::make_unique<DefaultExecutor>(scheduler);
  }
  return static_cast<DefaultExecutor&>(*scheduler.thread_state);
}

DefaultExecutor::~DefaultExecutor() {
  // In this order: once the loop is out of reach, jobs end on their workers, at any moment.
  forget_jobs();
  scheduler_->remote()->detach();
}

void DefaultExecutor::submit(ThreadJob& job) {
  scheduler_->check_call();
  if (shut_down_) throw RuntimeError("Executor shutdown has been called");
  if (executor_) {
    auto errand = std::make_unique<Errand>(job, *scheduler_);
    join(job);
    try {
      executor_->post(*errand);
    } catch (...) {
      leave(job);
      throw;
    }
    errand.release();  // NOLINT(bugprone-unused-return-value): it owns itself now
    return;
  }
  join(job);
  try {
    scheduler_->backend().submit(job);
  } catch (...) {
    leave(job);
    throw;
  }
}

void DefaultExecutor::join(ThreadJob& job) noexcept {
  job.executor_ = this;
  jobs_.push_back(&job.place_);
}

void DefaultExecutor::leave(ThreadJob& job) noexcept {
  job.executor_ = nullptr;
  job.place_.unlink();
  if (jobs_.empty() && when_ended_ && !when_ended_->done()) when_ended_->set_result();
}

void DefaultExecutor::forget_jobs() noexcept {
  while (ThreadJob::Place* place = jobs_.pop_front()) place->job->executor_ = nullptr;
}

void DefaultExecutor::set(std::shared_ptr<concurrent::ThreadPoolExecutor> executor) {
  ASYNCIO_CHECK(executor != nullptr, "set_default_executor needs an executor");
  executor_ = std::move(executor);
}

// --- shutting down ------------------------------------------------------------------------------

Future<> DefaultExecutor::all_ended() {
  Future<> ended = make_future<void>(*scheduler_);
  if (executor_) {
    // Python waits in a thread made for this. Here the last of the executor's threads tells us.
    executor_->shutdown_then([loop = scheduler_->remote(), executor = this] {
      base::UniqueFunction<void()> tell = [executor] {
        if (!executor->when_ended_->done()) executor->when_ended_->set_result();
      };
      loop->call_soon(tell);
    });
  } else if (jobs_.empty()) {
    ended.set_result();
  }
  return ended;
}

void DefaultExecutor::give_up() noexcept {
  if (executor_) {
    executor_->shutdown({.wait = false});
  } else {
    forget_jobs();  // from now on they end on their workers
    scheduler_->backend().abandon_workers();
  }
}

Coro<> DefaultExecutor::shutdown(std::optional<Delay> timeout) {
  shut_down_ = true;
  if (!executor_ && jobs_.empty()) co_return;
  if (!when_ended_) when_ended_ = all_ended();
  auto outcome = co_await try_(wait_for(*when_ended_, timeout));
  if (outcome.ok()) co_return;
  if (!base::exception_is<TimeoutError>(outcome.exception())) {
    co_await raise(outcome.exception());
  }
  log(LogLevel::warning,
      "RuntimeWarning: The executor did not finishing joining its threads within " +
          seconds_text(*timeout) + " seconds.");
  give_up();
}

Coro<> shutdown_default_executor(Scheduler& scheduler, std::optional<Delay> timeout) {
  return DefaultExecutor::of(scheduler).shutdown(timeout);
}

}  // namespace asyncio::detail
