#include "loop/blocking_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "asyncio/base/error.hpp"
#include "loop/fork_count.hpp"
#include "loop/strays.hpp"

namespace asyncio::detail {
namespace {

std::size_t usual_number_of_threads() {
  return std::min(32U, std::max(1U, std::thread::hardware_concurrency()) + 4);
}

}  // namespace

struct BlockingPool::Shared {
  std::mutex mutex;
  std::condition_variable work;
  base::List<BlockingJob> jobs;
  std::size_t waiting_jobs = 0;
  std::size_t idle_threads = 0;
  std::size_t live_threads = 0;
  bool stopping = false;
  bool let_go = false;
  JobSink sink = nullptr;
  void* context = nullptr;
  std::function<bool()> initialize;
  std::function<void()> ended;

  void run(BlockingJob& job, std::unique_lock<std::mutex>& lock) noexcept {
    lock.unlock();
    job.run();
    lock.lock();
    if (sink != nullptr) return sink(context, job);  // under the lock: let_go() takes it away
    lock.unlock();
    job.done();
    lock.lock();
  }
  void run_all(std::unique_lock<std::mutex>& lock) noexcept {
    for (;;) {
      while (BlockingJob* job = jobs.pop_front()) {
        --waiting_jobs;
        run(*job, lock);
      }
      if (stopping) return;
      ++idle_threads;
      work.wait(lock);
      --idle_threads;
    }
  }
  void leave(std::unique_lock<std::mutex>& lock) {
    const bool stray = let_go;
    std::function<void()> tell;
    if (--live_threads == 0 && stopping) tell = std::move(ended);
    lock.unlock();
    if (tell) tell();
    if (stray) remove_stray();
  }
};

BlockingPool::BlockingPool(JobSink sink, void* context, PoolOptions options)
    : shared_(std::make_shared<Shared>()),
      most_threads_(options.most_threads > 0 ? options.most_threads : usual_number_of_threads()),
      name_(std::move(options.name)),
      process_(fork_count()) {
  shared_->sink = sink;
  shared_->context = context;
  shared_->initialize = std::move(options.initialize);
}

BlockingPool::~BlockingPool() {
  if (process_ != fork_count()) {
    // What they share stays as they left it: each of them holds it.
    for (std::thread& thread : threads_) thread.detach();
    return;
  }
  stop();
  // In one of its own threads: the last job has dropped the pool.
  const auto self = std::this_thread::get_id();
  if (std::any_of(threads_.begin(), threads_.end(),
                  [&](const std::thread& thread) { return thread.get_id() == self; })) {
    let_go();
  }
  if (!has_let_go()) {
    join();
    return;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.detach();
  }
}

void BlockingPool::submit(BlockingJob& job) {
  if (process_ != fork_count()) {
    throw RuntimeError("the worker threads of this loop stayed in the parent process");
  }
  bool add = false;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->jobs.push_back(&job);
    ++shared_->waiting_jobs;
    add = shared_->idle_threads < shared_->waiting_jobs && threads_.size() < most_threads_;
  }
  if (!add) {
    shared_->work.notify_one();
    return;
  }
  try {
    add_thread();
  } catch (const std::exception& error) {
    // The threads that are there will come to it.
    if (!threads_.empty()) return;
    const std::lock_guard lock(shared_->mutex);
    job.unlink();
    --shared_->waiting_jobs;
    throw RuntimeError(std::string("can't start new thread: ") + error.what());
  }
}

void BlockingPool::take_waiting(base::List<BlockingJob>& out) {
  const std::lock_guard lock(shared_->mutex);
  out.splice_back(shared_->jobs);
  shared_->waiting_jobs = 0;
}

void BlockingPool::stop(std::function<void()> ended) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    if (shared_->live_threads > 0 && ended) shared_->ended = std::exchange(ended, nullptr);
  }
  shared_->work.notify_all();
  if (ended) ended();
}

void BlockingPool::join() {
  const std::lock_guard lock(threads_mutex_);
  for (std::thread& thread : threads_) {
    if (thread.get_id() == std::this_thread::get_id()) {
      throw RuntimeError("cannot join current thread");
    }
    if (thread.joinable()) thread.join();
  }
}

void BlockingPool::let_go() {
  const std::lock_guard lock(shared_->mutex);
  shared_->sink = nullptr;
  if (!std::exchange(shared_->let_go, true)) add_strays(shared_->live_threads);
}

bool BlockingPool::has_let_go() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->let_go;
}

void BlockingPool::add_thread() {
  threads_.reserve(threads_.size() + 1);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    sigset_t* mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, mask, nullptr); }
  } const restore{&before};
  {
    const std::lock_guard lock(shared_->mutex);
    ++shared_->live_threads;
  }
  constexpr std::size_t kLongestName = 15;  // the kernel's limit
  const std::string number = "_" + std::to_string(threads_.size());
  std::string name = name_.substr(0, kLongestName - number.size()) + number;
  try {
    threads_.emplace_back([shared = shared_, name = std::move(name)] {
      ::pthread_setname_np(::pthread_self(), name.c_str());  // before its first job may ask
      work(shared);
    });
  } catch (...) {
    const std::lock_guard lock(shared_->mutex);
    --shared_->live_threads;
    throw;
  }
}

void BlockingPool::work(const std::shared_ptr<Shared>& shared) noexcept {
  const bool usable = !shared->initialize || shared->initialize();
  std::unique_lock lock(shared->mutex);
  if (usable) shared->run_all(lock);
  shared->leave(lock);
}

}  // namespace asyncio::detail
