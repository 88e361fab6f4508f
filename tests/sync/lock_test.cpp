#include "asyncio/sync/lock.hpp"

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using lock = LoopTest;

Coro<> note_acquire(Lock& lock, Numbers& order, int number) {
  const bool acquired = co_await lock.acquire();
  EXPECT_TRUE(acquired);
  order.push_back(number);
}

// CPython: test_locks::LockTests::test_repr
TEST_F(lock, shows_its_state_and_how_many_wait) {
  run([]() -> Coro<> {
    Lock lock;
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [unlocked]>");
    co_await lock.acquire();
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [locked]>");
    Task<bool> waiter = create_task(lock.acquire());
    co_await one_turn();
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [locked, waiters:1]>");
    lock.release();
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [unlocked, waiters:1]>");
    co_await waiter;
    EXPECT_EQ(lock.repr(), "<asyncio.Lock [locked]>");
  });
}

// CPython: test_locks::LockTests::test_acquire
// Rule 2.39
TEST_F(lock, goes_to_those_who_wait_in_the_order_in_which_they_came) {
  Numbers order;
  run([&]() -> Coro<> {
    Lock lock;
    const bool acquired = co_await lock.acquire();
    EXPECT_TRUE(acquired);
    Task<> first = create_task(note_acquire(lock, order, 1));
    Task<> second = create_task(note_acquire(lock, order, 2));
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    lock.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    Task<> third = create_task(note_acquire(lock, order, 3));
    lock.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2}));
    lock.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2, 3}));
    EXPECT_TRUE(first.done() && second.done() && third.done());
  });
}

// Rule 2.39
TEST_F(lock, is_free_between_release_and_the_next_turn_and_yet_nobody_overtakes) {
  Numbers order;
  run([&]() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    const auto take = [&](int number) -> Coro<> {
      auto guard = co_await lock.scoped();
      order.push_back(number);
    };
    std::vector<Task<>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(create_task(take(i)));
    co_await one_turn();
    lock.release();
    EXPECT_FALSE(lock.locked());
    co_await take(3);
    EXPECT_EQ(order, (Numbers{0, 1, 2, 3}));
  });
}

// Rule 2.12
TEST_F(lock, takes_no_turn_when_free_and_two_when_a_new_task_hands_it_over) {
  Lock free;
  EXPECT_EQ(passes([&] { return free.acquire(); }), 0U);
  const auto turns_taken = run([](Scheduler& scheduler) -> Coro<std::uint64_t> {
    Lock lock;
    co_await lock.acquire();
    const auto release = [&lock]() -> Coro<> {
      lock.release();
      co_return;
    };
    const auto before = scheduler.turns();
    Task<> task = create_task(release);
    co_await lock.acquire();
    co_return scheduler.turns() - before;
  }(scheduler()));
  EXPECT_EQ(turns_taken, 2U);
}

// CPython: test_locks::LockTests::test_acquire_cancel
TEST_F(lock, a_cancelled_wait_leaves_the_queue) {
  run([&]() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    Task<bool> task = create_task(lock.acquire());
    loop().call_soon([task] { task.cancel(); });
    const std::string failure = co_await failure_of(task);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(waiters(lock), "0");
  });
}

// CPython: test_locks::LockTests::test_cancel_race
TEST_F(lock, a_release_in_the_turn_of_a_cancellation_goes_to_the_one_behind) {
  run([&]() -> Coro<> {
    Lock lock;
    Future<> blocker = create_future<void>();
    const auto hold = [&lock](Future<> until) -> Coro<> {
      auto guard = co_await lock.scoped();
      co_await until;
    };
    const auto pass_by = [&lock]() -> Coro<> { auto guard = co_await lock.scoped(); };
    Task<> a = create_task(hold(blocker));
    co_await one_turn();
    EXPECT_TRUE(lock.locked());
    Task<> b = create_task(pass_by);
    co_await one_turn();
    EXPECT_EQ(waiters(lock), "1");
    Task<> c = create_task(pass_by);
    co_await one_turn();
    EXPECT_EQ(waiters(lock), "2");
    blocker.set_result();
    b.cancel();
    EXPECT_EQ(waiters(lock), "2") << "its turn has not come";
    co_await one_turn();
    EXPECT_FALSE(lock.locked());
    EXPECT_TRUE(a.done());
    EXPECT_TRUE(b.cancelled());
    co_await c;
  });
}

// CPython: test_locks::LockTests::test_cancel_release_race
TEST_F(lock, cancel_and_release_at_once_let_one_in_not_two) {
  run([&]() -> Coro<> {
    Lock lock;
    int taken = 0;
    int called = 0;
    const auto take = [&]() -> Coro<> {
      ++called;
      co_await lock.acquire();
      ++taken;
    };
    co_await lock.acquire();
    Task<> first = create_task(take);
    Task<> second = create_task(take);
    Task<> third = create_task(take);
    co_await one_turn();
    loop().call_soon([&lock, first] {
      first.cancel();
      lock.release();
    });
    const std::string failure = co_await failure_of(first);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(called, 3);
    EXPECT_TRUE(first.cancelled() && second.done());
    third.cancel();
    co_await one_turn();
    EXPECT_TRUE(third.cancelled());
  });
}

// CPython: test_locks::LockTests::test_finished_waiter_cancelled
TEST_F(lock, a_cancelled_waiter_at_the_head_does_not_keep_it_from_a_newcomer) {
  run([]() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    Task<bool> waiter = create_task(lock.acquire());
    co_await one_turn();
    EXPECT_EQ(waiters(lock), "1");
    Task<bool> newcomer = create_task(lock.acquire());
    waiter.cancel();
    lock.release();
    co_await one_turn();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(waiter.cancelled());
    co_await newcomer;
  });
}

// Rule 2.39
TEST_F(lock, one_that_was_woken_and_then_cancelled_wakes_the_next) {
  run([]() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    Task<bool> first = create_task(lock.acquire());
    Task<bool> second = create_task(lock.acquire());
    co_await one_turn();
    lock.release();
    first.cancel();
    co_await one_turn();
    EXPECT_TRUE(first.cancelled());
    EXPECT_FALSE(lock.locked());
    co_await one_turn();
    EXPECT_TRUE(lock.locked());
    EXPECT_TRUE(second.done());
  });
}

TEST_F(lock, a_cancelled_newcomer_that_never_ran_holds_nothing) {
  run([]() -> Coro<> {
    Lock lock;
    Task<bool> task = create_task(lock.acquire());
    task.cancel();
    co_await one_turn();
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(lock.locked());
  });
}

// CPython: test_locks::LockTests::test_release_not_acquired
// CPython: test_locks::LockTests::test_release_no_waiters
TEST_F(lock, can_be_released_once) {
  run([]() -> Coro<> {
    Lock lock;
    EXPECT_EQ(thrown_by([&] {
                lock.release();
                return 0;
              }),
              "RuntimeError: Lock is not acquired.");
    co_await lock.acquire();
    EXPECT_TRUE(lock.locked());
    lock.release();
    EXPECT_FALSE(lock.locked());
    EXPECT_EQ(thrown_by([&] {
                lock.release();
                return 0;
              }),
              "RuntimeError: Lock is not acquired.");
  });
}

// CPython: test_locks::LockTests::test_context_manager
TEST_F(lock, with_and_enter_release_it_at_the_end) {
  run([]() -> Coro<> {
    Lock lock;
    co_await with(lock, [](Lock& held) -> Coro<> {
      EXPECT_TRUE(held.locked());
      co_return;
    });
    EXPECT_FALSE(lock.locked());
    const auto body = [](Lock& outer) -> Coro<bool> {
      Lock& held = co_await enter<Lock&>(outer);
      co_return held.locked();
    };
    const bool held = co_await body(lock);
    EXPECT_TRUE(held);
    EXPECT_FALSE(lock.locked());
    auto failing = with(lock, []() -> Coro<> { co_await raise<ValueError>("x"); });
    const std::string failure = co_await failure_of(std::move(failing));
    EXPECT_EQ(failure, "ValueError: x");
    EXPECT_FALSE(lock.locked());
  });
}

TEST_F(lock, a_guard_releases_when_it_goes_wherever_it_was_moved) {
  run([]() -> Coro<> {
    Lock lock;
    auto guard = co_await lock.scoped();
    EXPECT_TRUE(guard.holds());
    {
      auto moved = std::move(guard);
      EXPECT_TRUE(moved.holds());
      EXPECT_TRUE(lock.locked());
    }
    EXPECT_FALSE(lock.locked());
    auto again = co_await lock.scoped();
    again.release();
    EXPECT_FALSE(again.holds());
    co_await lock.acquire();
    again.release();
    EXPECT_TRUE(lock.locked()) << "a guard releases once";
    lock.release();
  });
}

TEST_F(lock, a_guard_outlives_its_lock_in_peace) {
  run([]() -> Coro<> {
    auto lock = std::make_unique<Lock>();
    auto guard = co_await lock->scoped();
    lock.reset();
    EXPECT_FALSE(guard.holds());
  });
}

TEST_F(lock, goes_where_a_coroutine_goes) {
  run([]() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    auto waiting = asyncio::wait_for(lock.acquire(), 1s);
    const std::string failure = co_await failure_of(std::move(waiting));
    EXPECT_EQ(failure, "TimeoutError");
    EXPECT_EQ(waiters(lock), "0");
    lock.release();
    std::vector<Coro<bool>> all;
    all.push_back(lock.acquire());
    const auto results = co_await gather(std::move(all));
    EXPECT_EQ(results, (std::vector<bool>{true}));
  });
}

// Rule 2.57
TEST_F(lock, belongs_to_the_loop_of_the_first_who_had_to_wait) {
  Lock lock;
  EventLoop other;
  other.run_until_complete([](Lock& of) -> Coro<> {
    co_await of.acquire();
    Task<bool> waiter = create_task(of.acquire());
    co_await one_turn();
    waiter.cancel();
    co_await one_turn();
    of.release();
  }(lock));
  run([&lock]() -> Coro<> {
    co_await lock.acquire();  // free: no loop is asked
    const std::string failure = co_await failure_of(lock.acquire());
    EXPECT_EQ(failure, "RuntimeError: <asyncio.Lock [locked]> is bound to a different event loop");
    lock.release();
  });
}

TEST_F(lock, a_hundred_thousand_cancelled_waiters_take_linear_time) {
  run([]() -> Coro<> {
    constexpr int kMany = 100'000;
    Lock lock;
    co_await lock.acquire();
    std::vector<Task<bool>> tasks;
    for (int i = 0; i < kMany; ++i) tasks.push_back(create_task(lock.acquire()));
    co_await one_turn();
    for (const Task<bool>& task : tasks) task.cancel();
    lock.release();
    for (int i = 0; i < kMany; ++i) {
      co_await lock.acquire();  // past all of them, each time
      lock.release();
    }
    co_await one_turn();
    EXPECT_EQ(waiters(lock), "0");
  });
}

TEST_F(lock, may_go_with_the_loop_while_tasks_wait) {
  auto body = []() -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    Task<bool> waiter = create_task(lock.acquire());
    Task<bool> another = create_task(lock.acquire());
    co_await sleep(1h);
  };
  (void)loop().create_task(body);
  (void)loop().create_task([this]() -> Coro<> {
    co_await give_turns(2);
    loop().stop();
  });
  loop().run_forever();
  close_loop();
  EXPECT_EQ(take_logs().size(), 3U) << "three tasks were pending";
}

}  // namespace
}  // namespace asyncio::test
