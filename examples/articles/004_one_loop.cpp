// "Only one event loop can be executed at a time": per thread. Two threads run two loops.
// Article 004, "Event loops".
// Run: build/dev/examples/articles/004_one_loop
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

asyncio::Coro<> second_loop_in_this_thread() {
  auto second = asyncio::new_event_loop();
  auto coroutine = asyncio::Coro<>(asyncio::sleep(1s));
  try {
    second->run_until_complete(coroutine);
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }
  coroutine.close();
  co_return;
}

asyncio::Coro<> one_second() { co_await asyncio::sleep(1s); }

int main() {
  asyncio::run(second_loop_in_this_thread());

  const auto start = std::chrono::steady_clock::now();
  std::thread other([] { asyncio::run(one_second()); });
  asyncio::run(one_second());
  other.join();
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
  std::printf("two loops in two threads: %.2f seconds\n", total.count());
}
