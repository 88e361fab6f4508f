// "You might come across an error that says 'event loop is already running'": a loop runs once at a
// time, and not at all once it is closed. Article 000, the note on notebooks.
// Run: build/dev/examples/articles/000_already_running
#include <asyncio/asyncio.hpp>
#include <cstdio>

asyncio::Coro<> notebook_cell() {
  auto cell = []() -> asyncio::Coro<> { co_return; };

  auto nested = cell();
  try {
    asyncio::get_event_loop().run_until_complete(nested);
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }
  try {
    asyncio::run(nested);
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }
  co_await nested;  // what the cell should have said
}

int main() {
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  loop.run_until_complete(notebook_cell());
  loop.close();

  auto late = notebook_cell();
  try {
    loop.run_until_complete(late);
  } catch (const asyncio::RuntimeError& error) {
    std::printf("RuntimeError: %s\n", error.what());
  }
  late.close();
}
