// A coroutine function gives a coroutine object; its body runs when it is awaited, once.
// Article 001, "How to Define a Coroutine Function in Asyncio".
// Run: build/dev/examples/articles/001_coroutine
#include <asyncio/asyncio.hpp>
#include <cstdio>

asyncio::Coro<> coro_func() {
  std::puts("Hello, asyncio!");
  co_return;
}

asyncio::Coro<> main_task() {
  auto coro_obj = coro_func();  // nothing is printed yet
  static_assert(asyncio::iscoroutine_v<decltype(coro_obj)>);

  std::puts("In the entrypoint coroutine.");
  co_await coro_obj;

  try {
    co_await coro_obj;
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }
}

int main() { asyncio::run(main_task()); }
