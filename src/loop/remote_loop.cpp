#include "asyncio/loop/remote_loop.hpp"

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

bool RemoteLoop::call_soon(base::UniqueFunction<void()>& callback) {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return false;
  loop_->send(std::move(callback));
  return true;
}

bool RemoteLoop::try_deliver(BlockingJob& job) noexcept {
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return false;
  loop_->send(job);
  return true;
}

void RemoteLoop::deliver(BlockingJob& job) noexcept {
  if (!try_deliver(job)) job.done();
}

void RemoteLoop::detach() noexcept {
  const std::lock_guard lock(mutex_);
  loop_ = nullptr;
}

}  // namespace asyncio::detail
