// gather() returns a Future, and awaiting a Future has three outcomes: its value at once, its
// exception, or waiting until it is resolved. Article 001, the numbered list.
// Run: build/dev/examples/articles/001_future_outcomes
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <tuple>

using namespace std::chrono_literals;

asyncio::Coro<int> work(int value) {
  co_await asyncio::sleep(50ms);
  co_return value;
}

asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();

  auto resolved = loop.create_future<std::string>();
  resolved.set_result("there already");
  std::printf("1. %s\n", (co_await resolved).c_str());

  auto failed = loop.create_future<std::string>();
  failed.set_exception(asyncio::ValueError("something went wrong"));
  try {
    co_await failed;
  } catch (const asyncio::ValueError& error) {
    std::printf("2. ValueError: %s\n", error.what());
  }

  auto pending = loop.create_future<std::string>();
  loop.call_later(50ms, [pending] { pending.set_result("set by a timer"); });
  std::printf("3. %s\n", (co_await pending).c_str());

  asyncio::Future<std::tuple<int, int>> both = asyncio::gather(work(1), work(2));
  std::printf("gather is a Future: %s\n", both.done() ? "done" : "pending");
  auto [one, two] = co_await both;
  std::printf("gather is a Future: %s, %d and %d\n", both.done() ? "done" : "pending", one, two);
}

int main() { asyncio::run(main_task()); }
