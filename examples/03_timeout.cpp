// Timeouts: wait_for() around one await, timeout() around a block; they nest.
// Run: build/dev/examples/03_timeout
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

asyncio::Coro<std::string> slow_answer(asyncio::Delay delay) {
  co_await asyncio::sleep(delay);
  co_return "an answer";
}

asyncio::Coro<> main_task() {
  std::string answer = co_await asyncio::wait_for(slow_answer(50ms), 10s);
  std::puts(answer.c_str());

  try {
    co_await asyncio::wait_for(slow_answer(10s), 50ms);
  } catch (const asyncio::TimeoutError&) {
    std::puts("wait_for: TimeoutError");
  }

  // Python: `async with asyncio.timeout(0.05):`. The block may await as often as it likes.
  try {
    co_await asyncio::with(asyncio::timeout(50ms), []() -> asyncio::Coro<> {
      co_await slow_answer(10ms);
      std::puts("block: the first answer came in time");
      co_await slow_answer(10s);
    });
  } catch (const asyncio::TimeoutError&) {
    std::puts("block: TimeoutError");
  }

  // Only the deadline that has passed turns into TimeoutError; the outer block goes on.
  co_await asyncio::with(asyncio::timeout(10s), []() -> asyncio::Coro<> {
    try {
      co_await asyncio::wait_for(asyncio::sleep(10s), 50ms);
    } catch (const asyncio::TimeoutError&) {
      std::puts("nested: the inner one");
    }
  });
}

int main() { asyncio::run(main_task()); }
