// with(): a block whose end is awaited, whatever ends it. Python: `async with`.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/pass.hpp"

namespace asyncio {

/// A resource for with(): `aenter()` is awaited before the block and `aexit(error)` after it, with
/// the exception that left the block, or null. What aenter gives, the block may take; void stands
/// for the resource itself. An exception from aexit replaces the block's; an aexit that gives
/// `true` swallows it (only for blocks without a value). Python: __aenter__, __aexit__.
template <class R>
concept AsyncContextManager = requires(R& resource, std::exception_ptr error) {
  resource.aenter();
  resource.aexit(error);
};

namespace detail {

/// Whether a callable may stand inside a co_await expression. g++ before 12.3 destroys a temporary
/// lambda there twice; one without owning captures has nothing to destroy.
template <class F>
inline constexpr bool kSafeInPlace = !ASYNCIO_GCC_FRAME_BUG || std::is_lvalue_reference_v<F> ||
                                     std::is_trivially_destructible_v<std::remove_reference_t<F>>;

// What the function keeps of an argument: a temporary itself, a named callable as a copy, a named
// resource as a reference.
template <class F>
using kept_callable_t =
    std::conditional_t<std::is_lvalue_reference_v<F> &&
                           !std::is_copy_constructible_v<std::remove_cvref_t<F>>,
                       F, std::remove_cvref_t<F>>;
template <class R>
using kept_resource_t =
    std::conditional_t<std::is_lvalue_reference_v<R>, R, std::remove_cvref_t<R>>;

template <class R>
using entered_t = await_result_t<decltype(std::declval<R&>().aenter())>;

// What the block is given: what entering gave, or the resource.
template <class R>
using block_argument_t =
    std::conditional_t<std::is_void_v<entered_t<R>>, R&, std::add_rvalue_reference_t<entered_t<R>>>;

template <class F, class A>
auto call_body(F& body, A&& argument) {
  if constexpr (std::invocable<F&, A>) {
    return body(std::forward<A>(argument));
  } else {
    static_assert(std::invocable<F&>,
                  "the block of with() takes what entering gives (or the resource), or nothing");
    return body();
  }
}

template <class R, class F>
using body_result_t = typename decltype(call_body(std::declval<F&>(),
                                                  std::declval<block_argument_t<R>>()))::value_type;

// The block as a coroutine; none, and `outcome` the reason, when the callable throws before it has
// made one: the resource has been entered, so it must be exited.
template <class T, class F, class A>
Coro<T> start_body(Result<T>& outcome, F& body, A&& argument) noexcept {
  try {
    return call_body(body, std::forward<A>(argument));
  } catch (...) {
    outcome = Result<T>(std::current_exception());
    return Coro<T>();
  }
}

// `Resource` and `Body` may be references.
template <class Resource, class Body,
          class T = body_result_t<std::remove_reference_t<Resource>, std::remove_reference_t<Body>>>
Coro<T> with_block(Resource resource, Body body) {
  Result<T> outcome;
  Coro<T> block;
  if constexpr (std::is_void_v<entered_t<Resource>>) {
    co_await pass(resource.aenter());
    block = start_body<T>(outcome, body, resource);
    if (block.frame() != nullptr) outcome = co_await try_(std::move(block));
  } else {
    auto&& entered = co_await pass(resource.aenter());
    block = start_body<T>(outcome, body, std::forward<decltype(entered)>(entered));
    if (block.frame() != nullptr) outcome = co_await try_(std::move(block));
  }
  using Exit = decltype(resource.aexit(std::exception_ptr()));
  if constexpr (std::is_same_v<await_result_t<Exit>, bool>) {
    static_assert(std::is_void_v<T>, "a block whose resource may swallow exceptions has no value");
    const bool swallow = co_await pass(resource.aexit(outcome.exception()));
    if (swallow) co_return;
  } else {
    co_await pass(resource.aexit(outcome.exception()));
  }
  if (!outcome.ok()) co_await raise(outcome.exception());
  if constexpr (!std::is_void_v<T>) co_return std::move(outcome).value();
}

}  // namespace detail

/// `co_await with(timeout(2s), [&]() -> Coro<int> { ... })`: enters, runs the block, awaits the
/// exit, and gives the block's value or exception. The block may take the resource as `auto&`, or
/// what entering it gives (a barrier's number). A temporary resource moves in; a named one is used
/// in place and must outlive the await. Python: `async with`.
template <class R, class F>
  requires AsyncContextManager<std::remove_reference_t<R>>
[[nodiscard]] auto with(R&& resource, F&& body) {
  static_assert(detail::kSafeInPlace<F>,
                "this g++ destroys the captures of a lambda inside a co_await expression twice: "
                "name the lambda first (auto block = [...]...;) and pass it by name");
  return detail::with_block<detail::kept_resource_t<R>, detail::kept_callable_t<F>>(
      std::forward<R>(resource), std::forward<F>(body));
}

}  // namespace asyncio
