// concurrent::ThreadPoolExecutor: threads of the program's own for calls that block. Knows no loop;
// loop.run_in_executor() joins the two.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/loop/backend.hpp"
#include "asyncio/threads/concurrent_future.hpp"
#include "asyncio/threads/pull_range.hpp"

namespace asyncio {

namespace detail {

/// A function that waits for a thread, and the future of its result.
class Work : public BlockingJob {
 public:
  [[nodiscard]] virtual ThreadFuture& future() noexcept = 0;
};

/// Both in one block. Whoever queues it takes a reference, which done() gives back.
template <class T, class F, class... Args>
class WorkOf final : public ThreadFutureOf<T>, public Work {
 public:
  template <class G, class... Gs>
  explicit WorkOf(std::in_place_t, G&& function, Gs&&... args)
      : call_(std::in_place, std::forward<G>(function), std::forward<Gs>(args)...) {}

  ThreadFuture& future() noexcept override { return *this; }
  void run() noexcept override {
    if (!this->set_running_or_notify_cancel()) return call_.reset();
    try {
      if constexpr (std::is_void_v<T>) {
        invoke();
        call_.reset();  // what the function held is gone when others hear of the result
        this->set_result(std::monostate());
      } else {
        T value = invoke();
        call_.reset();
        this->set_result(std::move(value));
      }
    } catch (...) {
      call_.reset();
      this->set_exception(std::current_exception());
    }
  }
  void done() noexcept override {
    call_.reset();  // if it never ran
    this->drop_reference();
  }

 private:
  T invoke() {
    return std::apply(
        [](F& function, Args&... args) -> T {
          return std::invoke(std::move(function), std::move(args)...);
        },
        *call_);
  }
  std::optional<std::tuple<F, Args...>> call_;
};

template <class F, class... Args>
using call_result_t =
    std::remove_cv_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

/// The work of `function(args...)`, with one reference.
template <class F, class... Args>
auto make_work(F&& function, Args&&... args) {
  using T = call_result_t<F, Args...>;
  using Block = WorkOf<T, std::decay_t<F>, std::decay_t<Args>...>;
  return Ref<Block>::adopt(
      new Block(std::in_place, std::forward<F>(function), std::forward<Args>(args)...));
}

}  // namespace detail

namespace concurrent {

/// An executor that can take no more work. Python: concurrent.futures.BrokenExecutor.
class BrokenExecutor : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};
/// A thread's initializer has failed. Python: concurrent.futures.thread.BrokenThreadPool.
class BrokenThreadPool : public BrokenExecutor {
 public:
  using BrokenExecutor::BrokenExecutor;
};

/// Options of ThreadPoolExecutor.
struct ThreadPoolOptions {
  std::optional<int> max_workers = {};       ///< nullopt: min(32, processors + 4)
  std::string_view thread_name_prefix = {};  ///< copied; empty: "ThreadPoolExecutor-0"
};

/// Options of ThreadPoolExecutor::shutdown.
struct ShutdownOptions {
  bool wait = true;             ///< until all work has ended
  bool cancel_futures = false;  ///< work that has not begun is cancelled instead of done
};

/// The results of map(), in the order of the items: `for (auto value : results)`, or next() by
/// hand. Blocks for each; throws what the function threw. What has not begun when this goes is
/// cancelled. void is std::monostate.
template <class T>
class MapResults : public asyncio::detail::PullRange<MapResults<T>, asyncio::base::non_void_t<T>> {
 public:
  MapResults(std::vector<Future<T>> futures, std::optional<Nanoseconds> deadline)
      : futures_(std::move(futures)), deadline_(deadline) {}
  MapResults(MapResults&&) noexcept = default;
  MapResults& operator=(MapResults&&) = delete;
  ~MapResults() {
    for (const Future<T>& future : futures_) future.cancel();
  }

  /// Nothing at the end.
  std::optional<asyncio::base::non_void_t<T>> next();

 private:
  std::vector<Future<T>> futures_;
  std::optional<Nanoseconds> deadline_;
  std::size_t taken_ = 0;
};

/// Runs functions on threads, which are made when work finds none idle, and kept. Any thread may
/// call it. Python: concurrent.futures.ThreadPoolExecutor.
class ThreadPoolExecutor {
 public:
  /// `initializer` runs first in each thread; when it throws, the executor is broken and so is all
  /// work that has not begun. ValueError("max_workers must be greater than 0").
  explicit ThreadPoolExecutor(ThreadPoolOptions options = {},
                              std::function<void()> initializer = nullptr);
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;
  /// shutdown(), unless it was called: waits for all work. Python: the end of `with`.
  ~ThreadPoolExecutor();

  /// Runs `function(args...)` on a thread. Function and arguments are copied or moved, and
  /// destroyed before the future settles; use std::ref for references. RuntimeError("cannot
  /// schedule new futures after shutdown"), BrokenThreadPool. Python: Executor.submit.
  template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  auto submit(F&& function, Args&&... args) -> Future<asyncio::detail::call_result_t<F, Args...>> {
    auto work = asyncio::detail::make_work(std::forward<F>(function), std::forward<Args>(args)...);
    enqueue(*work);
    using T = asyncio::detail::call_result_t<F, Args...>;
    return Future<T>(asyncio::detail::Ref<asyncio::detail::ThreadFutureOf<T>>(work.get()));
  }

  /// Submits `function(item)` for all items at once. TimeoutError from next() when `timeout` after
  /// this call one is not finished. Python: Executor.map.
  template <class F, class Range>
  auto map(F function, Range&& items, std::optional<Delay> timeout = {}) {
    using Item = std::remove_cvref_t<decltype(*std::begin(items))>;
    using T = asyncio::detail::call_result_t<F, Item>;
    const std::optional<Nanoseconds> deadline = deadline_of(timeout);
    std::vector<Future<T>> futures;
    for (auto&& item : items) {
      futures.push_back(submit(function, std::forward<decltype(item)>(item)));
    }
    return MapResults<T>(std::move(futures), deadline);
  }

  /// No more work is taken; waits for what there is, or lets the threads end by themselves. The
  /// process ends after them. RuntimeError on one of its own threads. Python: Executor.shutdown.
  void shutdown(ShutdownOptions options = {});

  // --- for the library ------------------------------------------------------------------------

  /// Queues work, and takes a reference for the queue when it is accepted.
  template <class Block>
  void enqueue(Block& work) {
    work.add_reference();
    try {
      post(work);
    } catch (...) {
      work.drop_reference();
      throw;
    }
  }
  /// Runs any job; its done() comes on the thread that ran it.
  void post(BlockingJob& job);
  /// shutdown() without waiting; `ended` is called when the last thread has ended, by it.
  void shutdown_then(std::function<void()> ended);
  static std::optional<Nanoseconds> deadline_of(std::optional<Delay> timeout);
  static Delay time_left(Nanoseconds deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

template <class T>
std::optional<asyncio::base::non_void_t<T>> MapResults<T>::next() {
  if (taken_ == futures_.size()) return {};
  std::optional<Delay> left;
  if (deadline_) left = ThreadPoolExecutor::time_left(*deadline_);
  Future<T> future = futures_[taken_++];
  if constexpr (std::is_void_v<T>) {
    future.result(left);
    return std::monostate();
  } else {
    return std::move(future).result(left);
  }
}

}  // namespace concurrent
}  // namespace asyncio
