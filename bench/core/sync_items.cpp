#include <asyncio/asyncio.hpp>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Task;
using namespace std::chrono_literals;

Coro<double> time_free_queue(std::size_t n) {
  asyncio::Queue<std::size_t> queue;
  std::size_t sum = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    co_await queue.put(i);
    const std::size_t item = co_await queue.get();
    sum += item;
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(sum == n * (n - 1) / 2, "an item was lost");
  co_return end - begin;
}

Coro<> put_all(asyncio::Queue<std::size_t>& queue, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) co_await queue.put(i);
}

Coro<double> time_queue(std::ptrdiff_t maxsize, std::size_t n) {
  asyncio::Queue<std::size_t> queue(maxsize);
  Task<> producer = asyncio::create_task(put_all(queue, n));
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await queue.get();
  const double end = thread_cpu_ns();
  co_await producer;
  co_return end - begin;
}

Coro<double> time_free_lock(std::size_t n) {
  asyncio::Lock lock;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) {
    co_await lock.acquire();
    lock.release();
  }
  co_return thread_cpu_ns() - begin;
}

Coro<> take_again_and_again(asyncio::Lock& lock, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    co_await lock.acquire();
    lock.release();
  }
}

// Two tasks want it all the time, so each release hands it over.
Coro<double> time_lock_handovers(std::size_t n) {
  asyncio::Lock lock;
  co_await lock.acquire();
  Task<> one = asyncio::create_task(take_again_and_again(lock, n / 2));
  Task<> other = asyncio::create_task(take_again_and_again(lock, n / 2));
  co_await asyncio::sleep(0s);
  const double begin = thread_cpu_ns();
  lock.release();
  co_await one;
  co_await other;
  co_return thread_cpu_ns() - begin;
}

Coro<> wait_for_events(asyncio::Event& event, std::size_t rounds) {
  for (std::size_t i = 0; i < rounds; ++i) co_await event.wait();
}

// A turn of the loop per round is in the time.
Coro<double> time_events(std::size_t n) {
  constexpr std::size_t kWaiters = 256;
  const std::size_t rounds = n / kWaiters;
  asyncio::Event event;
  std::vector<Task<>> waiters;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    waiters.push_back(asyncio::create_task(wait_for_events(event, rounds)));
  }
  co_await asyncio::sleep(0s);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < rounds; ++i) {
    event.set();
    event.clear();
    co_await asyncio::sleep(0s);
  }
  const double end = thread_cpu_ns();
  for (const Task<>& waiter : waiters) co_await waiter;
  co_return end - begin;
}

}  // namespace

double queue_free(std::size_t n) { return asyncio::run(time_free_queue(n)); }
double queue_one(std::size_t n) { return asyncio::run(time_queue(1, n)); }
double queue_hundred(std::size_t n) { return asyncio::run(time_queue(100, n)); }
double lock_free(std::size_t n) { return asyncio::run(time_free_lock(n)); }
double lock_handover(std::size_t n) { return asyncio::run(time_lock_handovers(n)); }
double event_wake(std::size_t n) { return asyncio::run(time_events(n)); }

}  // namespace bench
