#include <asyncio/asyncio.hpp>
#include <vector>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Task;
using namespace std::chrono_literals;

// Not inlined: a real one is in another file.
[[gnu::noinline]] Coro<int> trivial() { co_return 1; }
[[gnu::noinline]] Coro<> nothing() { co_return; }

Coro<double> time_awaits(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await trivial();
  co_return thread_cpu_ns() - begin;
}

Coro<double> time_single_tasks(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await asyncio::create_task(trivial());
  co_return thread_cpu_ns() - begin;
}

Coro<double> time_task_batches(std::size_t n) {
  constexpr std::size_t kBatch = 1000;
  std::vector<Task<int>> tasks;
  tasks.reserve(kBatch);
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kBatch) {
    for (std::size_t k = 0; k < kBatch; ++k) tasks.push_back(asyncio::create_task(trivial()));
    for (const Task<int>& task : tasks) co_await task;
    tasks.clear();
  }
  co_return thread_cpu_ns() - begin;
}

Coro<double> time_gather(std::size_t n) {
  constexpr std::size_t kChildren = 10'000;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kChildren) {
    std::vector<Coro<int>> children;
    children.reserve(kChildren);
    for (std::size_t k = 0; k < kChildren; ++k) children.push_back(trivial());
    co_await asyncio::gather(std::move(children));
  }
  co_return thread_cpu_ns() - begin;
}

Coro<double> time_task_groups(std::size_t n) {
  constexpr std::size_t kChildren = 10'000;
  const auto spawn_all = [](asyncio::TaskGroup& group) -> Coro<> {
    for (std::size_t k = 0; k < kChildren; ++k) group.create_task(trivial());
    co_return;
  };
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kChildren) {
    co_await asyncio::with(asyncio::TaskGroup{}, spawn_all);
  }
  co_return thread_cpu_ns() - begin;
}

Coro<double> time_as_completed(std::size_t n) {
  constexpr std::size_t kChildren = 10'000;
  std::size_t sum = 0;
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; i += kChildren) {
    std::vector<Coro<int>> children;
    children.reserve(kChildren);
    for (std::size_t k = 0; k < kChildren; ++k) children.push_back(trivial());
    for (auto next : asyncio::as_completed(std::move(children))) {
      const int value = co_await next;
      sum += static_cast<std::size_t>(value);
    }
  }
  const double end = thread_cpu_ns();
  ASYNCIO_CHECK(sum == n, "a child was lost");
  co_return end - begin;
}

Coro<double> time_wait_for(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) co_await asyncio::wait_for(trivial(), 10s);
  co_return thread_cpu_ns() - begin;
}

}  // namespace

double await_trivial(std::size_t n) { return asyncio::run(time_awaits(n)); }
double task_single(std::size_t n) { return asyncio::run(time_single_tasks(n)); }
double task_batch(std::size_t n) { return asyncio::run(time_task_batches(n)); }
double gather_many(std::size_t n) { return asyncio::run(time_gather(n)); }
double task_group_many(std::size_t n) { return asyncio::run(time_task_groups(n)); }
double as_completed_many(std::size_t n) { return asyncio::run(time_as_completed(n)); }
double wait_for_trivial(std::size_t n) { return asyncio::run(time_wait_for(n)); }

double run_nothing(std::size_t n) {
  const double begin = thread_cpu_ns();
  for (std::size_t i = 0; i < n; ++i) asyncio::run(nothing());
  return thread_cpu_ns() - begin;
}

}  // namespace bench
