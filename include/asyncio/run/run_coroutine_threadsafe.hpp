// run_coroutine_threadsafe(): work for a loop from another thread, and its result back.
#pragma once

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "asyncio/run/event_loop.hpp"
#include "asyncio/threads/concurrent_future.hpp"
#include "asyncio/threads/wrap_future.hpp"

namespace asyncio {

namespace detail {

/// A coroutine on its way to the loop. When the loop closes before it came to it, whoever waits in
/// the other thread is told so.
template <class A, class T>
class Submission {
 public:
  Submission(A source, EventLoop& loop, concurrent::Future<T> future)
      : source_(std::move(source)), loop_(&loop), future_(std::move(future)) {}
  Submission(Submission&& other) noexcept
      : source_(std::move(other.source_)),
        loop_(std::exchange(other.loop_, nullptr)),
        future_(other.future_) {}
  Submission& operator=(Submission&&) = delete;
  ~Submission() {
    if (loop_ != nullptr) future_.block()->cancel_unrun();
  }

  void operator()() {
    EventLoop& loop = *std::exchange(loop_, nullptr);
    try {
      Task<T> task = loop.create_task(std::move(source_));
      if (future_.cancelled()) task.cancel();  // before its first step: it never runs
      std::make_shared<OutboundLink<T>>(task, future_, loop.scheduler())->start(loop.scheduler());
    } catch (...) {
      if (future_.set_running_or_notify_cancel()) future_.set_exception(std::current_exception());
      throw;
    }
  }

 private:
  A source_;
  EventLoop* loop_;  // null: it has arrived
  concurrent::Future<T> future_;
};

template <TaskSource A>
using task_result_t =
    typename decltype(std::declval<EventLoop&>().create_task(std::declval<A>()))::value_type;

}  // namespace detail

/// Runs a coroutine, any other awaitable, or a function that returns a Coro, as a task of `loop`,
/// from another thread; `future.result()` there blocks for its result. Cancelling the future
/// cancels the task; a task that is cancelled cancels the future, and so does a loop that closes
/// first. An exception while the task is made is that of the future, and goes to the loop's
/// exception handler. RuntimeError when the loop is closed; the caller sees to it that it does not
/// go during the call. Any thread; never wait for the result on the loop's own. Python:
/// asyncio.run_coroutine_threadsafe.
template <detail::TaskSource A>
auto run_coroutine_threadsafe(A&& source, EventLoop& loop)
    -> concurrent::Future<detail::task_result_t<std::decay_t<A>>> {
  using T = detail::task_result_t<std::decay_t<A>>;
  using Submission = detail::Submission<std::decay_t<A>, T>;
  concurrent::Future<T> future;
  // A coroutine is awaited once, also a named one: it is moved.
  if constexpr (iscoroutine_v<A>) {
    // NOLINTNEXTLINE(bugprone-move-forwarding-reference)
    loop.call_soon_threadsafe(Submission(std::move(source), loop, future));
  } else {
    loop.call_soon_threadsafe(Submission(std::forward<A>(source), loop, future));
  }
  return future;
}

}  // namespace asyncio
