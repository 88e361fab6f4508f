// Hello world: what a process costs that does next to nothing, and how large it is.
#include <asyncio/asyncio.hpp>
#include <cstdio>

asyncio::Coro<> main_task() {
  std::puts("hello");
  co_await asyncio::sleep(std::chrono::seconds(0));
  std::puts("world");
}

int main() { asyncio::run(main_task()); }
