#include "asyncio/sync/lifo_queue.hpp"
#include "asyncio/sync/priority_queue.hpp"
#include "asyncio/sync/queue.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

template <class Q>
class queue_shutdown : public LoopTest {};
using AllQueues =
    ::testing::Types<Queue<std::string>, LifoQueue<std::string>, PriorityQueue<std::string>>;
TYPED_TEST_SUITE(queue_shutdown, AllQueues);

// Nothing goes in any more, and nothing is left.
template <class Q>
Coro<> expect_shut_down(Q& queue) {
  std::string failure = co_await failure_of(queue.put("data"));
  EXPECT_EQ(failure, "QueueShutDown");
  EXPECT_EQ(thrown_by([&] {
              queue.put_nowait("data");
              return 0;
            }),
            "QueueShutDown");
  failure = co_await failure_of(queue.get());
  EXPECT_EQ(failure, "QueueShutDown");
  EXPECT_EQ(thrown_by([&] { return queue.get_nowait(); }), "QueueShutDown");
}

// CPython: test_queues::_QueueShutdownTestMixin::test_format
TYPED_TEST(queue_shutdown, shows_it) {
  TypeParam queue;
  queue.shutdown();
  EXPECT_THAT(queue.repr(), ::testing::EndsWith("maxsize=0 shutdown>"));
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_empty
// Rule 2.44
TYPED_TEST(queue_shutdown, wakes_getters_of_an_empty_queue) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    Task<std::string> getter = create_task(queue.get());
    co_await one_turn();
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 0U);
    co_await queue.join();
    co_await one_turn();
    EXPECT_TRUE(getter.done());
    const std::string failure = co_await failure_of(getter);
    EXPECT_EQ(failure, "QueueShutDown");
    co_await expect_shut_down(queue);
  });
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_nonempty
// Rule 2.44
TYPED_TEST(queue_shutdown, refuses_waiting_putters_and_leaves_what_is_in_it) {
  this->run([]() -> Coro<> {
    TypeParam queue(1);
    queue.put_nowait("data");
    Task<> join = create_task(queue.join());
    Task<> putter = create_task(queue.put("data2"));
    co_await one_turn();
    EXPECT_FALSE(putter.done());
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 1U);
    co_await one_turn();
    EXPECT_TRUE(putter.done());
    const std::string failure = co_await failure_of(putter);
    EXPECT_EQ(failure, "QueueShutDown");
    const std::string item = co_await queue.get();
    EXPECT_EQ(item, "data");
    co_await one_turn();
    EXPECT_FALSE(join.done());
    co_await expect_shut_down(queue);
    queue.task_done();
    co_await one_turn();
    EXPECT_TRUE(join.done());
    EXPECT_EQ(thrown_by([&] {
                queue.task_done();
                return 0;
              }),
              "ValueError: task_done() called too many times");
  });
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_immediate
// Rule 2.44
TYPED_TEST(queue_shutdown, immediate_drops_what_is_in_it) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    queue.put_nowait("data");
    Task<> join = create_task(queue.join());
    co_await one_turn();
    queue.shutdown(/*immediate=*/true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await one_turn();
    EXPECT_TRUE(join.done());
    co_await expect_shut_down(queue);
    EXPECT_EQ(thrown_by([&] {
                queue.task_done();
                return 0;
              }),
              "ValueError: task_done() called too many times");
  });
}

// CPython: test_queues::_QueueShutdownTestMixin::test_shutdown_immediate_with_unfinished
// Rule 2.44
TYPED_TEST(queue_shutdown, immediate_still_waits_for_items_that_were_got) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    queue.put_nowait("data");
    queue.put_nowait("data");
    Task<> join = create_task(queue.join());
    const std::string item = co_await queue.get();
    EXPECT_EQ(item, "data");
    queue.shutdown(/*immediate=*/true);
    EXPECT_EQ(queue.qsize(), 0U);
    co_await one_turn();
    EXPECT_FALSE(join.done());
    co_await expect_shut_down(queue);
    queue.task_done();
    EXPECT_EQ(thrown_by([&] {
                queue.task_done();
                return 0;
              }),
              "ValueError: task_done() called too many times");
    co_await one_turn();
    EXPECT_TRUE(join.done());
  });
}

// Rule 2.44
TYPED_TEST(queue_shutdown, twice_is_no_more_than_once) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    queue.put_nowait("data");
    queue.shutdown();
    queue.shutdown();
    EXPECT_EQ(queue.qsize(), 1U);
    queue.shutdown(/*immediate=*/true);
    EXPECT_EQ(queue.qsize(), 0U);
    queue.shutdown();
    co_await queue.join();
    co_await expect_shut_down(queue);
  });
}

TYPED_TEST(queue_shutdown, a_getter_woken_by_an_item_that_is_dropped_hears_of_it) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    Task<std::string> getter = create_task(queue.get());
    co_await one_turn();
    queue.put_nowait("data");
    queue.shutdown(/*immediate=*/true);
    const std::string failure = co_await failure_of(getter);
    EXPECT_EQ(failure, "QueueShutDown");
  });
}

TYPED_TEST(queue_shutdown, a_getter_cancelled_in_the_same_turn_is_cancelled) {
  this->run([]() -> Coro<> {
    TypeParam queue;
    Task<std::string> getter = create_task(queue.get());
    co_await one_turn();
    queue.shutdown();
    getter.cancel();
    co_await one_turn();
    EXPECT_TRUE(getter.cancelled());
  });
}

}  // namespace
}  // namespace asyncio::test
