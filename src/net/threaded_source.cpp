// The C library's getaddrinfo, or what the backend has instead of it, on worker threads.
#include <netdb.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/threads/default_executor.hpp"
#include "net/name_service.hpp"

namespace asyncio::detail {
namespace {

class ThreadedSource;

// Owns itself from submit() until ended(): its look-up may be abandoned while the thread works, and
// a thread that nobody waited for may come to it when the loop has gone.
class ResolveJob final : public ThreadJob {
 public:
  ResolveJob(std::shared_ptr<ThreadedSource> source, Scheduler& scheduler, LookUp& look_up);

  /// What has not begun never will.
  void forget() noexcept {
    look_up_ = nullptr;
    unwanted_.store(true, std::memory_order_relaxed);
  }

  void run() noexcept override {
    if (unwanted_.load(std::memory_order_relaxed)) return;
    ran_ = true;
    try {
      answer_ = backend_->resolve(query_);
    } catch (const std::bad_alloc&) {
      answer_.error = EAI_MEMORY;
      answer_.reason.clear();
    }
  }

  void ended() noexcept override;

 private:
  std::shared_ptr<ThreadedSource> source_;
  Scheduler* scheduler_;
  std::shared_ptr<Backend> backend_;
  ResolveQuery query_;
  ResolveAnswer answer_;
  LookUp* look_up_;  // loop thread
  std::atomic<bool> unwanted_{false};
  bool ran_ = false;
};

FoundName found_from(ResolveAnswer answer, bool ran) {
  FoundName found;
  if (!ran) {
    found.failure = std::make_exception_ptr(
        RuntimeError("the executor was shut down before the look-up could run"));
    return found;
  }
  found.addresses = std::move(answer.addresses);
  found.error = answer.error;
  found.reason = std::move(answer.reason);
  if (found.error == EAI_AGAIN) {
    found.reason += "; no name server could be asked: check the network and /etc/resolv.conf";
  }
  return found;
}

class ThreadedSource final : public NameSource,
                             public std::enable_shared_from_this<ThreadedSource> {
 public:
  ThreadedSource(Scheduler& scheduler, std::size_t most) noexcept
      : scheduler_(&scheduler), most_(std::max<std::size_t>(most, 1)) {}

  void begin(LookUp& look_up) override {
    if (running_ < most_) {
      start(look_up);
      return;
    }
    waiting_.push_back(&look_up);
  }

  void abandon(LookUp& look_up) noexcept override {
    look_up.unlink();
    if (look_up.ticket != nullptr) static_cast<ResolveJob*>(look_up.ticket)->forget();
    look_up.ticket = nullptr;
  }

  /// A thread is free.
  void job_ended() noexcept {
    --running_;
    while (running_ < most_) {
      LookUp* next = waiting_.pop_front();
      if (next == nullptr) return;
      start_or_fail(*next);
    }
  }

 private:
  void start(LookUp& look_up) {
    auto job = std::make_unique<ResolveJob>(shared_from_this(), *scheduler_, look_up);
    job->submit(*scheduler_);
    ++running_;
    look_up.ticket = job.release();  // NOLINT(bugprone-unused-return-value): it owns itself now
  }

  void start_or_fail(LookUp& look_up) noexcept {
    try {
      start(look_up);
    } catch (...) {
      FoundName found;
      found.failure = std::current_exception();
      look_up.finish(std::move(found));
    }
  }

  Scheduler* scheduler_;
  std::size_t most_;
  std::size_t running_ = 0;
  base::List<LookUp> waiting_;
};

ResolveJob::ResolveJob(std::shared_ptr<ThreadedSource> source, Scheduler& scheduler,
                       LookUp& look_up)
    : source_(std::move(source)),
      scheduler_(&scheduler),
      backend_(scheduler.share_backend()),
      look_up_(&look_up) {
  query_.host = look_up.question().host;
  query_.service = "0";
  query_.family = look_up.question().family;
  query_.passive = look_up.question().passive;
}

void ResolveJob::ended() noexcept {
  const std::unique_ptr<ResolveJob> self(this);
  if (look_up_ != nullptr) {
    look_up_->ticket = nullptr;
    look_up_->finish(found_from(std::move(answer_), ran_));
  }
  // Else the loop has closed, or is about to, and this may be the worker's thread.
  if (Scheduler::running() == scheduler_) source_->job_ended();
}

}  // namespace

std::shared_ptr<NameSource> make_threaded_source(Scheduler& scheduler,
                                                 const ThreadedResolver& options) {
  return std::make_shared<ThreadedSource>(scheduler, options.max_threads);
}

}  // namespace asyncio::detail
