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
  if constexpr (!is_future_v<Element>) {
    Scheduler* scheduler = nullptr;  // looked up once, and not at all for an empty range
    for (auto&& element : range) {
      if (scheduler == nullptr) scheduler = &current_scheduler();
      futures.push_back(spawn_any(*scheduler, std::move(element), {.created = here}));
    }
  } else if constexpr (std::is_lvalue_reference_v<Range>) {
    for (const auto& element : range) futures.push_back(element);
  } else {
    for (auto&& element : range) futures.push_back(std::move(element));
  }
  return futures;
}

}  // namespace asyncio::detail
