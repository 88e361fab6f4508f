// concurrent::wait() and concurrent::as_completed(): a thread that blocks until some of many
// concurrent futures are settled.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "asyncio/task/wait.hpp"
#include "asyncio/threads/concurrent_future.hpp"
#include "asyncio/threads/pull_range.hpp"

namespace asyncio {

namespace detail {

/// Watches many futures for one thread. Notes the places of those that are settled, in that order.
class ThreadFutureWatch {
 public:
  /// `futures` has no duplicates and outlives this.
  explicit ThreadFutureWatch(std::vector<ThreadFuture*> futures);
  ThreadFutureWatch(const ThreadFutureWatch&) = delete;
  ThreadFutureWatch& operator=(const ThreadFutureWatch&) = delete;
  ~ThreadFutureWatch();

  /// Blocks until `when` is fulfilled, at most `timeout`.
  void wait(ReturnWhen when, std::optional<Delay> timeout);
  /// The place of the next that is settled; blocks until `deadline` and then gives nothing.
  std::optional<std::size_t> next(std::optional<Nanoseconds> deadline);
  [[nodiscard]] static std::optional<Nanoseconds> deadline_of(std::optional<Delay> timeout);
  /// For each place, whether it was settled when wait() returned.
  [[nodiscard]] std::vector<bool> settled() const;
  [[nodiscard]] std::size_t left() const;

 private:
  struct Place final : ThreadFuture::Watcher {
    void on_settled(ThreadFuture& future) noexcept override;
    ThreadFutureWatch* watch = nullptr;
    std::size_t index = 0;
  };
  void note(std::size_t index, bool failed) noexcept;

  std::vector<ThreadFuture*> futures_;
  std::unique_ptr<Place[]> places_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::size_t> order_;  // room for all is reserved
  std::size_t taken_ = 0;
  bool any_failed_ = false;
};

template <class T>
std::vector<concurrent::Future<T>> without_duplicates(std::vector<concurrent::Future<T>> futures) {
  std::vector<concurrent::Future<T>> once;
  for (concurrent::Future<T>& future : futures) {
    if (std::find(once.begin(), once.end(), future) == once.end()) {
      once.push_back(std::move(future));
    }
  }
  return once;
}

template <class T>
std::vector<ThreadFuture*> blocks_of(const std::vector<concurrent::Future<T>>& futures) {
  std::vector<ThreadFuture*> blocks;
  for (const concurrent::Future<T>& future : futures) blocks.push_back(future.block());
  return blocks;
}

}  // namespace detail

namespace concurrent {

using asyncio::ALL_COMPLETED;
using asyncio::FIRST_COMPLETED;
using asyncio::FIRST_EXCEPTION;

/// Both in the order in which they were given. Python: DoneAndNotDoneFutures.
template <class T>
struct DoneAndNotDoneFutures {
  std::vector<Future<T>> done;
  std::vector<Future<T>> not_done;
};

/// Blocks until the futures are finished or cancelled, as `options` says; no TimeoutError when the
/// time is over. The same one given twice counts once. One that was cancelled counts when its
/// executor has noticed. Python: concurrent.futures.wait.
template <class T>
DoneAndNotDoneFutures<T> wait(std::vector<Future<T>> futures, WaitOptions options = {}) {
  futures = asyncio::detail::without_duplicates(std::move(futures));
  asyncio::detail::ThreadFutureWatch watch(asyncio::detail::blocks_of(futures));
  watch.wait(options.return_when, options.timeout);
  const std::vector<bool> settled = watch.settled();
  DoneAndNotDoneFutures<T> result;
  for (std::size_t i = 0; i < futures.size(); ++i) {
    (settled[i] ? result.done : result.not_done).push_back(futures[i]);
  }
  return result;
}

/// What as_completed() gives: `for (auto future : as_completed(futures))`, or next() by hand.
template <class T>
class AsCompleted : public asyncio::detail::PullRange<AsCompleted<T>, Future<T>> {
 public:
  AsCompleted(std::vector<Future<T>> futures, std::optional<Delay> timeout)
      : futures_(asyncio::detail::without_duplicates(std::move(futures))),
        deadline_(asyncio::detail::ThreadFutureWatch::deadline_of(timeout)),
        watch_(std::make_unique<asyncio::detail::ThreadFutureWatch>(
            asyncio::detail::blocks_of(futures_))) {}

  /// Blocks until another one is settled; nothing at the end. TimeoutError.
  std::optional<Future<T>> next() {
    const std::size_t left = watch_->left();
    if (left == 0) return {};
    const std::optional<std::size_t> index = watch_->next(deadline_);
    if (!index) {
      throw TimeoutError(std::to_string(left) + " (of " + std::to_string(futures_.size()) +
                         ") futures unfinished");
    }
    return futures_[*index];
  }

 private:
  std::vector<Future<T>> futures_;
  std::optional<Nanoseconds> deadline_;
  std::unique_ptr<asyncio::detail::ThreadFutureWatch> watch_;
};

/// The futures in the order in which they are finished or cancelled. `timeout` counts from this
/// call. Python: concurrent.futures.as_completed.
template <class T>
[[nodiscard]] AsCompleted<T> as_completed(std::vector<Future<T>> futures,
                                          std::optional<Delay> timeout = {}) {
  return AsCompleted<T>(std::move(futures), timeout);
}

}  // namespace concurrent
}  // namespace asyncio
