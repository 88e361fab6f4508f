// "If this object waits, the coprogram waits until Future is executed elsewhere": here another
// thread hands the result in. Article 004, the paragraph on Future, and `future.result()`.
// Run: build/dev/examples/articles/004_future_elsewhere
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

asyncio::Coro<std::string> main_task() {
  auto& loop = asyncio::get_running_loop();
  auto future = loop.create_future<std::string>();
  try {
    auto too_early = future.result();
    std::printf("%s\n", too_early.c_str());
  } catch (const asyncio::InvalidStateError& error) {
    std::printf("InvalidStateError: %s\n", error.what());
  }

  // The thread may not touch the future; it asks the loop to. Both are alive until it has.
  std::thread elsewhere([&loop, &future] {
    std::this_thread::sleep_for(100ms);
    loop.call_soon_threadsafe([&future] { future.set_result("from another thread"); });
  });
  std::string result = co_await future;
  elsewhere.join();
  co_return result;
}

int main() {
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  auto future = asyncio::ensure_future(main_task());
  loop.run_until_complete(future);
  std::printf("result: %s\n", future.result().c_str());
  loop.close();
}
