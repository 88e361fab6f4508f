// A function on an executor, as a future of the loop. Python's loop.run_in_executor; programs call
// it on the EventLoop.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "asyncio/threads/default_executor.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
#include "asyncio/threads/wrap_future.hpp"

namespace asyncio {

namespace detail {

template <class T>
inline constexpr bool kIsConcurrentFuture = false;
template <class T>
inline constexpr bool kIsConcurrentFuture<concurrent::Future<T>> = true;

}  // namespace detail

namespace concurrent {

/// What runs functions elsewhere: a submit(function, args...) that gives a Future of this
/// namespace. ThreadPoolExecutor and ProcessPoolExecutor are such, a program's own may be. Python:
/// concurrent.futures.Executor.
template <class E, class F, class... Args>
concept Executor = requires(E& executor, F&& function, Args&&... args) {
  executor.submit(std::forward<F>(function), std::forward<Args>(args)...);
  requires asyncio::detail::kIsConcurrentFuture<decltype(executor.submit(
      std::forward<F>(function), std::forward<Args>(args)...))>;
};

}  // namespace concurrent

namespace detail {

/// Hands work with its own future to the loop's default executor.
class DefaultWork final : public ThreadJob {
 public:
  /// Throws what ThreadJob::submit does.
  template <class Block>
  static void submit_to(Scheduler& scheduler, Block& work) {
    work.add_reference();
    submit_owned(scheduler, work);
  }
  ~DefaultWork() override;
  void run() noexcept override;

 private:
  explicit DefaultWork(Work& work) noexcept : work_(&work) {}
  static void submit_owned(Scheduler& scheduler, Work& work);
  void ended() noexcept override { delete this; }

  Work* work_;  // one reference
};

template <class E, class F, class... Args>
  requires concurrent::Executor<E, F, Args...>
auto run_in_executor(Scheduler& scheduler, E& executor, F&& function, Args&&... args) {
  scheduler.check_call();
  return wrap_future(scheduler,
                     executor.submit(std::forward<F>(function), std::forward<Args>(args)...));
}

/// On the default one.
template <class F, class... Args>
auto run_in_executor(Scheduler& scheduler, std::nullptr_t, F&& function, Args&&... args)
    -> Future<call_result_t<F, Args...>> {
  scheduler.check_call();
  using T = call_result_t<F, Args...>;
  auto work = make_work(std::forward<F>(function), std::forward<Args>(args)...);
  DefaultWork::submit_to(scheduler, *work);
  return wrap_future(scheduler, concurrent::Future<T>(Ref<ThreadFutureOf<T>>(work.get())));
}

/// `executor` null: the default one.
template <class F, class... Args>
auto run_in_executor(Scheduler& scheduler, concurrent::ThreadPoolExecutor* executor, F&& function,
                     Args&&... args) {
  if (executor == nullptr) {
    return run_in_executor(scheduler, nullptr, std::forward<F>(function),
                           std::forward<Args>(args)...);
  }
  return run_in_executor(scheduler, *executor, std::forward<F>(function),
                         std::forward<Args>(args)...);
}

}  // namespace detail
}  // namespace asyncio
