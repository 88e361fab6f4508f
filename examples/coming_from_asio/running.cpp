// Coming from Asio: run, spawn, sleep, errors.
// Run: build/dev/examples/coming_from_asio/running
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

// [run]
asyncio::Coro<int> answer() {
  co_await asyncio::sleep(1ms);
  co_return 42;
}

asyncio::Coro<> main_task() {
  int value = co_await answer();
  std::printf("%d\n", value);
}

int main() { asyncio::run(main_task()); }
// [/run]
