// timeout() around a block, wait_for() around one await.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "asyncio/base/delay.hpp"
#include "asyncio/coro/awaitable.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/loop/handle.hpp"
#include "asyncio/loop/timer.hpp"
#include "asyncio/task/immediate.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/wait.hpp"

namespace asyncio {

/// A deadline for a block of code: when it passes, the block's task is cancelled, and the
/// CancelledError that leaves the block becomes TimeoutError. Used with `with`:
///
///   co_await with(timeout(2s), [&]() -> Coro<> { co_await slow(); });
///
/// They nest; only its own cancellation becomes TimeoutError. A block that never suspends, or that
/// swallows the cancellation, ends without one. Another exception that the cleanup throws passes
/// untouched: Python puts a TimeoutError into its context, and C++ exceptions have none.
/// Python: asyncio.Timeout.
class Timeout {
 public:
  static constexpr bool kCancelsItsTask = true;

  /// `when` in the loop's time; nullopt: no deadline (yet).
  explicit Timeout(std::optional<Nanoseconds> when) noexcept
      : when_(when), alarm_(&Timeout::on_alarm) {}
  /// Only before it is entered.
  Timeout(Timeout&& other) noexcept : Timeout(other.when_) {
    ASYNCIO_CHECK(other.state_ == State::created, "a Timeout moved after it was entered");
  }
  Timeout& operator=(Timeout&&) = delete;
  ~Timeout() { disarm(); }

  /// The deadline in the loop's time, or nullopt. Python: Timeout.when.
  [[nodiscard]] std::optional<Nanoseconds> when() const noexcept { return when_; }
  /// Another deadline; nullopt: none. RuntimeError unless the block runs. Python: reschedule.
  void reschedule(std::optional<Nanoseconds> when);
  /// Whether the deadline has passed while the block ran, also when no TimeoutError came of it.
  /// Python: Timeout.expired.
  [[nodiscard]] bool expired() const noexcept {
    return state_ == State::expiring || state_ == State::expired;
  }

  /// As Python's repr: "<Timeout [active] when=3600.5>".
  [[nodiscard]] std::string repr() const;

  // Python: __aenter__, __aexit__. RuntimeError outside a task, or when entered before.
  detail::Immediate aenter();
  detail::Immediate aexit(const std::exception_ptr& error) {
    return detail::Immediate(leave(error));
  }

  // For wait_for: the same without awaiting. leave() gives what goes on instead of `error`.
  void enter();
  std::exception_ptr leave(const std::exception_ptr& error);

 private:
  enum class State : unsigned char { created, active, expiring, expired, finished };
  struct Alarm : TimerNode {
    using TimerNode::TimerNode;
    Timeout* owner = nullptr;
  };

  static void on_alarm(TimerNode* timer) { static_cast<Alarm*>(timer)->owner->fire(); }
  void fire() noexcept;
  void disarm() noexcept;

  std::optional<Nanoseconds> when_;
  detail::Ref<detail::FutureBase> task_;
  Alarm alarm_;
  Handle soon_;  // for a deadline that has passed when it is set
  unsigned cancelling_before_ = 0;
  State state_ = State::created;
};

/// A Timeout that ends `delay` from now: from this call, not from entering. Python:
/// asyncio.timeout.
[[nodiscard]] Timeout timeout(std::optional<Delay> delay);
/// A Timeout at a point in the loop's time. Python: asyncio.timeout_at.
[[nodiscard]] Timeout timeout_at(std::optional<Nanoseconds> when);

namespace detail {

/// time() + delay of the running loop.
Nanoseconds deadline_after(Delay delay);

/// The await of one thing with a deadline, in the same task and without a frame of its own.
template <class Source>
class WaitForAwaiter final : FakeFrame {
 public:
  /// `deadline` in the loop's time; nullopt: none.
  WaitForAwaiter(Source&& source, std::optional<Nanoseconds> deadline)
      : inner_(get_awaiter(std::forward<Source>(source))), timeout_(deadline) {
    this->resume = &on_done;
  }
  WaitForAwaiter(WaitForAwaiter&&) = delete;

  static constexpr bool await_ready() noexcept { return false; }

  bool await_suspend(Continuation continuation) {
    timeout_.enter();
    continuation_ = continuation.handle;
    if (!inner_.await_ready() &&
        inner_.await_suspend(Continuation(FakeFrame::handle(), continuation.frame))) {
      return true;
    }
    error_ = timeout_.leave(inner_.error());
    return false;
  }

  decltype(auto) await_resume() { return inner_.await_resume(); }
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }

 private:
  static void on_done(FakeFrame* fake) {
    auto* self = static_cast<WaitForAwaiter*>(fake);
    self->error_ = self->timeout_.leave(self->inner_.error());
    self->continuation_.resume();
  }

  awaiter_in_place_t<Source> inner_;
  Timeout timeout_;
  std::coroutine_handle<> continuation_;
  std::exception_ptr error_;
};

/// wait_for with no time left: what is done is done; anything else is cancelled and waited for. A
/// coroutine that was not started never is.
/// `kOwned`: nobody else holds the future, so its result is moved out.
template <bool kOwned, class F>
Coro<typename F::value_type> wait_for_at_once(F future) {
  if (!future.done()) {
    future.cancel();
    co_await pass(WaitAwaiter<F>(std::vector<F>(1, future), WaitOptions()));
    // Also what only holds a CancelledError, as a gather does.
    if (base::exception_is<CancelledError>(future.block()->error())) {
      future.block()->mark_retrieved();
      co_await raise<TimeoutError>();
    }
  }
  if constexpr (std::is_void_v<typename F::value_type>) {
    co_await pass(future);
  } else if constexpr (kOwned) {
    co_return co_await pass(std::move(future));
  } else {
    co_return co_await pass(future);
  }
}

template <class A>
Coro<await_result_t<A>> wait_for_in_time(std::remove_cvref_t<A> source,
                                         std::optional<Delay> delay) {
  // The result of somebody else's future is copied, not taken away from its other holders.
  using Held = std::conditional_t<is_future_v<A> && std::is_lvalue_reference_v<A>,
                                  std::remove_cvref_t<A>&, std::remove_cvref_t<A>&&>;
  if (delay && delay->value().count() <= 0) {
    constexpr bool kOwned = !std::is_lvalue_reference_v<Held>;
    auto future = ensure_future(static_cast<Held>(source));
    if constexpr (std::is_void_v<await_result_t<A>>) {
      co_await pass(wait_for_at_once<kOwned>(std::move(future)));
      co_return;
    } else {
      co_return co_await pass(wait_for_at_once<kOwned>(std::move(future)));
    }
  }
  const auto deadline = delay ? std::optional(deadline_after(*delay)) : std::nullopt;
  if constexpr (std::is_void_v<await_result_t<A>>) {
    co_await pass(WaitForAwaiter<Held>(static_cast<Held>(source), deadline));
  } else {
    co_return co_await pass(WaitForAwaiter<Held>(static_cast<Held>(source), deadline));
  }
}

}  // namespace detail

/// Waits for `awaitable`, at most `timeout` (nullopt: for ever); then cancels it, waits until it
/// has ended, and throws TimeoutError. So the whole may take longer than `timeout`: the cleanup is
/// awaited. If it returns a value in spite of the cancellation, that value is the result. A
/// coroutine runs in the calling task. Zero or less: a coroutine never starts. Python:
/// asyncio.wait_for.
template <Awaitable A>
[[nodiscard]] auto wait_for(A&& awaitable, std::optional<Delay> timeout) {
  if constexpr (iscoroutine_v<A>) {
    // NOLINTNEXTLINE(bugprone-move-forwarding-reference): awaited once, also a named one
    return detail::wait_for_in_time<std::remove_cvref_t<A>>(std::move(awaitable), timeout);
  } else if constexpr (detail::QuietAwaiter<detail::awaiter_t<A>>) {
    return detail::wait_for_in_time<A>(std::forward<A>(awaitable), timeout);
  } else {
    return detail::wait_for_in_time<Coro<await_result_t<A>>>(
        detail::to_coro(std::forward<A>(awaitable)), timeout);
  }
}

}  // namespace asyncio
