#include <asyncio/asyncio.hpp>
#include <cstdio>

asyncio::Coro<> main_task() {
  co_await asyncio::sleep(std::chrono::seconds(0));
  std::puts("hello");
}

int main() { asyncio::run(main_task()); }
