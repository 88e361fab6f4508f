// "An awaitable can be a coroutine, a task, a future or anything that implements __await__": here,
// anything with operator co_await. Article 001, on gather.
// Run: build/dev/examples/articles/001_awaitable
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

// Ours: awaiting a Countdown sleeps a little for each number.
struct Countdown {
  int from;

  auto operator co_await() const { return run(from).operator co_await(); }

 private:
  static asyncio::Coro<int> run(int from) {
    for (int i = from; i > 0; --i) co_await asyncio::sleep(10ms);
    co_return from;
  }
};

asyncio::Coro<int> coroutine() { co_return 1; }

asyncio::Coro<> main_task() {
  auto task = asyncio::create_task(coroutine());
  auto future = asyncio::create_future<int>();
  future.set_result(3);

  auto [a, b, c, d] = co_await asyncio::gather(coroutine(), task, future, Countdown{4});
  std::printf("%d %d %d %d\n", a, b, c, d);
}

int main() { asyncio::run(main_task()); }
