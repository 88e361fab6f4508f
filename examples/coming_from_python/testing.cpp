// Coming from Python: a test in a simulated world. Two hours pass in a few microseconds.
// Run: build/dev/examples/coming_from_python/testing
#include <asyncio/asyncio.hpp>
#include <asyncio/testing.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// [program]
asyncio::Coro<std::string> ask() {
  auto [reader, writer] = co_await asyncio::open_connection("shop", 80);
  std::string line = co_await reader.readline();
  co_return line;
}

asyncio::Coro<std::string> ask_until_it_answers() {
  while (true) {
    auto line = co_await asyncio::try_(asyncio::wait_for(ask(), 10s));
    if (line) co_return line.value();
    co_await asyncio::sleep(1h);
  }
}
// [/program]

// [test]
asyncio::Coro<> answer(asyncio::StreamReader, asyncio::StreamWriter writer) {
  writer.write("open\n");
  co_await writer.drain();
}

asyncio::Coro<> test(asyncio::testing::Network& network) {
  auto server = co_await asyncio::start_server(answer, "10.0.0.2", 80);
  network.drop_connects("10.0.0.2");
  auto repair = asyncio::create_task([&network]() -> asyncio::Coro<> {
    co_await asyncio::sleep(90min);
    network.drop_connects("10.0.0.2", false);
  });
  std::string line = co_await ask_until_it_answers();
  std::printf("%s", line.c_str());
}

int main() {
  asyncio::testing::Simulation world({.seed = 7});
  world.network().add_host("shop", "10.0.0.2");
  world.run(test(world.network()));
  std::printf("after %d hours\n", static_cast<int>(world.elapsed() / 1h));
}
// [/test]
