// Tasks: they run beside the coroutine that made them, in the order in which they were made, and
// their results and exceptions come with `co_await`.
// Run: build/dev/examples/02_tasks
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <tuple>

using namespace std::chrono_literals;

asyncio::Coro<std::string> brew(std::string what, asyncio::Delay delay) {
  std::printf("%s: started\n", what.c_str());
  co_await asyncio::sleep(delay);
  if (what == "coffee") throw asyncio::RuntimeError("out of coffee");
  co_return what + " is ready";
}

asyncio::Coro<> main_task() {
  auto tea = asyncio::create_task(brew("tea", 200ms), {.name = "tea"});
  auto coffee = asyncio::create_task(brew("coffee", 100ms));
  std::puts("two tasks made, none has begun");

  std::string ready = co_await tea;
  std::printf("%s\n", ready.c_str());
  try {
    co_await coffee;
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }

  // A callable becomes a task with its captures, which live as long as the task.
  auto sum = asyncio::create_task([a = 40, b = 2]() -> asyncio::Coro<int> { co_return a + b; });
  std::printf("%d\n", co_await sum);

  // gather: results in the order of the arguments; with return_exceptions, failures are results.
  auto [milk, more] = co_await asyncio::gather(asyncio::return_exceptions, brew("milk", 20ms),
                                               brew("coffee", 10ms));
  std::printf("%s; coffee %s\n", milk.value().c_str(), more.ok() ? "is ready" : "failed");
}

int main() { asyncio::run(main_task()); }
