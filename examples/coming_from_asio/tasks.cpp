// Coming from Asio: what co_spawn, cancellation slots and parallel groups become.
// Run: build/dev/examples/coming_from_asio/tasks
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<std::string> fetch(std::string name, asyncio::Delay delay) {
  co_await asyncio::sleep(delay);
  co_return name;
}

asyncio::Coro<> spawned() {
  // [spawn]
  auto task = asyncio::create_task(fetch("page", 1ms));
  std::string page = co_await task;
  std::puts(page.c_str());
  // [/spawn]
}

asyncio::Coro<> cancelled() {
  // [cancel]
  auto task = asyncio::create_task(fetch("never", 1h));
  co_await asyncio::sleep(1ms);
  task.cancel();
  auto outcome = co_await asyncio::try_(task);  // it has ended when this returns
  std::puts(outcome ? "done" : "cancelled");
  // [/cancel]
}

asyncio::Coro<> all_of_them() {
  // [all]
  auto [a, b] = co_await asyncio::gather(fetch("a", 2ms), fetch("b", 1ms));
  std::printf("%s %s\n", a.c_str(), b.c_str());
  // [/all]

  // [range]
  std::vector<asyncio::Coro<std::string>> fetches;
  for (const char* name : {"x", "y", "z"}) fetches.push_back(fetch(name, 1ms));
  std::vector<std::string> pages = co_await asyncio::gather(std::move(fetches));
  std::printf("%zu pages\n", pages.size());
  // [/range]
}

asyncio::Coro<> first_of_them() {
  // [first]
  std::vector<asyncio::Task<std::string>> mirrors;
  mirrors.push_back(asyncio::create_task(fetch("near", 1ms)));
  mirrors.push_back(asyncio::create_task(fetch("far", 1h)));
  auto [done, pending] = co_await asyncio::wait(mirrors, {.return_when = asyncio::FIRST_COMPLETED});
  std::puts(done.front().result().c_str());
  for (auto& loser : pending) loser.cancel();
  // [/first]
}

asyncio::Coro<> one_fails() {
  // [group]
  try {
    co_await asyncio::with(asyncio::TaskGroup{}, [](asyncio::TaskGroup& tg) -> asyncio::Coro<> {
      tg.create_task(fetch("cancelled with the other", 1h));
      tg.create_task([]() -> asyncio::Coro<> {
        co_await asyncio::sleep(1ms);
        throw asyncio::RuntimeError("out of luck");
      });
      co_return;
    });
  } catch (const asyncio::ExceptionGroup& group) {
    std::puts(group.what());
  }
  // [/group]
}

asyncio::Coro<> in_time() {
  // [timeout]
  try {
    co_await asyncio::wait_for(fetch("late", 1h), 1ms);
  } catch (const asyncio::TimeoutError&) {
    std::puts("too late");
  }
  // [/timeout]
}

asyncio::Coro<> main_task() {
  co_await spawned();
  co_await cancelled();
  co_await all_of_them();
  co_await first_of_them();
  co_await one_fails();
  co_await in_time();
}

int main() { asyncio::run(main_task()); }
