// concurrent::Parallel: the same function for many items, on all processors: joblib's Parallel.
//
//     std::vector<int> results = Parallel({.n_jobs = 4})(function, items);
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/result.hpp"
#include "asyncio/concurrent/parallel_run.hpp"
#include "asyncio/concurrent/process_pool_executor.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/threads/pull_range.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
#include "asyncio/threads/wrap_future.hpp"

namespace asyncio::concurrent {

/// How the results come: an argument before the function. Without one they are a vector.
namespace return_as {
struct Generator {};
struct GeneratorUnordered {};
/// `for (auto result : parallel(return_as::generator, f, items))`: each as soon as all before it
/// are there.
inline constexpr Generator generator;
/// Each as soon as it is there.
inline constexpr GeneratorUnordered generator_unordered;
}  // namespace return_as

/// The results of Parallel one by one, for a range-for or next(). Blocks; throws the first
/// exception. When it goes, what has not begun never does.
template <class T>
class ParallelResults
    : public asyncio::detail::PullRange<ParallelResults<T>, asyncio::base::non_void_t<T>> {
  using Value = asyncio::base::non_void_t<T>;
  using Run = asyncio::detail::ParallelRunOf<Value>;

 public:
  ParallelResults(std::shared_ptr<Run> run,
                  std::shared_ptr<asyncio::detail::ParallelWorkers> workers, bool in_order)
      : run_(std::move(run)), workers_(std::move(workers)), in_order_(in_order) {}
  ParallelResults(ParallelResults&&) noexcept = default;
  ParallelResults& operator=(ParallelResults&&) = delete;
  ~ParallelResults() {
    if (run_) run_->leave();
  }

  /// Nothing at the end. TimeoutError.
  std::optional<Value> next() {
    const std::optional<std::size_t> place = run_->wait_for_next(in_order_);
    if (!place) return {};
    return run_->take(*place);
  }

 private:
  std::shared_ptr<Run> run_;
  std::shared_ptr<asyncio::detail::ParallelWorkers> workers_;  // of a temporary Parallel, maybe
  bool in_order_;
};

/// Workers for calls of the form `parallel(function, items)`: they are made once and kept. One call
/// at a time. Functions and items go to processes as ProcessPoolExecutor sends them; with threads
/// they may be anything. Make it before the program's threads, as that.
class Parallel {
 public:
  using Progress = std::function<void(std::size_t done, std::size_t total)>;

  /// ValueError("n_jobs == 0 in Parallel has no meaning"); OSError.
  explicit Parallel(ParallelOptions options = {}) : engine_(options) {}
  explicit Parallel(int n_jobs) : engine_(ParallelOptions{.n_jobs = n_jobs}) {}

  /// Calls `progress(done, total)` whenever items are finished, on whichever thread notices, one at
  /// a time.
  Parallel& on_progress(Progress progress) {
    engine_.on_progress(std::move(progress));
    return *this;
  }

  /// `function(item)` for all items, and the results in their order; void is std::monostate.
  /// Blocks. The first exception is thrown, and what has not begun never does; processes that have
  /// are killed, threads are waited for. TimeoutError after `timeout` without a result. TypeError
  /// when processes are to run a lambda with captures.
  ///
  /// Items are taken where they stand. A vector that is given away, `std::move(items)`, is moved
  /// from; the forms below, which come back before the work is done, copy any other range.
  template <class F, class Range>
  auto operator()(const F& function, Range&& items) {
    auto run = make_run<asyncio::detail::Lifetime::outlives_the_run>(
        function, std::forward<Range>(items), engine_.workers(true));
    run->begin();
    run->wait_for_all();
    return run->take_all();
  }
  template <class F, class Range>
  auto operator()(return_as::Generator, const F& function, Range&& items) {
    return results(function, std::forward<Range>(items), true);
  }
  template <class F, class Range>
  auto operator()(return_as::GeneratorUnordered, const F& function, Range&& items) {
    return results(function, std::forward<Range>(items), false);
  }

  /// The same for a coroutine: a future of the running loop. Cancelling it ends the work, but waits
  /// for nobody. The Parallel must outlive it. `co_await parallel.async(function, items)`.
  template <class F, class Range>
  auto async(const F& function, Range&& items) {
    auto run = make_run<asyncio::detail::Lifetime::unknown>(function, std::forward<Range>(items),
                                                            engine_.workers(false));
    return wrap_future(run->future());
  }

  /// How many at a time.
  [[nodiscard]] int n_jobs() const noexcept { return engine_.n_jobs(); }

 private:
  template <asyncio::detail::Lifetime lifetime, class F, class Range>
  auto make_run(const F& function, Range&& items,
                const std::shared_ptr<asyncio::detail::ParallelWorkers>& workers) {
    return engine_.make_run<F, asyncio::detail::item_t<Range>, lifetime>(
        function, std::forward<Range>(items), workers);
  }
  template <class F, class Range>
  auto results(const F& function, Range&& items, bool in_order) {
    auto workers = engine_.workers(true);
    auto run =
        make_run<asyncio::detail::Lifetime::unknown>(function, std::forward<Range>(items), workers);
    using Value = typename decltype(run)::element_type::Value;
    run->begin();
    return ParallelResults<Value>(std::move(run), std::move(workers), in_order);
  }

  asyncio::detail::ParallelEngine engine_;
};

}  // namespace asyncio::concurrent
