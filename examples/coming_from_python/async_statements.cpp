// Coming from Python: async generators, `async for` and `async with`.
// Run: build/dev/examples/coming_from_python/async_statements
#include <asyncio/asyncio.hpp>
#include <cstdio>

using namespace std::chrono_literals;

// [generator]
asyncio::AsyncGenerator<int> ticker(int count) {
  for (int tick = 0; tick < count; ++tick) {
    co_await asyncio::sleep(1ms);
    co_yield tick;
  }
}

asyncio::Coro<> count() {
  auto two = ticker(2);
  while (auto tick = co_await two.next()) std::printf("%d\n", *tick);

  auto ticks = ticker(1000);
  co_await asyncio::with(asyncio::aclosing(ticks), [&]() -> asyncio::Coro<> {
    while (auto tick = co_await ticks.next()) {
      if (*tick == 1) break;
    }
  });
  std::puts("closed");
}
// [/generator]

// [manager]
struct Connection {
  asyncio::Coro<> aenter() {
    co_await asyncio::sleep(1ms);
    std::puts("open");
  }
  asyncio::Coro<> aexit(std::exception_ptr error) {
    co_await asyncio::sleep(1ms);
    std::puts(error ? "closed after an error" : "closed");
  }
};

asyncio::Coro<> use() {
  co_await asyncio::with(Connection{}, [](Connection&) -> asyncio::Coro<> {
    std::puts("in use");
    co_return;
  });

  auto& connection = co_await asyncio::enter<Connection>();
  static_cast<void>(connection);
  std::puts("in use until the end of the function");
}
// [/manager]

asyncio::Coro<> main_task() {
  co_await count();
  co_await use();
}

int main() { asyncio::run(main_task()); }
