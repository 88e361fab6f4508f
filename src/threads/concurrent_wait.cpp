#include "asyncio/threads/concurrent_wait.hpp"

#include <chrono>

namespace asyncio::detail {

ThreadFutureWatch::ThreadFutureWatch(std::vector<ThreadFuture*> futures)
    : futures_(std::move(futures)), places_(std::make_unique<Place[]>(futures_.size())) {
  order_.reserve(futures_.size());
  for (std::size_t i = 0; i < futures_.size(); ++i) {
    places_[i].watch = this;
    places_[i].index = i;
    if (futures_[i]->watch(places_[i])) continue;
    note(i, futures_[i]->error() != nullptr);
  }
}

ThreadFutureWatch::~ThreadFutureWatch() {
  // Each under the lock of its future: afterwards nobody is inside on_settled.
  for (std::size_t i = 0; i < futures_.size(); ++i) futures_[i]->unwatch(places_[i]);
}

void ThreadFutureWatch::Place::on_settled(ThreadFuture& future) noexcept {
  watch->note(index, future.failed_locked());
}

void ThreadFutureWatch::note(std::size_t index, bool failed) noexcept {
  const std::lock_guard lock(mutex_);
  order_.push_back(index);
  any_failed_ = any_failed_ || failed;
  changed_.notify_all();
}

std::optional<Nanoseconds> ThreadFutureWatch::deadline_of(std::optional<Delay> timeout) {
  if (!timeout || timeout->value() == Nanoseconds::max()) return {};
  return base::saturating_add(std::chrono::steady_clock::now().time_since_epoch(),
                              timeout->value());
}

namespace {

// False when the deadline came first.
template <class Condition>
bool wait_until(std::condition_variable& changed, std::unique_lock<std::mutex>& lock,
                std::optional<Nanoseconds> deadline, Condition condition) {
  if (deadline) {
    const std::chrono::steady_clock::time_point end(*deadline);
    return changed.wait_until(lock, end, condition);
  }
  changed.wait(lock, condition);
  return true;
}

}  // namespace

void ThreadFutureWatch::wait(ReturnWhen when, std::optional<Delay> timeout) {
  const std::optional<Nanoseconds> deadline = deadline_of(timeout);
  std::unique_lock lock(mutex_);
  wait_until(changed_, lock, deadline, [&] {
    if (order_.size() == futures_.size()) return true;
    return (when == FIRST_COMPLETED && !order_.empty()) || (when == FIRST_EXCEPTION && any_failed_);
  });
}

std::optional<std::size_t> ThreadFutureWatch::next(std::optional<Nanoseconds> deadline) {
  std::unique_lock lock(mutex_);
  if (!wait_until(changed_, lock, deadline, [&] { return taken_ < order_.size(); })) return {};
  return order_[taken_++];
}

std::vector<bool> ThreadFutureWatch::settled() const {
  const std::lock_guard lock(mutex_);
  std::vector<bool> places(futures_.size(), false);
  for (const std::size_t index : order_) places[index] = true;
  return places;
}

std::size_t ThreadFutureWatch::left() const {
  const std::lock_guard lock(mutex_);
  return futures_.size() - taken_;
}

}  // namespace asyncio::detail
