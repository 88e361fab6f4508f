#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>
#include <cstdio>

asyncio::Coro<> main_task() {
  co_await asyncio::sleep(std::chrono::seconds(0));
  std::puts("hello");
}

int main() {
  asyncio::run(main_task());
  asyncio::testing::Simulation sim;
  sim.run(asyncio::sleep(std::chrono::hours(1)));
}
