// What an operation costs when there are many: tasks that take turns, timers that are armed,
// sleepers. Rows carry the number in their names, and their costs should hardly grow with it.
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/core/items.hpp"
#include "bench/core/meter.hpp"

namespace bench {
namespace {

using asyncio::Coro;
using asyncio::Task;
using namespace std::chrono_literals;

constexpr std::size_t kSizes[] = {100, 1'000, 10'000, 100'000, 1'000'000};

// "100,000".
std::string with_commas(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

void print(const std::string& what, std::size_t count, const char* of, double ns) {
  print_row(what + ", " + with_commas(count) + " " + of, "ns", ns);
}

Coro<double> time_timers(std::size_t armed, std::size_t n) {
  asyncio::EventLoop& loop = asyncio::get_running_loop();
  std::vector<asyncio::TimerHandle> timers;
  for (std::size_t i = 0; i < armed; ++i) {
    timers.push_back(loop.call_later(1h + i * 1ms, [] {}));
  }
  const double begin = thread_cpu_ns();
  // Deadlines all over those that are armed.
  for (std::size_t i = 0; i < n; ++i) {
    loop.call_later(1h + (i * 7919 % armed) * 1ms, [] {}).cancel();
  }
  const double time = thread_cpu_ns() - begin;
  for (asyncio::TimerHandle& timer : timers) timer.cancel();
  co_return time / static_cast<double>(n);
}

struct SleeperTimes {
  double start = 0;
  double wake = 0;
};

// From the making of a task to its sleep, and from its deadline to its end.
Coro<SleeperTimes> time_sleepers(std::size_t count) {
  const auto sleep_until = [](asyncio::Nanoseconds when) -> Coro<> {
    co_await asyncio::sleep(when - asyncio::get_running_loop().time());
  };
  SleeperTimes times;
  const asyncio::Nanoseconds when = asyncio::get_running_loop().time() + 1s;
  double begin = thread_cpu_ns();
  std::vector<Task<>> tasks;
  tasks.reserve(count);
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(asyncio::create_task(sleep_until(when)));
  co_await asyncio::sleep(0s);
  times.start = (thread_cpu_ns() - begin) / static_cast<double>(count);
  begin = thread_cpu_ns();
  for (const Task<>& task : tasks) co_await task;
  times.wake = (thread_cpu_ns() - begin) / static_cast<double>(count);
  co_return times;
}

Coro<double> time_cancels(std::size_t count) {
  std::vector<Task<>> tasks;
  for (std::size_t i = 0; i < count; ++i) tasks.push_back(asyncio::create_task(asyncio::sleep(1h)));
  co_await asyncio::sleep(0s);
  const double begin = thread_cpu_ns();
  for (const Task<>& task : tasks) task.cancel();
  for (const Task<>& task : tasks) (void)co_await asyncio::try_(task);
  co_return (thread_cpu_ns() - begin) / static_cast<double>(count);
}

}  // namespace

void growth() {
  for (const std::size_t count : kSizes) {
    const std::size_t n = count < 100'000 ? 1'000'000 : 5 * count;
    print("sleep(0)", count, "tasks", switch_among(count, n) / static_cast<double>(n));
    print("call_later + cancel", count, "timers", asyncio::run(time_timers(count, 1'000'000)));
    const SleeperTimes times = asyncio::run(time_sleepers(count));
    print("sleep, begun", count, "sleepers", times.start);
    print("sleep, woken", count, "sleepers", times.wake);
    print("sleep, cancelled + joined", count, "sleepers", asyncio::run(time_cancels(count)));
  }
}

}  // namespace bench
