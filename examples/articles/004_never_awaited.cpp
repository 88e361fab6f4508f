// A coroutine that is called but not awaited does nothing, and says so on stderr with its name and
// place. Article 004, "An example of a coprogram".
// Run: build/dev/examples/articles/004_never_awaited
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

asyncio::Coro<> async_func() {
  std::puts("Run ...");
  co_await asyncio::sleep(1s);
  std::puts("... Done!");
}

asyncio::Coro<> main_task() {
  // This code won't do anything. Without the cast, the compiler already warns of it.
  static_cast<void>(async_func());
  co_await async_func();
}

int main() { asyncio::run(main_task()); }
