// Coming from Python: coroutines, run() and Runner.
// Run: build/dev/examples/coming_from_python/running
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

// [coroutine]
asyncio::Coro<int> add(int a, int b) {
  co_await asyncio::sleep(1ms);
  co_return a + b;
}

asyncio::Coro<> main_task() {
  auto coro = add(1, 2);  // nothing runs yet
  std::printf("%d\n", co_await coro);
  try {
    co_await coro;
  } catch (const asyncio::RuntimeError& error) {
    std::puts(error.what());
  }
}
// [/coroutine]

// [run]
int main() {
  asyncio::run(main_task());

  asyncio::Runner runner;
  std::printf("%d\n", runner.run(add(3, 4)));
  std::printf("%d\n", runner.run(add(5, 6)));
}
// [/run]
