#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "concurrent/pool_manager.hpp"

namespace asyncio::detail {

PoolInbox::PoolInbox() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw_os_error(errno, "eventfd", "of a process pool");
}

void PoolInbox::wake_locked() noexcept {
  if (std::exchange(woken_, true)) return;
  const std::uint64_t one = 1;
  while (::write(wake_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void PoolInbox::post(ProcessJob& job) {
  const std::lock_guard lock(mutex_);
  if (!broken_.empty()) throw concurrent::BrokenProcessPool(broken_);
  if (is_shut_down_) throw RuntimeError("cannot schedule new futures after shutdown");
  jobs_.push_back(&job);
  wake_locked();
}

std::deque<ProcessJob*> PoolInbox::shut_down(bool cancel) {
  const std::lock_guard lock(mutex_);
  is_shut_down_ = true;
  wake_locked();
  return cancel ? std::exchange(jobs_, {}) : std::deque<ProcessJob*>();
}

void PoolInbox::end_workers(int signal_number) {
  const std::lock_guard lock(mutex_);
  is_shut_down_ = true;
  end_signal_ = signal_number;
  wake_locked();
}

void PoolInbox::kill_group(std::uint64_t group) {
  const std::lock_guard lock(mutex_);
  groups_to_kill_.push_back(group);
  wake_locked();
}

PoolInbox::Orders PoolInbox::take_orders() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(woken_, false)) {
    std::uint64_t count = 0;
    while (::read(wake_.get(), &count, sizeof count) < 0 && errno == EINTR) {
    }
  }
  return {std::exchange(end_signal_, 0), std::exchange(groups_to_kill_, {})};
}

std::deque<ProcessJob*> PoolInbox::take_group(std::uint64_t group) {
  const std::lock_guard lock(mutex_);
  std::deque<ProcessJob*> taken;
  const auto belongs = [&](ProcessJob* job) {
    if (job->group != group) return false;
    taken.push_back(job);
    return true;
  };
  std::erase_if(jobs_, belongs);
  return taken;
}

ProcessJob* PoolInbox::next_job() {
  const std::lock_guard lock(mutex_);
  if (jobs_.empty()) return nullptr;
  ProcessJob* job = jobs_.front();
  jobs_.pop_front();
  return job;
}

bool PoolInbox::has_jobs() const {
  const std::lock_guard lock(mutex_);
  return !jobs_.empty();
}

bool PoolInbox::is_finished() const {
  const std::lock_guard lock(mutex_);
  return is_shut_down_ && jobs_.empty();
}

std::deque<ProcessJob*> PoolInbox::break_up(const std::string& why) {
  const std::lock_guard lock(mutex_);
  broken_ = why;
  return std::exchange(jobs_, {});
}

}  // namespace asyncio::detail
