#include "asyncio/sync/barrier.hpp"

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using barrier = LoopTest;

TEST_F(barrier, with_gives_the_block_its_number_and_enter_too) {
  run([]() -> Coro<> {
    Barrier barrier(2);
    const auto [a, b] =
        co_await gather(with(barrier, [](auto index) -> Coro<int> { co_return index; }),
                        with(barrier, [](int index) -> Coro<int> { co_return index; }));
    EXPECT_EQ(a, 0);
    EXPECT_EQ(b, 1);
    auto enters = [](Barrier& at) -> Coro<int> {
      const int index = co_await enter<Barrier&>(at);
      co_return index;
    };
    auto says_nothing = []() -> Coro<> { co_return; };
    const auto [c, none] = co_await gather(enters(barrier), with(barrier, says_nothing));
    EXPECT_EQ(c, 0);
    (void)none;
  }());
}

}  // namespace
}  // namespace asyncio::test
