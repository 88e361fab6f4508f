#include "asyncio/threads/thread_pool_executor.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>

#include "asyncio/base/log.hpp"
#include "loop/blocking_pool.hpp"

namespace asyncio::concurrent {
namespace {

std::size_t threads_of(const ThreadPoolOptions& options) {
  if (!options.max_workers) return 0;
  if (*options.max_workers <= 0) throw ValueError("max_workers must be greater than 0");
  return static_cast<std::size_t>(*options.max_workers);
}

std::string name_of(const ThreadPoolOptions& options) {
  if (!options.thread_name_prefix.empty()) return std::string(options.thread_name_prefix);
  static constinit std::atomic<unsigned> counter{0};
  return "ThreadPoolExecutor-" + std::to_string(counter.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace

struct ThreadPoolExecutor::State {
  explicit State(asyncio::detail::PoolOptions options)
      : pool(nullptr, nullptr, std::move(options)) {}

  void check_usable() const {
    if (!broken.empty()) throw BrokenThreadPool(broken);
    if (is_shut_down) throw RuntimeError("cannot schedule new futures after shutdown");
  }
  void initializer_failed() noexcept;

  std::mutex mutex;
  std::string broken;  // why
  bool is_shut_down = false;
  asyncio::detail::BlockingPool pool;  // last: its threads end before the rest goes
};

void ThreadPoolExecutor::State::initializer_failed() noexcept {
  base::List<BlockingJob> waiting;
  {
    const std::lock_guard lock(mutex);
    broken = "A thread initializer failed, the thread pool is not usable anymore";
    pool.take_waiting(waiting);
  }
  while (BlockingJob* job = waiting.pop_front()) {
    if (auto* work = dynamic_cast<asyncio::detail::Work*>(job)) {
      asyncio::detail::ThreadFuture& future = work->future();
      if (future.set_running_or_notify_cancel()) {
        future.set_exception(std::make_exception_ptr(BrokenThreadPool(broken)));
      }
    }
    job->done();
  }
}

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options,
                                       std::function<void()> initializer) {
  asyncio::detail::PoolOptions pool;
  pool.most_threads = threads_of(options);
  pool.name = name_of(options);
  // The pool's threads must not keep it alive, and may outlive it.
  auto self = std::make_shared<std::weak_ptr<State>>();
  if (initializer) {
    pool.initialize = [self, initializer = std::move(initializer)] {
      try {
        initializer();
        return true;
      } catch (...) {
        log(LogLevel::error,
            "Exception in initializer:\n" + base::describe(std::current_exception()));
        if (const std::shared_ptr<State> state = self->lock()) state->initializer_failed();
        return false;
      }
    };
  }
  state_ = std::make_shared<State>(std::move(pool));
  *self = state_;
}

ThreadPoolExecutor::~ThreadPoolExecutor() {
  const std::lock_guard lock(state_->mutex);
  state_->is_shut_down = true;
  // The pool's destructor waits, unless shutdown() has let its threads go.
}

void ThreadPoolExecutor::post(BlockingJob& job) {
  const std::lock_guard lock(state_->mutex);
  state_->check_usable();
  state_->pool.submit(job);
}

void ThreadPoolExecutor::shutdown(ShutdownOptions options) {
  base::List<BlockingJob> cancelled;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_shut_down = true;
    if (options.cancel_futures) state_->pool.take_waiting(cancelled);
    state_->pool.stop();
  }
  while (BlockingJob* job = cancelled.pop_front()) {
    if (auto* work = dynamic_cast<asyncio::detail::Work*>(job)) {
      work->future().cancel_unrun();
    }
    job->done();
  }
  if (options.wait) {
    state_->pool.join();
  } else {
    state_->pool.let_go();
  }
}

void ThreadPoolExecutor::shutdown_then(std::function<void()> ended) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_shut_down = true;
  }
  state_->pool.stop(std::move(ended));
}

std::optional<Nanoseconds> ThreadPoolExecutor::deadline_of(std::optional<Delay> timeout) {
  if (!timeout || timeout->value() == Nanoseconds::max()) return {};
  return base::saturating_add(std::chrono::steady_clock::now().time_since_epoch(),
                              timeout->value());
}

Delay ThreadPoolExecutor::time_left(Nanoseconds deadline) {
  return Delay(deadline - Nanoseconds(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace asyncio::concurrent
