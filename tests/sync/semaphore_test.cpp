#include "asyncio/sync/semaphore.hpp"

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using semaphore = LoopTest;

Coro<> note_permit(Semaphore& semaphore, Numbers& order, int number) {
  const bool acquired = co_await semaphore.acquire();
  EXPECT_TRUE(acquired);
  order.push_back(number);
}

// CPython: test_locks::SemaphoreTests::test_repr
// CPython: test_locks::SemaphoreTests::test_initial_value_zero
TEST_F(semaphore, shows_its_value_and_how_many_wait) {
  run([]() -> Coro<> {
    Semaphore semaphore;
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [unlocked, value:1]>");
    co_await semaphore.acquire();
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked]>");
    Task<bool> first = create_task(semaphore.acquire());
    Task<bool> second = create_task(semaphore.acquire());
    co_await one_turn();
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked, waiters:2]>");
    semaphore.release();
    semaphore.release();
    co_await first;
    co_await second;
    EXPECT_EQ(BoundedSemaphore(2).repr(), "<asyncio.BoundedSemaphore [unlocked, value:2]>");
    EXPECT_TRUE(Semaphore(0).locked());
  });
}

// CPython: test_locks::SemaphoreTests::test_semaphore_value
TEST_F(semaphore, has_no_negative_value) {
  EXPECT_EQ(thrown_by([] { return Semaphore(-1).locked(); }),
            "ValueError: Semaphore initial value must be >= 0");
  EXPECT_EQ(thrown_by([] { return BoundedSemaphore(-1).locked(); }),
            "ValueError: Semaphore initial value must be >= 0");
}

// CPython: test_locks::SemaphoreTests::test_acquire
TEST_F(semaphore, lets_as_many_in_as_it_has_permits) {
  Numbers order;
  run([&]() -> Coro<> {
    Semaphore semaphore(3);
    co_await semaphore.acquire();
    co_await semaphore.acquire();
    EXPECT_FALSE(semaphore.locked());
    Task<> first = create_task(note_permit(semaphore, order, 1));
    Task<> second = create_task(note_permit(semaphore, order, 2));
    Task<> third = create_task(note_permit(semaphore, order, 3));
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked, waiters:2]>");
    Task<> fourth = create_task(note_permit(semaphore, order, 4));
    semaphore.release();
    semaphore.release();
    EXPECT_TRUE(semaphore.locked());
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2, 3}));
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked, waiters:1]>");
    semaphore.release();
    co_await fourth;
  });
}

// CPython: test_locks::SemaphoreTests::test_acquire_cancel
TEST_F(semaphore, a_cancelled_wait_leaves) {
  run([&]() -> Coro<> {
    Semaphore semaphore;
    co_await semaphore.acquire();
    Task<bool> waiter = create_task(semaphore.acquire());
    loop().call_soon([waiter] { waiter.cancel(); });
    const std::string failure = co_await failure_of(waiter);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(waiters(semaphore), "0");
  });
}

// CPython: test_locks::SemaphoreTests::test_acquire_cancel_before_awoken
// Rule 2.40
TEST_F(semaphore, passes_over_the_cancelled) {
  run([]() -> Coro<> {
    Semaphore semaphore(0);
    std::vector<Task<bool>> tasks;
    for (int i = 0; i < 4; ++i) tasks.push_back(create_task(semaphore.acquire()));
    co_await one_turn();
    tasks[0].cancel();
    tasks[1].cancel();
    semaphore.release();
    co_await give_turns(2);
    EXPECT_TRUE(tasks[2].done());
    EXPECT_FALSE(tasks[3].done());
    tasks[3].cancel();
    co_await one_turn();
  });
}

// CPython: test_locks::SemaphoreTests::test_acquire_hang
// Rule 2.40
TEST_F(semaphore, does_not_hang_when_the_head_is_cancelled_before_a_release) {
  run([]() -> Coro<> {
    Semaphore semaphore(0);
    Task<bool> first = create_task(semaphore.acquire());
    Task<bool> second = create_task(semaphore.acquire());
    co_await one_turn();
    first.cancel();
    semaphore.release();
    co_await give_turns(2);
    EXPECT_TRUE(semaphore.locked());
    EXPECT_TRUE(second.done());
  });
}

// CPython: test_locks::SemaphoreTests::test_acquire_no_hang
TEST_F(semaphore, does_not_hang_when_a_grantee_is_cancelled_in_the_turn_of_the_release) {
  run([]() -> Coro<> {
    Semaphore semaphore(1);
    Task<> second;
    const auto cancels_second = [&]() -> Coro<> {
      co_await with(semaphore, []() -> Coro<> { co_await one_turn(); });
      second.cancel();
    };
    const auto is_cancelled = [&]() -> Coro<> {
      co_await with(semaphore, []() -> Coro<> {
        ADD_FAILURE() << "never gets in";
        co_return;
      });
    };
    Task<> first = create_task(cancels_second);
    second = create_task(is_cancelled);
    co_await first;
    const std::string failure = co_await failure_of(second);
    EXPECT_EQ(failure, "CancelledError");
    co_await asyncio::wait_for(semaphore.acquire(), 1s);
  });
}

// Rule 2.40
TEST_F(semaphore, a_permit_that_was_handed_to_a_cancelled_one_goes_on) {
  run([]() -> Coro<> {
    Semaphore semaphore(0);
    Task<bool> first = create_task(semaphore.acquire());
    Task<bool> second = create_task(semaphore.acquire());
    co_await one_turn();
    semaphore.release();
    first.cancel();
    co_await one_turn();
    EXPECT_TRUE(first.cancelled());
    EXPECT_FALSE(second.done());
    co_await one_turn();
    EXPECT_TRUE(second.done());
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked]>");
    Task<bool> third = create_task(semaphore.acquire());
    co_await one_turn();
    semaphore.release();
    third.cancel();
    co_await one_turn();
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [unlocked, value:1]>");
  });
}

// CPython: test_locks::SemaphoreTests::test_release_not_acquired
TEST_F(semaphore, a_bounded_one_refuses_a_release_too_many) {
  run([]() -> Coro<> {
    BoundedSemaphore semaphore;
    const auto release = [&] {
      semaphore.release();
      return 0;
    };
    EXPECT_EQ(thrown_by(release), "ValueError: BoundedSemaphore released too many times");
    co_await semaphore.acquire();
    EXPECT_EQ(thrown_by(release), "nothing");
    EXPECT_EQ(thrown_by(release), "ValueError: BoundedSemaphore released too many times");
    EXPECT_EQ(semaphore.repr(), "<asyncio.BoundedSemaphore [unlocked, value:1]>");
  });
}

// CPython: test_locks::SemaphoreTests::test_release_no_waiters
TEST_F(semaphore, can_be_released_without_waiters_and_above_its_first_value) {
  run([]() -> Coro<> {
    Semaphore semaphore;
    co_await semaphore.acquire();
    EXPECT_TRUE(semaphore.locked());
    semaphore.release();
    EXPECT_FALSE(semaphore.locked());
    semaphore.release();
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [unlocked, value:2]>");
  });
}

// CPython: test_locks::SemaphoreTests::test_acquire_fifo_order
// Rule 2.40
TEST_F(semaphore, one_that_comes_again_queues_up_behind_the_others) {
  Trace trace;
  run([&]() -> Coro<> {
    Semaphore semaphore(1);
    const auto twice = [&](std::string tag) -> Coro<> {
      for (const char* round : {"_1", "_2"}) {
        co_await semaphore.acquire();
        trace(tag + round);
        co_await sleep(10ms);
        semaphore.release();
      }
    };
    co_await gather(twice("c1"), twice("c2"), twice("c3"));
  });
  EXPECT_EQ(trace, (Trace{"c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"}));
}

// CPython: test_locks::SemaphoreTests::test_acquire_fifo_order_2
TEST_F(semaphore, one_that_releases_and_acquires_at_once_queues_up_too) {
  Numbers order;
  run([&]() -> Coro<> {
    Semaphore semaphore(1);
    const auto again = [&]() -> Coro<> {
      co_await note_permit(semaphore, order, 2);
      semaphore.release();
      co_await note_permit(semaphore, order, 4);
    };
    Task<> first = create_task(note_permit(semaphore, order, 1));
    Task<> second = create_task(again);
    Task<> third = create_task(note_permit(semaphore, order, 3));
    co_await one_turn();
    semaphore.release();
    semaphore.release();
    co_await gather(first, second, third);
  });
  EXPECT_EQ(order, (Numbers{1, 2, 3, 4}));
}

// CPython: test_locks::SemaphoreTests::test_acquire_fifo_order_3
// Rule 2.40
TEST_F(semaphore, a_cancelled_head_does_not_change_the_order) {
  Numbers order;
  run([&]() -> Coro<> {
    Semaphore semaphore(0);
    Task<> first = create_task(note_permit(semaphore, order, 1));
    Task<> second = create_task(note_permit(semaphore, order, 2));
    Task<> third = create_task(note_permit(semaphore, order, 3));
    co_await one_turn();
    first.cancel();
    co_await one_turn();
    semaphore.release();
    semaphore.release();
    co_await gather(return_exceptions, list_of(first, second, third));
  });
  EXPECT_EQ(order, (Numbers{2, 3}));
}

// CPython: test_locks::SemaphoreTests::test_acquire_fifo_order_4
// Rule 2.40
TEST_F(semaphore, who_gets_a_permit_wakes_as_many_as_there_are_permits) {
  Numbers order;
  run([&]() -> Coro<> {
    Semaphore semaphore(0);
    Task<> fourth;
    const auto first = [&]() -> Coro<> {
      co_await semaphore.acquire();
      EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked, waiters:2]>");
      fourth = create_task([&]() -> Coro<> {
        order.push_back(4);
        co_return;
      });
      order.push_back(1);
    };
    const auto second = [&]() -> Coro<> {
      for (int i = 0; i < 3; ++i) semaphore.release();
      EXPECT_TRUE(semaphore.locked()) << "the first has not had its turn";
      co_await note_permit(semaphore, order, 2);
    };
    Task<> a = create_task(first);
    Task<> b = create_task(second);
    Task<> c = create_task(note_permit(semaphore, order, 3));
    co_await one_turn();
    EXPECT_EQ(semaphore.repr(), "<asyncio.Semaphore [locked, waiters:3]>");
    co_await one_turn();
    co_await gather(a, b, c, fourth);
  });
  EXPECT_EQ(order, (Numbers{1, 2, 3, 4}));
}

TEST_F(semaphore, with_enter_and_guards_give_the_permit_back) {
  run([]() -> Coro<> {
    BoundedSemaphore semaphore(2);
    {
      auto first = co_await semaphore.scoped();
      auto second = co_await semaphore.scoped();
      EXPECT_TRUE(semaphore.locked());
    }
    EXPECT_EQ(semaphore.repr(), "<asyncio.BoundedSemaphore [unlocked, value:2]>");
    co_await with(semaphore, [](Semaphore& held) -> Coro<> {
      EXPECT_EQ(held.repr(), "<asyncio.BoundedSemaphore [unlocked, value:1]>");
      co_return;
    });
    const auto body = [](BoundedSemaphore& of) -> Coro<> {
      co_await enter<BoundedSemaphore&>(of);
      EXPECT_FALSE(of.locked());
    };
    co_await body(semaphore);
    EXPECT_EQ(semaphore.repr(), "<asyncio.BoundedSemaphore [unlocked, value:2]>");
  });
}

// Rule 2.12
TEST_F(semaphore, takes_no_turn_when_there_is_a_permit) {
  Semaphore semaphore(2);
  EXPECT_EQ(passes([&] { return semaphore.acquire(); }), 0U);
  EXPECT_EQ(passes([&] { return asyncio::wait_for(semaphore.acquire(), 1s); }), 0U);
}

// Rule 2.57
TEST_F(semaphore, belongs_to_the_loop_of_the_first_who_had_to_wait) {
  Semaphore semaphore(0);
  EventLoop other;
  other.run_until_complete([](Semaphore& of) -> Coro<> {
    Task<bool> waiter = create_task(of.acquire());
    co_await one_turn();
    of.release();
    co_await waiter;
  }(semaphore));
  run([&semaphore]() -> Coro<> {
    const std::string failure = co_await failure_of(semaphore.acquire());
    EXPECT_EQ(failure,
              "RuntimeError: <asyncio.Semaphore [locked]> is bound to a different event loop");
  });
}

}  // namespace
}  // namespace asyncio::test
