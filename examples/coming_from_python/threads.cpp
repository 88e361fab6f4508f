// Coming from Python: calls that block, and calls from other threads.
// Run: build/dev/examples/coming_from_python/threads
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

// [to_thread]
int blocking(int n) {
  std::this_thread::sleep_for(1ms);
  return n * 2;
}

asyncio::Coro<int> add(int a, int b) {
  co_await asyncio::sleep(1ms);
  co_return a + b;
}

asyncio::Coro<> main_task() {
  std::printf("%d\n", co_await asyncio::to_thread(blocking, 21));

  auto& loop = asyncio::get_running_loop();
  asyncio::concurrent::ThreadPoolExecutor pool({.max_workers = 2});
  auto [one, two] = co_await asyncio::gather(loop.run_in_executor(pool, blocking, 1),
                                             loop.run_in_executor(pool, blocking, 2));
  std::printf("%d %d\n", one, two);
  // [/to_thread]

  // [threadsafe]
  auto other_thread = [&loop] {
    auto future = asyncio::run_coroutine_threadsafe(add(1, 2), loop);
    return future.result(10s);
  };
  std::printf("%d\n", co_await asyncio::to_thread(other_thread));
  // [/threadsafe]
}

int main() { asyncio::run(main_task()); }
