// Two coroutines at once, the shorter sleep first.
// Run: build/dev/examples/01_hello
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
using namespace std::chrono_literals;

asyncio::Coro<> say(std::string text, asyncio::Delay delay) {
  co_await asyncio::sleep(delay);
  std::puts(text.c_str());
}

asyncio::Coro<> main_task() { co_await asyncio::gather(say("world", 1s), say("hello", 500ms)); }

int main() { asyncio::run(main_task()); }
