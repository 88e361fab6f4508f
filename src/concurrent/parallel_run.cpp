#include "asyncio/concurrent/parallel_run.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "asyncio/base/error.hpp"
#include "concurrent/progress_meter.hpp"

namespace asyncio::detail {
namespace {

using concurrent::ParallelBackend;

// A batch that takes so long pays for its way many times over, and is over soon enough for the
// others not to wait long at the end.
constexpr std::chrono::nanoseconds kIdealTime = std::chrono::milliseconds(10);

std::uint64_t next_group() {
  static constinit std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

int jobs_of(int n_jobs) {
  if (n_jobs == 0) throw ValueError("n_jobs == 0 in Parallel has no meaning");
  if (n_jobs > 0) return n_jobs;
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return std::max(1, processors + 1 + n_jobs);
}

}  // namespace

// --- a call -------------------------------------------------------------------------------------

ParallelRun::ParallelRun(const concurrent::ParallelOptions& options, int n_jobs, std::size_t total,
                         ParallelProgress progress, const std::shared_ptr<ParallelWorkers>& workers)
    : options_(options),
      n_jobs_(static_cast<std::size_t>(n_jobs)),
      total_(total),
      workers_(workers),
      here_(workers == nullptr),
      has_threads_(workers != nullptr && workers->threads.has_value()),
      group_(next_group()),
      meter_(std::make_unique<ProgressMeter>(options, n_jobs, total, std::move(progress))),
      is_done_(total, 0) {}

ParallelRun::~ParallelRun() = default;

void ParallelRun::begin() {
  Lock lock(mutex_);
  hand_out(lock);
}

// Fills the workers' hands, then tells of the end if it has come. Unlocks on its way.
void ParallelRun::hand_out(Lock& lock) {
  const std::size_t most = n_jobs_ * std::max<std::size_t>(1, options_.pre_dispatch);
  while (!here_ && !error_ && handed_out_ < total_ && in_flight_ < most) {
    const Batch batch{handed_out_, std::min(batch_size(), total_ - handed_out_)};
    handed_out_ += batch.count;
    ++in_flight_;
    lock.unlock();
    std::exception_ptr error;
    try {
      const std::shared_ptr<ParallelWorkers> workers = workers_.lock();
      if (!workers) throw RuntimeError("the Parallel was destroyed before its work was done");
      submit(*workers, batch);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (!error) continue;
    --in_flight_;
    stop_locked(error);
  }
  if (!is_over() || std::exchange(told_end_, true)) return;
  changed_.notify_all();
  const std::exception_ptr error = error_;
  lock.unlock();
  ended(error);
  lock.lock();
}

std::size_t ParallelRun::batch_size() const {
  if (options_.batch_size > 0) return options_.batch_size;
  // Near the end smaller ones, so that all workers end together.
  const std::size_t share = (total_ - handed_out_) / (2 * n_jobs_);
  return std::max<std::size_t>(1, std::min(ideal_batch_, share));
}

void ParallelRun::learn(Batch batch, std::chrono::nanoseconds spent) {
  const auto each =
      std::max<std::int64_t>(1, spent.count() / static_cast<std::int64_t>(batch.count));
  const auto ideal = static_cast<std::size_t>(kIdealTime.count() / each);
  // By doubling: the first items may not be like the others.
  ideal_batch_ = std::clamp<std::size_t>(ideal, 1, 2 * std::max(ideal_batch_, batch.count));
}

void ParallelRun::finished(Batch batch, const std::exception_ptr& error,
                           std::chrono::nanoseconds spent) {
  const std::shared_ptr<ParallelRun> self = shared_from_this();
  Lock lock(mutex_);
  if (error) {
    stop_locked(error);
  } else if (!error_) {
    learn(batch, spent);
    if (std::exception_ptr failure = tell_progress(lock, batch)) {
      stop_locked(failure);
    } else {
      publish(batch);
    }
  }
  --in_flight_;
  hand_out(lock);
  changed_.notify_all();
}

// Before the batch counts as done: the program's callback must not run any more when the call ends.
// What it throws is an error of the work.
std::exception_ptr ParallelRun::tell_progress(Lock& lock, Batch batch) {
  counted_ += batch.count;
  const std::size_t counted = counted_;
  ++telling_;
  lock.unlock();
  std::exception_ptr failure;
  try {
    meter_->update(counted);
  } catch (...) {
    failure = std::current_exception();
  }
  lock.lock();
  --telling_;
  return failure;
}

void ParallelRun::publish(Batch batch) {
  for (std::size_t i = batch.first; i < batch.first + batch.count; ++i) {
    is_done_[i] = 1;
    order_.push_back(i);
  }
  done_ += batch.count;
}

// --- ends ---------------------------------------------------------------------------------------

void ParallelRun::stop_locked(const std::exception_ptr& error) noexcept {
  if (error_ || done_ == total_) return;
  error_ = error;
  stopped_ = true;
  if (here_ || has_threads_) return;
  if (const std::shared_ptr<ParallelWorkers> workers = workers_.lock()) {
    workers->processes->pool().kill_group(group_);
  }
}

void ParallelRun::stop(const std::exception_ptr& error) noexcept {
  Lock lock(mutex_);
  stop_locked(error);
  hand_out(lock);
}

void ParallelRun::abandon() noexcept {
  stop(std::make_exception_ptr(concurrent::CancelledError()));
}

// What threads do may refer to what the caller is about to destroy, and so may whoever is taking
// items apart for a process (those that were at it have been killed), or tells of the progress.
void ParallelRun::wait_for_users(Lock& lock) {
  const bool share_memory = has_threads_ || looks_at_callers_;
  changed_.wait(lock, [&] { return telling_ == 0 && (in_flight_ == 0 || !share_memory); });
}

void ParallelRun::throw_error(Lock& lock) {
  wait_for_users(lock);
  std::rethrow_exception(error_);
}

void ParallelRun::leave() noexcept {
  abandon();
  Lock lock(mutex_);
  wait_for_users(lock);
}

// --- waiting ------------------------------------------------------------------------------------

template <class Condition>
void ParallelRun::wait(Lock& lock, Condition condition) {
  while (!error_ && !condition()) {
    if (!options_.timeout) {
      changed_.wait(lock);
      continue;
    }
    const std::size_t before = done_;
    const auto progress = [&] { return error_ || condition() || done_ != before; };
    if (changed_.wait_for(lock, options_.timeout->value(), progress)) continue;
    stop_locked(std::make_exception_ptr(TimeoutError()));
    hand_out(lock);
  }
}

bool ParallelRun::step_here(Lock& lock) {
  if (!here_ || error_ || handed_out_ == total_) return false;
  const std::size_t item = handed_out_++;
  ++in_flight_;
  lock.unlock();
  std::exception_ptr error;
  try {
    do_here(item);
  } catch (...) {
    error = std::current_exception();
  }
  finished({item, 1}, error, std::chrono::nanoseconds(0));
  lock.lock();
  return true;
}

void ParallelRun::wait_for_all() {
  Lock lock(mutex_);
  while (step_here(lock)) {
  }
  wait(lock, [this] { return done_ == total_; });
  if (error_) throw_error(lock);
}

std::optional<std::size_t> ParallelRun::wait_for_next(bool in_order) {
  Lock lock(mutex_);
  if (taken_ == total_) return {};
  const auto is_there = [&] { return in_order ? is_done_[taken_] != 0 : taken_ < order_.size(); };
  while (!is_there() && step_here(lock)) {
  }
  wait(lock, is_there);
  if (!is_there()) throw_error(lock);
  const std::size_t place = in_order ? taken_ : order_[taken_];
  ++taken_;
  return place;
}

// --- what all calls share -----------------------------------------------------------------------

ParallelEngine::ParallelEngine(const concurrent::ParallelOptions& options)
    : options_(options), n_jobs_(jobs_of(options.n_jobs)) {
  if (n_jobs_ > 1) make_workers();
}

void ParallelEngine::make_workers() {
  workers_ = std::make_shared<ParallelWorkers>();
  if (options_.backend == ParallelBackend::threads) {
    workers_->threads.emplace(
        concurrent::ThreadPoolOptions{.max_workers = n_jobs_, .thread_name_prefix = "Parallel"});
  } else {
    // Who fails in one call must not spoil the next one.
    workers_->processes.emplace(
        concurrent::ProcessPoolOptions{.max_workers = n_jobs_, .replace_dead_workers = true});
  }
}

std::shared_ptr<ParallelWorkers> ParallelEngine::workers(bool may_run_here) {
  if (n_jobs_ == 1 && may_run_here) return nullptr;
  if (!workers_) make_workers();
  return workers_;
}

void ParallelEngine::check_backend(const std::shared_ptr<ParallelWorkers>& workers) {
  if (workers == nullptr || workers->threads) return;
  throw TypeError(
      "this function, its items or its results cannot travel to another process: use a function "
      "without captures and values that cereal knows, or ParallelBackend::threads");
}

}  // namespace asyncio::detail
