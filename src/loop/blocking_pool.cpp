#include "loop/blocking_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <system_error>

#include "asyncio/base/error.hpp"
#include "loop/fork_count.hpp"

namespace asyncio::detail {

BlockingPool::BlockingPool(JobSink sink, void* context)
    : sink_(sink),
      context_(context),
      most_threads_(std::min(32U, std::thread::hardware_concurrency() + 4)),
      process_(fork_count()),
      shared_(new Shared) {}

BlockingPool::~BlockingPool() {
  if (process_ != fork_count()) {
    for (std::thread& thread : threads_) thread.detach();
    return;
  }
  base::List<BlockingJob> not_begun;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    not_begun.splice_back(shared_->jobs);
    shared_->waiting_jobs = 0;
  }
  shared_->work.notify_all();
  while (BlockingJob* job = not_begun.pop_front()) sink_(context_, *job);
  for (std::thread& thread : threads_) thread.join();
  delete shared_;
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
  threads_.emplace_back(&work, std::ref(*shared_), sink_, context_);
  ::pthread_setname_np(threads_.back().native_handle(), "asyncio-worker");
}

void BlockingPool::work(Shared& shared, JobSink sink, void* context) noexcept {
  std::unique_lock lock(shared.mutex);
  for (;;) {
    while (BlockingJob* job = shared.jobs.pop_front()) {
      --shared.waiting_jobs;
      lock.unlock();
      job->run();
      sink(context, *job);  // from here on the job may be gone
      lock.lock();
    }
    if (shared.stopping) return;
    ++shared.idle_threads;
    shared.work.wait(lock);
    --shared.idle_threads;
  }
}

}  // namespace asyncio::detail
