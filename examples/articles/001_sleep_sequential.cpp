// The wrong way: three coroutines awaited one by one take 1 + 2 + 3 seconds.
// Article 001, "an example where coroutines are awaited incorrectly".
// Run: build/dev/examples/articles/001_sleep_sequential
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>

asyncio::Coro<> async_sleep(int num) {
  std::printf("Sleeping %d seconds.\n", num);
  co_await asyncio::sleep(std::chrono::seconds(num));
}

asyncio::Coro<> main_task() {
  const auto start = std::chrono::steady_clock::now();

  for (int i = 1; i < 4; ++i) co_await async_sleep(i);

  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
  std::printf("Took %.2f seconds.\n", duration.count());
}

int main() { asyncio::run(main_task()); }
