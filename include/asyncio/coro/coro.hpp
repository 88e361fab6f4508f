// Coro<T>: a coroutine object, as a call of `async def` makes it in Python.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/coro/awaitable.hpp"
#include "asyncio/coro/frame.hpp"

namespace asyncio {

template <class T>
class Coro;

namespace detail {

template <class T>
struct CoroPromiseResult : AwaitingFrame {
  template <class U = T>
    requires std::is_constructible_v<typename base::Stored<T>::type, U&&> || std::is_reference_v<T>
  void return_value(U&& value) {
    static_cast<base::Slot<T>*>(slot)->emplace(std::forward<U>(value));
  }
};
template <>
struct CoroPromiseResult<void> : AwaitingFrame {
  void return_void() noexcept {}
};

template <class T>
struct CoroPromise : CoroPromiseResult<T> {
  ASYNCIO_CORO_WRAPPER Coro<T> get_return_object(
      std::source_location here = std::source_location::current()) noexcept;
};

template <class T>
class CoroAwaiter;

}  // namespace detail

/// A function body that has not begun. Lazy: calling the function runs nothing; `co_await` runs it
/// inside the awaiting task, without a trip through the loop. To run it beside others, make it a
/// Task: create_task, gather, TaskGroup.
///
/// Awaited once: a second await throws RuntimeError. Dropped without having been awaited, it
/// reports `RuntimeWarning: coroutine 'f' was never awaited` with file and line.
///
/// Parameters: take them by value. A reference parameter must outlive the coroutine, which may run
/// much later than the call. T may be void, a movable type or a reference.
/// Python: a coroutine object.
template <class T = void>
class [[nodiscard(
    "a coroutine does nothing until it is awaited: co_await it, or pass it to "
    "create_task or gather")]] ASYNCIO_CORO_TYPE Coro {
 public:
  using value_type = T;
  using promise_type = detail::CoroPromise<T>;

  Coro() = default;
  Coro(Coro&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Coro& operator=(Coro&& other) noexcept {
    Coro(std::move(other)).swap(*this);
    return *this;
  }
  ~Coro() {
    if (frame_ != nullptr) drop();
  }

  void swap(Coro& other) noexcept { std::swap(frame_, other.frame_); }

  /// Runs it inside the awaiting coroutine and gives its result, or throws its exception.
  /// RuntimeError("cannot reuse already awaited coroutine"); RecursionError when 5,000 coroutines
  /// await each other without one that waits. Cancelling the task cancels what it waits for.
  detail::CoroAwaiter<T> operator co_await() && noexcept;
  detail::CoroAwaiter<T> operator co_await() & noexcept;

  /// Destroys the coroutine without a warning; its arguments' destructors run. Python: close().
  void close() noexcept {
    if (frame_ != nullptr) std::exchange(frame_, nullptr)->self().destroy();
  }

  // For the task layer: the frame, which stays owned, or without owner after release().
  [[nodiscard]] detail::Frame* frame() const noexcept { return frame_; }
  detail::Frame* release() noexcept { return std::exchange(frame_, nullptr); }

 private:
  friend promise_type;
  explicit Coro(detail::Frame* frame) noexcept : frame_(frame) {}

  ASYNCIO_ALWAYS_INLINE void drop() noexcept {
    if (frame_->waiter == nullptr) [[unlikely]]
      detail::report_never_awaited(*frame_);
    close();
  }

  detail::Frame* frame_ = nullptr;
};

namespace detail {

template <class T>
Coro<T> CoroPromise<T>::get_return_object(std::source_location here) noexcept {
  this->set_definition(here);
  return Coro<T>(this);
}

// One await of a coroutine. It owns the child's frame and the slot of its result.
template <class T>
class CoroAwaiter {
 public:
  explicit CoroAwaiter(Frame* child) noexcept : child_(child) {}
  CoroAwaiter(CoroAwaiter&& other) noexcept : child_(std::exchange(other.child_, nullptr)) {
    ASYNCIO_DEBUG_CHECK(other.waiter_.state == Waiter::State::idle,
                        "an awaiter moved while waiting");
  }
  CoroAwaiter& operator=(CoroAwaiter&&) = delete;
  ~CoroAwaiter() {
    if (child_ == nullptr) return;
    if (waiter_.state != Waiter::State::done || waiter_.child_gone) [[unlikely]] {
      drop_child(*child_, waiter_);
    } else {
      child_->self().destroy();
    }
  }

  static constexpr bool await_ready() noexcept { return false; }

  ASYNCIO_ALWAYS_INLINE bool await_suspend(Continuation parent) noexcept {
    if (child_ == nullptr) [[unlikely]]
      return fail_reused();
    return start_child(*child_, waiter_, slot_, parent);
  }

  ASYNCIO_ALWAYS_INLINE T await_resume() { return slot_.take(); }

  /// The failure, taken out without a throw; null when there is a value.
  [[nodiscard]] std::exception_ptr error() noexcept { return std::exchange(slot_.error, nullptr); }

 private:
  ASYNCIO_COLD bool fail_reused() noexcept {
    slot_.error = std::make_exception_ptr(RuntimeError("cannot reuse already awaited coroutine"));
    return false;
  }

  Frame* child_;
  Waiter waiter_;
  base::Slot<T> slot_;
};

}  // namespace detail

template <class T>
detail::CoroAwaiter<T> Coro<T>::operator co_await() && noexcept {
  return detail::CoroAwaiter<T>(release());
}

template <class T>
detail::CoroAwaiter<T> Coro<T>::operator co_await() & noexcept {
  return detail::CoroAwaiter<T>(release());
}

namespace detail {

template <class T>
struct CoroTraits : std::false_type {};
template <class T>
struct CoroTraits<Coro<T>> : std::true_type {
  using value_type = T;
};

}  // namespace detail

/// Whether T is a coroutine object.
template <class T>
inline constexpr bool iscoroutine_v = detail::CoroTraits<std::remove_cvref_t<T>>::value;

/// Whether `object` is a coroutine object. Python: asyncio.iscoroutine.
template <class T>
[[nodiscard]] constexpr bool iscoroutine(const T& /*object*/) noexcept {
  return iscoroutine_v<T>;
}

/// Whether calling F makes a coroutine object. Python: inspect.iscoroutinefunction.
template <class F, class... Args>
concept CoroutineFunction =
    std::is_invocable_v<F, Args...> && iscoroutine_v<std::invoke_result_t<F, Args...>>;

extern template class Coro<void>;

}  // namespace asyncio
