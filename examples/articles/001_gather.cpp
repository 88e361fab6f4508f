// The right way: gathered, the same three coroutines take as long as the longest.
// Article 001, "How to Run Multiple Coroutines Concurrently in Asyncio".
// Run: build/dev/examples/articles/001_gather
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <vector>

asyncio::Coro<> async_sleep(int num) {
  std::printf("Sleeping %d seconds.\n", num);
  co_await asyncio::sleep(std::chrono::seconds(num));
}

asyncio::Coro<> main_task() {
  const auto start = std::chrono::steady_clock::now();

  std::vector<asyncio::Coro<>> coro_objs;
  for (int i = 1; i < 4; ++i) coro_objs.push_back(async_sleep(i));
  co_await asyncio::gather(std::move(coro_objs));

  const std::chrono::duration<double> duration = std::chrono::steady_clock::now() - start;
  std::printf("Took %.2f seconds.\n", duration.count());
}

int main() { asyncio::run(main_task()); }
