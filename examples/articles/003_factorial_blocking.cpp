// A blocking sleep in a coroutine stops everything: A first, then B, five seconds in all.
// Article 003, "Here we use synchronous sleep inside async code".
// Run: build/dev/examples/articles/003_factorial_blocking
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::string datetime_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch() / 1us;
  const std::time_t seconds = now / 1'000'000;
  char text[48];
  const std::size_t length =
      std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", std::localtime(&seconds));
  std::snprintf(text + length, sizeof text - length, ".%06ld", static_cast<long>(now % 1'000'000));
  return text;
}

asyncio::Coro<> custom_sleep() {
  std::printf("SLEEP %s\n", datetime_now().c_str());
  std::this_thread::sleep_for(1s);
  co_return;
}

asyncio::Coro<> factorial(std::string name, int number) {
  int f = 1;
  for (int i = 2; i <= number; ++i) {
    std::printf("Task %s: Compute factorial(%d)\n", name.c_str(), i);
    co_await custom_sleep();
    f *= i;
  }
  std::printf("Task %s: factorial(%d) is %d\n\n", name.c_str(), number, f);
}

int main() {
  const auto start = std::chrono::steady_clock::now();
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  std::vector<asyncio::Task<>> tasks = {
      asyncio::ensure_future(factorial("A", 3)),
      asyncio::ensure_future(factorial("B", 4)),
  };
  loop.run_until_complete(asyncio::wait(tasks));
  loop.close();
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
  std::printf("Total time: %.2f\n", total.count());
}
