// Coming from Python: tasks, cancelling them, and waiting for several.
// Run: build/dev/examples/coming_from_python/tasks
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<std::string> work(std::string name, asyncio::Delay delay) {
  co_await asyncio::sleep(delay);
  co_return name;
}

// [cleanup]
asyncio::Coro<> transfer() {
  auto outcome = co_await asyncio::try_(asyncio::sleep(1s));
  co_await asyncio::sleep(1ms);
  std::puts("rolled back");
  if (!outcome) co_await asyncio::raise(outcome.exception());
}
// [/cleanup]

asyncio::Coro<> one_task() {
  // [tasks]
  auto task = asyncio::create_task(work("a", 1ms), {.name = "worker"});
  task.add_done_callback(
      [](asyncio::AnyFuture t) { std::puts(t.exception() ? "failed" : "done"); });
  std::string result = co_await task;
  std::printf("%s %s\n", task.get_name().c_str(), result.c_str());
  // [/tasks]
}

asyncio::Coro<> cancelled() {
  // [cancel]
  auto task = asyncio::create_task(transfer());
  co_await asyncio::sleep(0s);  // it begins
  task.cancel("enough");
  try {
    co_await task;
  } catch (const asyncio::CancelledError& error) {
    std::printf("cancelled: %s\n", error.what());
  }
  // [/cancel]
}

asyncio::Coro<> gathered() {
  // [gather]
  auto [a, b] = co_await asyncio::gather(work("a", 2ms), work("b", 1ms));
  std::printf("%s %s\n", a.c_str(), b.c_str());
  std::vector<asyncio::Coro<std::string>> coros;
  for (const char* name : {"x", "y", "z"}) coros.push_back(work(name, 1ms));
  auto three = co_await asyncio::gather(std::move(coros));
  std::printf("%s %s\n", three[0].c_str(), three[2].c_str());
  auto [fine, late] = co_await asyncio::gather(asyncio::return_exceptions, work("fine", 1ms),
                                               asyncio::wait_for(work("late", 1s), 1ms));
  for (const auto& result : {fine, late}) std::puts(result ? result.value().c_str() : "failed");
  // [/gather]
}

asyncio::Coro<> waited() {
  // [wait]
  std::vector<asyncio::Task<std::string>> tasks;
  tasks.push_back(asyncio::create_task(work("slow", 100ms)));
  tasks.push_back(asyncio::create_task(work("quick", 1ms)));
  auto [done, pending] = co_await asyncio::wait(tasks, {.return_when = asyncio::FIRST_COMPLETED});
  std::printf("%zu done, %zu pending\n", done.size(), pending.size());
  // [/wait]

  // [as_completed]
  for (auto finished : asyncio::as_completed(tasks)) {
    std::string name = co_await finished;
    std::puts(name.c_str());
  }
  // [/as_completed]
}

asyncio::Coro<> shielded() {
  // [shield]
  auto saving = asyncio::create_task(work("saved", 2ms));
  auto outcome = co_await asyncio::try_(asyncio::wait_for(asyncio::shield(saving), 1ms));
  if (!outcome) {
    std::string name = co_await saving;
    std::printf("late, but %s\n", name.c_str());
  }
  // [/shield]
}

asyncio::Coro<> main_task() {
  co_await one_task();
  co_await cancelled();
  co_await gathered();
  co_await waited();
  co_await shielded();
}

int main() { asyncio::run(main_task()); }
