// What can be awaited, and the wrapping that every co_await inside a Coro goes through.
#pragma once

#include <concepts>
#include <coroutine>
#include <source_location>
#include <type_traits>
#include <utility>

#include "asyncio/coro/frame.hpp"

namespace asyncio {

namespace detail {

template <class A>
concept Awaiter = requires(A& a, std::coroutine_handle<> handle) {
  { a.await_ready() } -> std::convertible_to<bool>;
  a.await_suspend(handle);
  a.await_resume();
};

template <class A>
concept MemberAwaitable = requires(A&& a) { std::forward<A>(a).operator co_await(); };
template <class A>
concept FreeAwaitable = requires(A&& a) { operator co_await(std::forward<A>(a)); };

/// The awaiter of `a`: what its operator co_await returns, or `a` itself, in place.
template <class A>
ASYNCIO_ALWAYS_INLINE decltype(auto) get_awaiter(A&& a) {
  if constexpr (MemberAwaitable<A>) {
    return std::forward<A>(a).operator co_await();
  } else if constexpr (FreeAwaitable<A>) {
    return operator co_await(std::forward<A>(a));
  } else {
    return static_cast<std::remove_reference_t<A>&>(a);
  }
}

template <class A>
using awaiter_t = std::remove_cvref_t<decltype(get_awaiter(std::declval<A>()))>;

/// How a wrapper around `a` holds its awaiter while `a` lives: the object, or a reference.
template <class A>
using awaiter_in_place_t = decltype(get_awaiter(std::declval<A>()));

/// An awaiter whose failure can be taken without a throw, for pass() and try_().
template <class A>
concept QuietAwaiter = Awaiter<A> && requires(A& a) {
  { a.error() } -> std::same_as<std::exception_ptr>;
};

/// Something that only means anything inside a coroutine and builds its awaiter there: pass(),
/// raise(), enter().
template <class A>
concept FrameAware = requires(A&& a, Frame& frame) { std::forward<A>(a).awaiter_in(frame); };

// Passes the handle that belongs to the promise (see ASYNCIO_GCC_FRAME_BUG) and keeps the awaiter
// in place: a reference stays one, a prvalue is built here.
template <class A>
struct Bound {
  A awaiter;
  Frame* frame;

  ASYNCIO_ALWAYS_INLINE decltype(auto) await_ready() { return awaiter.await_ready(); }
  ASYNCIO_ALWAYS_INLINE decltype(auto) await_suspend(std::coroutine_handle<>) {
    return awaiter.await_suspend(frame->self());
  }
  ASYNCIO_ALWAYS_INLINE decltype(auto) await_resume() { return awaiter.await_resume(); }
};

}  // namespace detail

/// Anything that co_await takes: a Coro, Task or Future, an awaiter of the library, or a type of
/// yours with operator co_await. Python: an object with __await__.
template <class A>
concept Awaitable = detail::MemberAwaitable<A> || detail::FreeAwaitable<A> ||
                    detail::Awaiter<std::remove_reference_t<A>>;

namespace detail {

/// Promise base with the one place through which each co_await goes.
struct AwaitingFrame : Frame {
  template <class A>
  ASYNCIO_ALWAYS_INLINE decltype(auto) await_transform(
      A&& a, std::source_location here = std::source_location::current()) {
    where = here;
    if constexpr (FrameAware<A>) {
      return std::forward<A>(a).awaiter_in(*this);
#if !ASYNCIO_GCC_FRAME_BUG
    } else if constexpr (Awaitable<A>) {
      return get_awaiter(std::forward<A>(a));  // nothing to bind: 16 bytes less in the frame
#endif
    } else if constexpr (MemberAwaitable<A>) {
      using W = decltype(std::forward<A>(a).operator co_await());
      return Bound<W>{std::forward<A>(a).operator co_await(), this};
    } else if constexpr (FreeAwaitable<A>) {
      using W = decltype(operator co_await(std::forward<A>(a)));
      return Bound<W>{operator co_await(std::forward<A>(a)), this};
    } else {
      static_assert(Awaiter<std::remove_reference_t<A>>,
                    "co_await needs an awaitable: a Coro, a Task, a Future, or anything with "
                    "operator co_await. To run a blocking function, use to_thread(f, args...)");
      return Bound<A&>{a, this};
    }
  }
};

}  // namespace detail

/// What `co_await a` gives.
template <Awaitable A>
using await_result_t = decltype(std::declval<detail::awaiter_t<A>&>().await_resume());

}  // namespace asyncio
