// Coming from Python: context variables.
// Run: build/dev/examples/coming_from_python/context
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// [contextvar]
const asyncio::ContextVar<std::string> request("request", "none");

asyncio::Coro<> log(std::string text) {
  co_await asyncio::sleep(1ms);
  std::printf("%s: %s\n", request.get().c_str(), text.c_str());
}

asyncio::Coro<> handle(std::string name) {
  request.set(name);
  co_await log("handled");
}

asyncio::Coro<> handle_all() {
  co_await asyncio::gather(handle("first"), handle("second"));
  co_await log("over");
}
// [/contextvar]

int main() { asyncio::run(handle_all()); }
