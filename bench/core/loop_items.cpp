#include <asyncio/asyncio.hpp>
#include <thread>
#include <vector>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Future;
using asyncio::Task;
using namespace std::chrono_literals;

Coro<> spin(std::size_t turns) {
  for (std::size_t i = 0; i < turns; ++i) co_await asyncio::sleep(0s);
}

// The task that takes the time is one of `tasks`. The others have begun before it starts its clock,
// and end after it has stopped it.
Coro<double> time_switches(std::size_t tasks, std::size_t n) {
  const std::size_t turns = n / tasks;
  std::vector<Task<>> others;
  for (std::size_t i = 1; i < tasks; ++i) others.push_back(asyncio::create_task(spin(turns + 2)));
  co_await asyncio::sleep(0s);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < turns; ++i) co_await asyncio::sleep(0s);
  const double end = thread_cpu_ns();
  for (const Task<>& task : others) co_await task;
  co_return end - begin;
}

Coro<> hang_up(asyncio::StreamReader, asyncio::StreamWriter) { co_return; }

Coro<double> time_switches_watching(std::size_t n) {
  asyncio::Server server = co_await asyncio::start_server(hang_up, "127.0.0.1", 0);
  const double time = co_await time_switches(1, n);
  server.close();
  co_return time;
}

Coro<double> time_call_soon(std::size_t n) {
  constexpr std::size_t kBatch = 1000;
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  std::size_t calls = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kBatch) {
    for (std::size_t k = 0; k < kBatch; ++k) loop.call_soon([&calls] { ++calls; });
    co_await asyncio::sleep(0s);
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(calls == n, "a callback was not called");
  co_return end - begin;
}

Coro<double> time_call_later(std::size_t n) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) loop.call_later(30s, [] {}).cancel();
  co_return thread_cpu_ns() - begin;
}

Coro<> wait_again_and_again(const std::vector<Future<>>* futures, std::size_t index,
                            std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) {
    co_await (*futures)[index];
    co_await asyncio::sleep(0s);
  }
}

// The futures are made before the clock starts; a turn of the loop per round is in the time.
Coro<double> time_wakes(std::size_t n) {
  constexpr std::size_t kWaiters = 256;
  const std::size_t rounds = n / kWaiters;
  std::vector<Future<>> futures(kWaiters);
  std::vector<Task<>> waiters;
  for (std::size_t k = 0; k < kWaiters; ++k) {
    waiters.push_back(asyncio::create_task(wait_again_and_again(&futures, k, rounds)));
  }
  double total = 0;
  for (std::size_t i = 0; i < rounds; ++i) {
    for (Future<>& future : futures) future = asyncio::create_future<>();
    co_await asyncio::sleep(0s);
    const double begin = thread_cpu_ns();
    for (const Future<>& future : futures) future.set_result();
    co_await asyncio::sleep(0s);
    total += thread_cpu_ns() - begin;
  }
  for (const Task<>& waiter : waiters) co_await waiter;
  co_return total;
}

struct FloodTimes {
  double caller = 0;
  double both = 0;
};

Coro<FloodTimes> time_flood(std::size_t n) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  Future<> done = asyncio::create_future<>();
  std::size_t left = n;
  FloodTimes times;
  const double begin = process_cpu_ns();
  std::thread caller([&] {
    const double caller_begin = thread_cpu_ns();
    for (std::size_t i = 0; i < n; ++i) {
      loop.call_soon_threadsafe([&left, &done] {
        if (--left == 0) done.set_result();
      });
    }
    times.caller = thread_cpu_ns() - caller_begin;
  });
  co_await done;
  times.both = process_cpu_ns() - begin;
  caller.join();
  co_return times;
}

}  // namespace

double switch_among(std::size_t tasks, std::size_t n) {
  return asyncio::run(time_switches(tasks, n));
}
double switch_one(std::size_t n) { return switch_among(1, n); }
double switch_one_watching(std::size_t n) { return asyncio::run(time_switches_watching(n)); }
double switch_two(std::size_t n) { return switch_among(2, n); }
double switch_hundred(std::size_t n) { return switch_among(100, n); }
double switch_many(std::size_t n) { return switch_among(100'000, n); }
double call_soon(std::size_t n) { return asyncio::run(time_call_soon(n)); }
double call_later_cancel(std::size_t n) { return asyncio::run(time_call_later(n)); }
double future_wake(std::size_t n) { return asyncio::run(time_wakes(n)); }
double flood_caller(std::size_t n) { return asyncio::run(time_flood(n)).caller; }
double flood_both(std::size_t n) { return asyncio::run(time_flood(n)).both; }

}  // namespace bench
