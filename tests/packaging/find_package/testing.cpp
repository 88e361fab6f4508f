#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>
#include <cstdio>

int main() {
  asyncio::testing::Simulation sim;
  sim.run(asyncio::sleep(std::chrono::hours(1)));
  std::puts("testing");
}
