// A Task "provides a way to control the behavior of the coroutine from outside": it has a name, a
// state and a result, and can be cancelled. Article 004, "An example of a task".
// Run: build/dev/examples/articles/004_create_task
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

asyncio::Coro<> async_func() {
  co_await asyncio::sleep(1s);
  std::puts("... Done!");
}

asyncio::Coro<> main_task() {
  auto task = asyncio::create_task(async_func());
  auto other = asyncio::create_task(async_func(), {.name = "other"});
  other.cancel();
  co_await task;

  std::printf("task: %s\n", task.done() ? "done" : "pending");
  std::printf("%s: %s\n", other.get_name().c_str(), other.cancelled() ? "cancelled" : "done");
}

int main() { asyncio::run(main_task()); }
