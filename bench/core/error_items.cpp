#include <asyncio/asyncio.hpp>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Result;
using asyncio::ValueError;

// `depth` coroutines, the innermost of which fails.
Coro<int> fall(int depth) {
  if (depth == 1) throw ValueError("deep down");
  const int value = co_await fall(depth - 1);
  co_return value;
}

Coro<double> time_raise(int depth, std::size_t n) {
  std::size_t caught = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    try {
      co_await fall(depth);
    } catch (const ValueError&) {
      ++caught;
    }
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(caught == n, "an exception was lost");
  co_return end - begin;
}

Coro<int> fall_quietly(int depth) {
  if (depth == 1) co_await asyncio::raise<ValueError>("deep down");
  const int value = co_await asyncio::pass(fall_quietly(depth - 1));
  co_return value;
}

Coro<double> time_pass(int depth, std::size_t n) {
  std::size_t caught = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    const Result<int> result = co_await asyncio::try_(fall_quietly(depth));
    if (!result.ok()) ++caught;
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(caught == n, "an error was lost");
  co_return end - begin;
}

}  // namespace

double raise_1(std::size_t n) { return asyncio::run(time_raise(1, n)); }
double raise_5(std::size_t n) { return asyncio::run(time_raise(5, n)); }
double raise_10(std::size_t n) { return asyncio::run(time_raise(10, n)); }
double raise_20(std::size_t n) { return asyncio::run(time_raise(20, n)); }
double pass_1(std::size_t n) { return asyncio::run(time_pass(1, n)); }
double pass_5(std::size_t n) { return asyncio::run(time_pass(5, n)); }
double pass_10(std::size_t n) { return asyncio::run(time_pass(10, n)); }
double pass_20(std::size_t n) { return asyncio::run(time_pass(20, n)); }

}  // namespace bench
