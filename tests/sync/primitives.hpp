// What the tests of locks and queues share.
#pragma once

#include "asyncio/sync/wait_queue.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {

using namespace std::chrono_literals;

using Numbers = std::vector<int>;

/// Gives the others exactly one turn.
inline Coro<> one_turn() { co_await sleep(0s); }
inline Coro<> give_turns(int count) {
  for (int i = 0; i < count; ++i) co_await sleep(0s);
}

/// What awaiting it throws, described; "nothing" when it gives a result.
template <class A>
Coro<std::string> failure_of(A awaitable) {
  auto outcome = co_await try_(std::move(awaitable));
  co_return outcome.ok() ? "nothing" : describe(outcome.exception());
}

/// A list of tasks; g++ 12 takes no braced list in an expression with co_await.
template <class T, class... More>
std::vector<T> list_of(T first, More... more) {
  std::vector<T> tasks{std::move(first), std::move(more)...};
  return tasks;
}

/// How many wait, as the repr of a primitive or queue has it behind `label`.
inline std::string after(const std::string& repr, const std::string& label) {
  const auto at = repr.find(label);
  if (at == std::string::npos) return "";
  const auto from = at + label.size();
  return repr.substr(from, repr.find_first_of("],", from) - from);
}
template <class P>
std::string waiters(const P& primitive) {
  const std::string count = after(primitive.repr(), "waiters:");
  return count.empty() ? "0" : count;
}

}  // namespace asyncio::test
