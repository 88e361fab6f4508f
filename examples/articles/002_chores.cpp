// Wash clothes, cook food, bake a cake: three hours one after another, one hour when you switch
// while you wait. Article 002, the two pictures; a minute is 10 milliseconds here.
// Run: build/dev/examples/articles/002_chores
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kMinute = 10ms;

asyncio::Coro<> chore(std::string what) {
  std::printf("  begin to %s\n", what.c_str());
  co_await asyncio::sleep(60 * kMinute);
  std::printf("  done: %s\n", what.c_str());
}

void report(const char* how, Clock::duration taken) {
  const std::chrono::duration<double> seconds = taken;
  std::printf("%s: about %.0f h\n", how, std::floor(seconds / (60 * kMinute)));
}

asyncio::Coro<> main_task() {
  auto start = Clock::now();
  co_await chore("wash clothes");
  co_await chore("cook food");
  co_await chore("bake a cake");
  report("one after another", Clock::now() - start);

  start = Clock::now();
  co_await asyncio::gather(chore("wash clothes"), chore("cook food"), chore("bake a cake"));
  report("at once", Clock::now() - start);
}

int main() { asyncio::run(main_task()); }
