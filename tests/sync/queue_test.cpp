#include "asyncio/sync/queue.hpp"

#include <memory>

#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using queue = LoopTest;

TEST_F(queue, holds_items_that_can_only_be_moved) {
  run([]() -> Coro<> {
    Queue<std::unique_ptr<int>> numbers(1);
    co_await numbers.put(std::make_unique<int>(1));
    Task<> putter = create_task(numbers.put(std::make_unique<int>(2)));
    auto first = create_task(numbers.get());
    std::unique_ptr<int> one = co_await std::move(first);
    EXPECT_EQ(*one, 1);
    co_await putter;
    std::unique_ptr<int> two = co_await wait_for(numbers.get(), 1s);
    EXPECT_EQ(*two, 2);
  }());
}

}  // namespace
}  // namespace asyncio::test
