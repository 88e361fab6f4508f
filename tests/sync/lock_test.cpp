#include "asyncio/sync/lock.hpp"

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using lock = LoopTest;

TEST_F(lock, with_and_enter_release_it_at_the_end) {
  run([]() -> Coro<> {
    Lock lock;
    co_await with(lock, [](Lock& held) -> Coro<> {
      EXPECT_TRUE(held.locked());
      co_return;
    });
    EXPECT_FALSE(lock.locked());
    auto body = [](Lock& outer) -> Coro<bool> {
      Lock& held = co_await enter<Lock&>(outer);
      co_return held.locked();
    };
    const bool held = co_await body(lock);
    EXPECT_TRUE(held);
    EXPECT_FALSE(lock.locked());
  }());
}

TEST_F(lock, a_guard_releases_when_it_goes) {
  run([]() -> Coro<> {
    Lock lock;
    auto guard = co_await lock.scoped();
    Task<bool> waiter = create_task(lock.acquire());
    co_await sleep(0s);
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [locked, waiters:1]>");
    {
      auto inner = std::move(guard);
    }
    EXPECT_FALSE(guard.holds());
    const bool acquired = co_await waiter;
    EXPECT_TRUE(acquired);
    EXPECT_TRUE(lock.locked());
  }());
}

}  // namespace
}  // namespace asyncio::test
