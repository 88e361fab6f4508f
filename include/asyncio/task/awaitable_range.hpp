// Several awaitables in a range, as gather() and as_completed() take them.
#pragma once

#include <ranges>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/coro/awaitable.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio::detail {

/// A vector of coroutines, a generator of tasks, ...
template <class R>
concept AwaitableRange =
    std::ranges::input_range<R> && !Awaitable<R> &&
    (Awaitable<std::ranges::range_value_t<R>> || is_future_v<std::ranges::range_value_t<R>>);

/// What ensure_future() makes of an A.
template <class A>
using future_of_t = decltype(ensure_future(std::declval<A>()));

/// The elements as futures and tasks, in order; what is none yet becomes a task now. Coroutines are
/// moved out of the range, futures of a named range stay usable in it.
template <AwaitableRange Range>
auto futures_of(Range&& range, const std::source_location& here) {
  using Element = std::ranges::range_value_t<Range>;
  std::vector<future_of_t<Element>> futures;
  if constexpr (std::ranges::sized_range<Range>) futures.reserve(std::ranges::size(range));
  constexpr bool kCopy = std::is_lvalue_reference_v<Range> && is_future_v<Element>;
  for (auto&& element : range) {
    if constexpr (kCopy) {
      futures.push_back(ensure_future(element, here));
    } else {
      futures.push_back(ensure_future(std::move(element), here));
    }
  }
  return futures;
}

}  // namespace asyncio::detail
