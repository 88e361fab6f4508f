// Coming from Python: work for other processes.
// Run: build/dev/examples/coming_from_python/processes
#include <asyncio/concurrent.hpp>
#include <cstdio>
#include <vector>

// [processes]
int square(int n) { return n * n; }

void fail() { throw asyncio::ValueError("no such thing"); }

asyncio::Coro<> main_task(asyncio::concurrent::ProcessPoolExecutor& pool) {
  auto& loop = asyncio::get_running_loop();
  std::printf("%d\n", co_await loop.run_in_executor(pool, square, 7));
}

int main() {
  asyncio::concurrent::ProcessPoolExecutor pool({.max_workers = 2});
  std::printf("%d\n", pool.submit(square, 6).result());
  const char* separator = "[";
  for (int value : pool.map(square, std::vector{0, 1, 2, 3, 4}, {.chunksize = 2})) {
    std::printf("%s%d", separator, value);
    separator = ", ";
  }
  std::puts("]");
  try {
    pool.submit(fail).result();
  } catch (const asyncio::ValueError& error) {
    std::printf("ValueError: %s\n", error.what());
  }
  asyncio::run(main_task(pool));
}
// [/processes]
