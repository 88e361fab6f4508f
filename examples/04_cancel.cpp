// Cancelling a task: CancelledError comes out of its `co_await`, its cleanup runs, and whoever
// awaits the task hears of it. `catch (const std::exception&)` lets it pass, as Python's
// `except Exception` does. Ctrl-C does the same to the main task.
// Run: build/dev/examples/04_cancel
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <exception>

using namespace std::chrono_literals;

struct Connection {
  Connection() { std::puts("connection: opened"); }
  ~Connection() { std::puts("connection: closed"); }
};

asyncio::Coro<> worker() {
  Connection connection;
  try {
    while (true) {
      std::puts("worker: working");
      co_await asyncio::sleep(50ms);
    }
  } catch (const std::exception&) {
    std::puts("never printed: being cancelled is not an error");
  }
}

asyncio::Coro<> main_task() {
  auto task = asyncio::create_task(worker());
  co_await asyncio::sleep(75ms);

  task.cancel();
  std::puts("main: asked it to stop");
  try {
    co_await task;
  } catch (const asyncio::CancelledError&) {
    std::puts("main: it has stopped");
  }
}

int main() { asyncio::run(main_task()); }
