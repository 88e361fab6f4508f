// Cancellation: a task that sleeps is cancelled, and joined.
#include <asyncio/asyncio.hpp>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Result;
using asyncio::Task;
using namespace std::chrono_literals;

// With `depth` coroutines between the first one of the task and the sleep.
Coro<> sleep_long(int depth) {
  if (depth == 0) {
    co_await asyncio::sleep(1h);
  } else {
    co_await sleep_long(depth - 1);
  }
}

Coro<> sleep_long_and_pass(int depth) {
  if (depth == 0) {
    co_await asyncio::pass(asyncio::sleep(1h));
  } else {
    co_await asyncio::pass(sleep_long_and_pass(depth - 1));
  }
}

Coro<double> time_cancel(int depth, std::size_t n) {
  std::size_t cancelled = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    const Task<> task = asyncio::create_task(sleep_long(depth));
    co_await asyncio::sleep(0s);
    task.cancel();
    try {
      co_await task;
    } catch (const asyncio::CancelledError&) {
      ++cancelled;
    }
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(cancelled == n, "a cancellation was lost");
  co_return end - begin;
}

Coro<double> time_cancel_try(Coro<> (*sleep)(int), int depth, std::size_t n) {
  std::size_t cancelled = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    const Task<> task = asyncio::create_task(sleep(depth));
    co_await asyncio::sleep(0s);
    task.cancel();
    const Result<void> result = co_await asyncio::try_(task);
    if (!result.ok()) ++cancelled;
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(cancelled == n, "a cancellation was lost");
  co_return end - begin;
}

double cancel_try(Coro<> (*sleep)(int), int depth, std::size_t n) {
  return asyncio::run(time_cancel_try(sleep, depth, n));
}

}  // namespace

double cancel_join_0(std::size_t n) { return asyncio::run(time_cancel(0, n)); }
double cancel_join_5(std::size_t n) { return asyncio::run(time_cancel(5, n)); }
double cancel_join_20(std::size_t n) { return asyncio::run(time_cancel(20, n)); }
double cancel_try_0(std::size_t n) { return cancel_try(&sleep_long, 0, n); }
double cancel_try_5(std::size_t n) { return cancel_try(&sleep_long, 5, n); }
double cancel_try_20(std::size_t n) { return cancel_try(&sleep_long, 20, n); }
double cancel_pass_0(std::size_t n) { return cancel_try(&sleep_long_and_pass, 0, n); }
double cancel_pass_5(std::size_t n) { return cancel_try(&sleep_long_and_pass, 5, n); }
double cancel_pass_20(std::size_t n) { return cancel_try(&sleep_long_and_pass, 20, n); }

}  // namespace bench
