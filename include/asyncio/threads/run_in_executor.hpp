// A function on an executor, as a future of the loop. Python's loop.run_in_executor; programs call
// it on the EventLoop.
#pragma once

#include <utility>

#include "asyncio/threads/default_executor.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
#include "asyncio/threads/wrap_future.hpp"

namespace asyncio::detail {

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

/// `executor` null: the default one.
template <class F, class... Args>
auto run_in_executor(Scheduler& scheduler, concurrent::ThreadPoolExecutor* executor, F&& function,
                     Args&&... args) -> Future<call_result_t<F, Args...>> {
  scheduler.check_call();
  if (executor != nullptr) {
    return wrap_future(scheduler,
                       executor->submit(std::forward<F>(function), std::forward<Args>(args)...));
  }
  using T = call_result_t<F, Args...>;
  auto work = make_work(std::forward<F>(function), std::forward<Args>(args)...);
  DefaultWork::submit_to(scheduler, *work);
  return wrap_future(scheduler, concurrent::Future<T>(Ref<ThreadFutureOf<T>>(work.get())));
}

}  // namespace asyncio::detail
