// Coming from Python: timeouts, task groups, and exceptions that come in groups.
// Run: build/dev/examples/coming_from_python/scopes
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

using namespace std::chrono_literals;

asyncio::Coro<std::string> work(std::string name, asyncio::Delay delay) {
  co_await asyncio::sleep(delay);
  co_return name;
}

template <class E>
asyncio::Coro<> fail(E error) {
  throw error;
  co_return;
}

asyncio::Coro<> with_timeout() {
  // [timeout]
  auto deadline = asyncio::timeout(1ms);
  try {
    co_await asyncio::with(deadline, []() -> asyncio::Coro<> { co_await asyncio::sleep(1s); });
  } catch (const asyncio::TimeoutError&) {
    std::puts(deadline.expired() ? "expired" : "from elsewhere");
  }
  // [/timeout]
}

asyncio::Coro<> with_group() {
  // [group]
  asyncio::Task<std::string> a;
  asyncio::Task<std::string> b;
  co_await asyncio::with(asyncio::TaskGroup{}, [&](asyncio::TaskGroup& tg) -> asyncio::Coro<> {
    a = tg.create_task(work("a", 2ms));
    b = tg.create_task(work("b", 1ms));
    co_return;
  });
  std::printf("%s %s\n", a.result().c_str(), b.result().c_str());
  // [/group]
}

asyncio::Coro<> with_failing_group() {
  // [except_star]
  try {
    co_await asyncio::with(asyncio::TaskGroup{}, [](asyncio::TaskGroup& tg) -> asyncio::Coro<> {
      tg.create_task(work("cancelled with the group", 1s));
      tg.create_task(fail(asyncio::ValueError("bad input")));
      tg.create_task(fail(asyncio::RuntimeError("bad luck")));
      co_return;
    });
  } catch (...) {
    using asyncio::ExceptionGroup;
    asyncio::except_star<asyncio::ValueError, asyncio::RuntimeError>(
        std::current_exception(),
        [](const ExceptionGroup& group) { std::printf("values: %s\n", group.what()); },
        [](const ExceptionGroup& group) { std::printf("others: %s\n", group.what()); });
  }
  // [/except_star]
}

asyncio::Coro<> main_task() {
  co_await with_timeout();
  co_await with_group();
  co_await with_failing_group();
}

int main() { asyncio::run(main_task()); }
