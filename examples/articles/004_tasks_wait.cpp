// Three tasks on one loop, and wait() for all of them: one second, in the order of creation.
// Article 004, "An example of an event loop", with its doubled print and empty try mended.
// Run: build/dev/examples/articles/004_tasks_wait
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<> async_func(std::string task_no) {
  std::printf("%s: Run ...\n", task_no.c_str());
  co_await asyncio::sleep(1s);
  std::printf("%s: ... Done!\n", task_no.c_str());
}

asyncio::Coro<> main_task(asyncio::EventLoop& loop) {
  auto task_a = loop.create_task(async_func("taskA"));
  auto task_b = loop.create_task(async_func("taskB"));
  auto task_c = loop.create_task(async_func("taskC"));
  std::vector tasks = {task_a, task_b, task_c};
  co_await asyncio::wait(tasks);
}

int main() {
  const auto start = std::chrono::steady_clock::now();
  try {
    asyncio::EventLoop& loop = asyncio::get_event_loop();
    loop.run_until_complete(main_task(loop));
    loop.close();
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
  }
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
  std::printf("%.2f seconds\n", total.count());
}
