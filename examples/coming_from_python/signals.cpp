// Coming from Python: signals.
// Run: build/dev/examples/coming_from_python/signals
#include <asyncio/asyncio.hpp>
#include <csignal>
#include <cstdio>

// [signals]
asyncio::Coro<> main_task() {
  auto& loop = asyncio::get_running_loop();
  asyncio::Event stop;
  for (int number : {SIGINT, SIGTERM}) loop.add_signal_handler(number, [&] { stop.set(); });

  std::puts("serving");
  loop.call_soon([] { std::raise(SIGTERM); });
  co_await stop.wait();
  std::puts("stopping");
  loop.remove_signal_handler(SIGTERM);
  loop.remove_signal_handler(SIGINT);
}
// [/signals]

int main() { asyncio::run(main_task()); }
