// Coming from Python: where a task is, and who waits for it.
// Run: build/dev/examples/coming_from_python/debugging
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// [graph]
asyncio::Coro<> fetch() { co_await asyncio::sleep(1ms); }

asyncio::Coro<> serve() { co_await fetch(); }

asyncio::Coro<> main_task() {
  auto server = asyncio::create_task(serve(), {.name = "server"});
  auto client = asyncio::create_task([server]() -> asyncio::Coro<> { co_await server; });
  co_await asyncio::sleep(0s);

  std::string graph = asyncio::format_call_graph(server);
  std::printf("%s\n", graph.c_str());
  co_await client;
}
// [/graph]

int main() { asyncio::run(main_task()); }
