#include "asyncio/sync/event.hpp"

#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using event = LoopTest;

Coro<> note_event(Event& event, Numbers& order, int number) {
  const bool happened = co_await event.wait();
  EXPECT_TRUE(happened);
  order.push_back(number);
}

// CPython: test_locks::EventTests::test_repr
TEST_F(event, shows_its_state_and_how_many_wait) {
  run([]() -> Coro<> {
    Event event;
    EXPECT_EQ(event.repr(), "<asyncio.Event [unset]>");
    Task<bool> waiter = create_task(event.wait());
    co_await one_turn();
    EXPECT_EQ(event.repr(), "<asyncio.Event [unset, waiters:1]>");
    event.set();
    EXPECT_EQ(event.repr(), "<asyncio.Event [set, waiters:1]>");
    co_await waiter;
    EXPECT_EQ(event.repr(), "<asyncio.Event [set]>");
  });
}

// CPython: test_locks::EventTests::test_wait
// Rule 2.42
TEST_F(event, releases_all_who_wait_in_order) {
  Numbers order;
  run([&]() -> Coro<> {
    Event event;
    EXPECT_FALSE(event.is_set());
    Task<> first = create_task(note_event(event, order, 1));
    Task<> second = create_task(note_event(event, order, 2));
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    Task<> third = create_task(note_event(event, order, 3));
    event.set();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{3, 1, 2})) << "the third came after it was set, and did not wait";
    EXPECT_TRUE(first.done() && second.done() && third.done());
  });
}

// CPython: test_locks::EventTests::test_wait_on_set
// CPython: test_locks::EventTests::test_clear
TEST_F(event, does_not_suspend_while_it_is_set) {
  Event event;
  EXPECT_FALSE(event.is_set());
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_EQ(passes([&] { return event.wait(); }), 0U);
  event.clear();
  EXPECT_FALSE(event.is_set());
}

// Rule 2.12
TEST_F(event, takes_two_turns_when_a_new_task_sets_it) {
  const auto taken = run([](Scheduler& scheduler) -> Coro<std::uint64_t> {
    Event event;
    const auto set = [&event]() -> Coro<> {
      event.set();
      co_return;
    };
    const auto before = scheduler.turns();
    Task<> task = create_task(set);
    co_await event.wait();
    co_return scheduler.turns() - before;
  }(scheduler()));
  EXPECT_EQ(taken, 2U);
}

// CPython: test_locks::EventTests::test_wait_cancel
TEST_F(event, a_cancelled_wait_leaves) {
  run([&]() -> Coro<> {
    Event event;
    Task<bool> waiter = create_task(event.wait());
    loop().call_soon([waiter] { waiter.cancel(); });
    const std::string failure = co_await failure_of(waiter);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(waiters(event), "0");
  });
}

// CPython: test_locks::EventTests::test_clear_with_waiters
// Rule 2.42
TEST_F(event, releases_those_who_wait_even_if_it_is_cleared_at_once) {
  Numbers order;
  run([&]() -> Coro<> {
    Event event;
    Task<> task = create_task(note_event(event, order, 1));
    co_await one_turn();
    event.set();
    event.clear();
    EXPECT_FALSE(event.is_set());
    event.set();
    event.set();
    EXPECT_EQ(waiters(event), "1");
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    EXPECT_EQ(waiters(event), "0");
    EXPECT_TRUE(task.done());
  });
}

TEST_F(event, one_that_was_woken_and_then_cancelled_is_cancelled) {
  run([]() -> Coro<> {
    Event event;
    Task<bool> first = create_task(event.wait());
    Task<bool> second = create_task(event.wait());
    co_await one_turn();
    event.set();
    first.cancel();
    event.clear();
    co_await one_turn();
    EXPECT_TRUE(first.cancelled());
    EXPECT_TRUE(second.done() && !second.cancelled());
  });
}

TEST_F(event, one_that_cancels_itself_before_it_waits_is_cancelled_a_turn_later) {
  run([]() -> Coro<> {
    Event event;
    const auto body = [&event]() -> Coro<> {
      current_task().cancel();
      co_await event.wait();
    };
    Task<> task = create_task(body);
    co_await one_turn();
    EXPECT_EQ(waiters(event), "1");
    co_await one_turn();
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(waiters(event), "0");
  });
}

TEST_F(event, goes_where_a_coroutine_goes) {
  run([]() -> Coro<> {
    Event event;
    auto waiting = asyncio::wait_for(event.wait(), 1s);
    const std::string failure = co_await failure_of(std::move(waiting));
    EXPECT_EQ(failure, "TimeoutError");
    const auto set = [&event]() -> Coro<int> {
      event.set();
      co_return 7;
    };
    const auto [happened, number] = co_await gather(event.wait(), set());
    EXPECT_TRUE(happened);
    EXPECT_EQ(number, 7);
  });
}

TEST_F(event, can_be_set_while_the_loop_does_not_run) {
  Event event;
  Task<bool> task = loop().create_task(event.wait());
  run(one_turn());
  event.set();
  EXPECT_TRUE(run(task));
}

// Rule 2.57
TEST_F(event, belongs_to_the_loop_of_the_first_who_had_to_wait) {
  Event event;
  EventLoop other;
  other.run_until_complete([](Event& of) -> Coro<> {
    Task<bool> waiter = create_task(of.wait());
    co_await one_turn();
    of.set();
    co_await waiter;
    of.clear();
  }(event));
  run([&event]() -> Coro<> {
    const std::string failure = co_await failure_of(event.wait());
    EXPECT_EQ(failure, "RuntimeError: <asyncio.Event [unset]> is bound to a different event loop");
    event.set();
    co_await event.wait();
  });
}

}  // namespace
}  // namespace asyncio::test
