// to_thread(): a function that blocks, run beside the loop.
#pragma once

#include <atomic>
#include <concepts>
#include <exception>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/suspend.hpp"
#include "asyncio/threads/default_executor.hpp"

namespace asyncio {

namespace detail {

class ThreadAwaiterBase;

/// The function and its outcome. A thread that has begun cannot be stopped, so the call outlives an
/// await that was cancelled and then goes by itself.
class AwaitedCall : public ThreadJob {
 public:
  void run() noexcept final;
  /// Nobody waits any more: what has not begun never will.
  void orphan() noexcept {
    awaiter_ = nullptr;
    claimed_.exchange(true, std::memory_order_relaxed);
  }
  void start(ThreadAwaiterBase& awaiter, Scheduler& scheduler);
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }

 protected:
  /// On the worker thread; may throw.
  virtual void call() = 0;

 private:
  void ended() noexcept final;

  ThreadAwaiterBase* awaiter_ = nullptr;  // loop thread
  std::exception_ptr error_;
  ContextSlot context_;
  std::atomic<bool> claimed_{false};  // by the worker that runs it, or by orphan()
  bool ran_ = false;
};

class ThreadAwaiterBase : public Suspend {
 public:
  explicit ThreadAwaiterBase(std::unique_ptr<AwaitedCall> job) noexcept : job_(std::move(job)) {}
  ThreadAwaiterBase(ThreadAwaiterBase&&) noexcept = default;

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const {
    return cancelled() ? cancellation() : job_->error();
  }

 protected:
  ~ThreadAwaiterBase() { abandon(); }
  void check() {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  }
  [[nodiscard]] AwaitedCall& job() noexcept { return *job_; }

 private:
  friend class AwaitedCall;
  bool abort() override {
    abandon();
    return true;
  }
  void abandon() noexcept;

  std::unique_ptr<AwaitedCall> job_;
  bool running_ = false;
};

template <class F, class... Args>
class ThreadCall final : public AwaitedCall {
 public:
  using T = std::invoke_result_t<F, Args...>;
  template <class... Gs>
  explicit ThreadCall(F function, Gs&&... args)
      : function_(std::move(function)), args_(std::forward<Gs>(args)...) {}

  base::Slot<T> slot;

 private:
  void call() override {
    if constexpr (std::is_void_v<T>) {
      std::apply(std::move(function_), std::move(args_));
    } else {
      slot.emplace(std::apply(std::move(function_), std::move(args_)));
    }
  }

  F function_;
  std::tuple<Args...> args_;
};

template <class F, class... Args>
class ThreadAwaiter final
    : public ThreadAwaiterBase,
      public AsCoro<ThreadAwaiter<F, Args...>, std::invoke_result_t<F, Args...>> {
 public:
  using Call = ThreadCall<F, Args...>;
  explicit ThreadAwaiter(std::unique_ptr<Call> call) noexcept
      : ThreadAwaiterBase(std::move(call)) {}

  typename Call::T await_resume() {
    check();
    return static_cast<Call&>(job()).slot.take();
  }
};

}  // namespace detail

/// Runs `function(args...)` on a thread of the loop's default executor and gives its result or
/// exception. For calls that block: files, other libraries. Function and arguments are copied or
/// moved; use std::ref for references, and mind that two threads then see the same object. The
/// function runs in a copy of the current context.
/// RuntimeError("Executor shutdown has been called") after shutdown_default_executor.
///
/// Cancelling ends the wait at once, not the thread: a function that has begun runs to its end and
/// its result is dropped; one that has not never runs. Python: asyncio.to_thread.
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
[[nodiscard]] auto to_thread(F&& function, Args&&... args) {
  static_assert(detail::kSafeInPlace<F>,
                "this g++ destroys the captures of a lambda inside a co_await expression twice: "
                "name the lambda first, or pass what it needs as arguments");
  using Awaiter = detail::ThreadAwaiter<std::decay_t<F>, std::decay_t<Args>...>;
  return Awaiter(std::make_unique<typename Awaiter::Call>(std::forward<F>(function),
                                                          std::forward<Args>(args)...));
}

}  // namespace asyncio
