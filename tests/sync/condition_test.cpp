#include "asyncio/sync/condition.hpp"

#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using condition = LoopTest;

// Takes the lock, waits, and keeps the lock.
Coro<> wait_and_keep(Condition& condition, Numbers& order, int number) {
  co_await condition.acquire();
  const bool notified = co_await condition.wait();
  EXPECT_TRUE(notified);
  order.push_back(number);
}
Coro<> wait_and_release(Condition& condition, Numbers& order, int number) {
  co_await wait_and_keep(condition, order, number);
  condition.release();
}
Coro<> notify_once(Condition& condition, std::size_t n) {
  co_await condition.acquire();
  condition.notify(n);
  condition.release();
}

// CPython: test_locks::ConditionTests::test_repr
TEST_F(condition, shows_its_lock_and_how_many_wait) {
  run([]() -> Coro<> {
    Condition condition;
    EXPECT_EQ(condition.repr(), "<asyncio.Condition [unlocked]>");
    Numbers order;
    Task<> first = create_task(wait_and_release(condition, order, 1));
    Task<> second = create_task(wait_and_release(condition, order, 2));
    co_await one_turn();
    EXPECT_EQ(condition.repr(), "<asyncio.Condition [unlocked, waiters:2]>");
    co_await condition.acquire();
    EXPECT_EQ(condition.repr(), "<asyncio.Condition [locked, waiters:2]>");
    condition.notify_all();
    condition.release();
    co_await second;
  });
}

// CPython: test_locks::ConditionTests::test_wait
TEST_F(condition, who_is_notified_goes_on_once_it_has_the_lock) {
  Numbers order;
  run([&]() -> Coro<> {
    Condition condition;
    Task<> first = create_task(wait_and_keep(condition, order, 1));
    Task<> second = create_task(wait_and_keep(condition, order, 2));
    Task<> third = create_task(wait_and_keep(condition, order, 3));
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    EXPECT_FALSE(condition.locked());

    co_await condition.acquire();
    condition.notify();
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    EXPECT_TRUE(condition.locked());

    condition.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    EXPECT_TRUE(condition.locked());

    condition.notify(2);
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    condition.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2}));
    condition.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2, 3}));
    EXPECT_TRUE(condition.locked());
    EXPECT_TRUE(first.done() && second.done() && third.done());
  });
}

// CPython: test_locks::ConditionTests::test_wait_cancel
TEST_F(condition, a_cancelled_wait_ends_with_the_lock_held) {
  run([&]() -> Coro<> {
    Condition condition;
    co_await condition.acquire();
    Task<bool> waiter = create_task(condition.wait());
    loop().call_soon([waiter] { waiter.cancel(); });
    const std::string failure = co_await failure_of(waiter);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_EQ(waiters(condition), "0");
    EXPECT_TRUE(condition.locked());
  });
}

// CPython: test_locks::ConditionTests::test_wait_cancel_contested
TEST_F(condition, a_wait_cancelled_while_it_wants_the_lock_ends_with_it) {
  run([&]() -> Coro<> {
    Condition condition;
    co_await condition.acquire();
    Task<bool> waiter = create_task(condition.wait());
    co_await one_turn();
    EXPECT_FALSE(condition.locked());
    co_await condition.acquire();
    condition.notify();
    loop().call_soon([waiter] { waiter.cancel(); });
    loop().call_soon([&condition] { condition.release(); });
    const std::string failure = co_await failure_of(waiter);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_TRUE(condition.locked());
  });
}

// CPython: test_locks::ConditionTests::test_wait_cancel_after_notify
// Rule 2.41
TEST_F(condition, a_cancellation_after_the_notification_is_delivered_with_the_lock) {
  run([]() -> Coro<> {
    bool waited = false;
    Condition condition;
    const auto wait = [&]() -> Coro<> {
      co_await with(condition, [&]() -> Coro<> {
        waited = true;
        co_await condition.wait();
      });
    };
    Task<> waiter = create_task(wait);
    co_await one_turn();
    co_await condition.acquire();
    condition.notify();
    co_await one_turn();
    waiter.cancel();
    co_await one_turn();
    EXPECT_FALSE(waiter.done()) << "it has not got the lock";
    condition.release();
    co_await one_turn();
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_TRUE(waited);
    EXPECT_FALSE(condition.locked());
  });
}

// CPython: test_locks::ConditionTests::test_wait_unacquired
// CPython: test_locks::ConditionTests::test_notify_unacquired
// CPython: test_locks::ConditionTests::test_notify_all_unacquired
TEST_F(condition, is_used_with_the_lock_held) {
  run([]() -> Coro<> {
    Condition condition;
    const std::string failure = co_await failure_of(condition.wait());
    EXPECT_EQ(failure, "RuntimeError: cannot wait on un-acquired lock");
    EXPECT_EQ(thrown_by([&] {
                condition.notify();
                return 0;
              }),
              "RuntimeError: cannot notify on un-acquired lock");
    EXPECT_EQ(thrown_by([&] {
                condition.notify_all();
                return 0;
              }),
              "RuntimeError: cannot notify on un-acquired lock");
    EXPECT_EQ(thrown_by([&] {
                condition.release();
                return 0;
              }),
              "RuntimeError: Lock is not acquired.");
  });
}

// CPython: test_locks::ConditionTests::test_wait_for
TEST_F(condition, wait_for_looks_again_after_each_notification) {
  Numbers order;
  run([&]() -> Coro<> {
    Condition condition;
    bool holds = false;
    const auto predicate = [&holds] { return holds; };
    const auto wait = [&]() -> Coro<> {
      co_await condition.acquire();
      const bool held = co_await condition.wait_for(predicate);
      EXPECT_TRUE(held);
      order.push_back(1);
      condition.release();
    };
    Task<> task = create_task(wait);
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    co_await notify_once(condition, 1);
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    holds = true;
    co_await notify_once(condition, 1);
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    EXPECT_TRUE(task.done());
  });
}

// CPython: test_locks::ConditionTests::test_wait_for_unacquired
TEST_F(condition, wait_for_gives_what_the_predicate_gave) {
  run([]() -> Coro<> {
    Condition condition;
    const auto finds = [] { return std::optional<int>(3); };
    const std::optional<int> found = co_await condition.wait_for(finds);
    EXPECT_EQ(found, 3);
    const auto never = [] { return false; };
    const std::string failure = co_await failure_of(condition.wait_for(never));
    EXPECT_EQ(failure, "RuntimeError: cannot wait on un-acquired lock");
  });
}

// CPython: test_locks::ConditionTests::test_notify
TEST_F(condition, notify_wakes_at_most_so_many_in_order) {
  Numbers order;
  run([&]() -> Coro<> {
    Condition condition;
    std::vector<Task<>> tasks;
    for (int i = 1; i <= 3; ++i)
      tasks.push_back(create_task(wait_and_release(condition, order, i)));
    co_await one_turn();
    EXPECT_EQ(order, Numbers());
    co_await notify_once(condition, 1);
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1}));
    co_await condition.acquire();
    condition.notify(1);
    condition.notify(2048);
    condition.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2, 3}));
    for (const Task<>& task : tasks) EXPECT_TRUE(task.done());
  });
}

// CPython: test_locks::ConditionTests::test_notify_all
TEST_F(condition, notify_all_wakes_all_in_order) {
  Numbers order;
  run([&]() -> Coro<> {
    Condition condition;
    Task<> first = create_task(wait_and_release(condition, order, 1));
    Task<> second = create_task(wait_and_release(condition, order, 2));
    co_await one_turn();
    co_await condition.acquire();
    condition.notify_all();
    condition.release();
    co_await one_turn();
    EXPECT_EQ(order, (Numbers{1, 2}));
    EXPECT_TRUE(first.done() && second.done());
  });
}

// CPython: test_locks::ConditionTests::test_context_manager
// CPython: test_locks::ConditionTests::test_explicit_lock
TEST_F(condition, has_a_lock_of_its_own_or_shares_one) {
  run([]() -> Coro<> {
    Condition own;
    co_await with(own, [](Condition& held) -> Coro<> {
      EXPECT_TRUE(held.locked());
      co_return;
    });
    EXPECT_FALSE(own.locked());
    Lock lock;
    Condition shared(lock);
    co_await with(shared, [&]() -> Coro<> {
      EXPECT_TRUE(lock.locked() && shared.locked());
      co_return;
    });
    EXPECT_FALSE(lock.locked() || shared.locked());
    co_await with(lock, [&]() -> Coro<> {
      EXPECT_TRUE(lock.locked() && shared.locked());
      co_return;
    });
    EXPECT_FALSE(lock.locked() || shared.locked());
    auto guard = co_await shared.scoped();
    EXPECT_TRUE(lock.locked());
  });
}

// CPython: test_locks::ConditionTests::test_ambiguous_loops
// Rule 2.57
TEST_F(condition, its_lock_and_itself_belong_to_one_loop) {
  Lock lock;
  Condition bound(lock);
  EventLoop other;
  other.run_until_complete([](Lock& of, Condition& with_it) -> Coro<> {
    co_await of.acquire();
    Task<bool> waiter = create_task(of.acquire());
    co_await one_turn();
    waiter.cancel();
    Task<bool> notified = create_task(with_it.wait());
    co_await one_turn();
    co_await of.acquire();
    with_it.notify();
    of.release();
    co_await notified;
    of.release();
  }(lock, bound));
  run([&]() -> Coro<> {
    co_await lock.acquire();
    Condition fresh(lock);
    std::string failure = co_await failure_of(fresh.acquire());
    EXPECT_EQ(failure, "RuntimeError: <asyncio.Lock [locked]> is bound to a different event loop");
    failure = co_await failure_of(bound.wait());
    EXPECT_EQ(failure,
              "RuntimeError: <asyncio.Condition [locked]> is bound to a different event loop");
    EXPECT_TRUE(lock.locked());
    lock.release();
  });
}

// CPython: test_locks::ConditionTests::test_timeout_in_block
// Rule 2.41
TEST_F(condition, a_wait_that_runs_out_of_time_ends_with_the_lock) {
  run([]() -> Coro<> {
    Condition condition;
    co_await with(condition, [](Condition& held) -> Coro<> {
      auto waiting = asyncio::wait_for(held.wait(), 500ms);
      const std::string failure = co_await failure_of(std::move(waiting));
      EXPECT_EQ(failure, "TimeoutError");
      EXPECT_TRUE(held.locked());
    });
    EXPECT_FALSE(condition.locked());
  });
}

// In a condition's block: waits for ever and tells with what error that ended.
Coro<> note_cancellation(Condition& condition, bool& wake, std::string& seen) {
  co_await with(condition, [&]() -> Coro<> {
    const auto predicate = [&wake] { return wake; };
    auto waiting = condition.wait_for(predicate);
    auto outcome = co_await try_(std::move(waiting));
    seen = describe(outcome.exception());
    EXPECT_TRUE(condition.locked());
    co_await raise(outcome.exception());
  });
}

// CPython: test_locks::ConditionTests::test_cancelled_error_wakeup
// Rule 2.41
TEST_F(condition, the_message_of_a_cancellation_arrives) {
  run([]() -> Coro<> {
    Condition condition;
    bool wake = false;
    std::string seen;
    Task<> task = create_task(note_cancellation(condition, wake, seen));
    co_await one_turn();
    task.cancel("foo");
    const std::string failure = co_await failure_of(task);
    EXPECT_EQ(failure, "CancelledError: foo");
    EXPECT_EQ(seen, failure);
  });
}

// CPython: test_locks::ConditionTests::test_cancelled_error_re_aquire
// Rule 2.41
TEST_F(condition, the_message_of_a_cancellation_arrives_from_the_wait_for_the_lock_too) {
  run([]() -> Coro<> {
    Condition condition;
    bool wake = false;
    std::string seen;
    Task<> task = create_task(note_cancellation(condition, wake, seen));
    co_await one_turn();
    co_await condition.acquire();
    wake = true;
    condition.notify();
    co_await one_turn();
    task.cancel("foo");
    condition.release();
    const std::string failure = co_await failure_of(task);
    EXPECT_EQ(failure, "CancelledError: foo");
    EXPECT_EQ(seen, failure);
  });
}

// Rule 2.41
TEST_F(condition, of_several_cancellations_the_last_one_is_told) {
  run([]() -> Coro<> {
    Condition condition;
    bool wake = false;
    std::string seen;
    Task<> task = create_task(note_cancellation(condition, wake, seen));
    co_await one_turn();
    co_await condition.acquire();
    task.cancel("first");
    co_await one_turn();
    for (const char* message : {"second", "third"}) {
      task.cancel(message);
      co_await one_turn();
      EXPECT_FALSE(task.done()) << "absorbed until it has the lock";
    }
    condition.release();
    const std::string failure = co_await failure_of(task);
    EXPECT_EQ(failure, "CancelledError: third");
    EXPECT_EQ(task.cancelling(), 3U);
    EXPECT_FALSE(condition.locked());
  });
}

// A consumer of `state` that is cancelled when it was notified must not keep it from the other.
Coro<> hand_on_after_cancel(int turns_before_cancel) {
  Condition condition;
  int state = 0;
  const auto changed = [&state] { return state != 0; };
  const auto consume = [&]() -> Coro<> {
    co_await with(condition, [&]() -> Coro<> {
      for (;;) {
        co_await condition.wait_for(changed);
        if (state < 0) co_return;
        --state;
      }
    });
  };
  Task<> first = create_task(consume);
  Task<> second = create_task(consume);
  co_await one_turn();
  co_await with(condition, [&]() -> Coro<> {
    ++state;
    condition.notify(1);
    co_await give_turns(turns_before_cancel);
    first.cancel();
    const auto consumed = [&state] { return state == 0; };
    auto waiting = asyncio::wait_for(condition.wait_for(consumed), 10ms);
    const std::string failure = co_await failure_of(std::move(waiting));
    EXPECT_EQ(failure, "TimeoutError") << "nobody notifies of that";
    EXPECT_EQ(state, 0);
    state = -1;
    condition.notify_all();
  });
  co_await second;
  EXPECT_TRUE(first.cancelled());
}

// CPython: test_locks::ConditionTests::test_cancelled_wakeup
// Rule 2.41
TEST_F(condition, a_notification_given_to_a_cancelled_task_is_passed_on) {
  run(hand_on_after_cancel(0));
}

// CPython: test_locks::ConditionTests::test_cancelled_wakeup_relock
// Rule 2.41
TEST_F(condition, a_notification_is_passed_on_by_one_cancelled_while_it_wants_the_lock) {
  run(hand_on_after_cancel(1));
}

// Rule 2.41
TEST_F(condition, a_guard_survives_the_wait) {
  run([]() -> Coro<> {
    Condition condition;
    const auto body = [&condition]() -> Coro<> {
      auto guard = co_await condition.scoped();
      co_await condition.wait();
      EXPECT_TRUE(condition.locked() && guard.holds());
    };
    Task<> task = create_task(body);
    co_await one_turn();
    EXPECT_FALSE(condition.locked());
    co_await notify_once(condition, 1);
    co_await task;
    EXPECT_FALSE(condition.locked());
  });
}

TEST_F(condition, may_go_with_the_loop_while_tasks_wait_and_want_the_lock) {
  auto body = []() -> Coro<> {
    Condition condition;
    const auto wait = [&condition]() -> Coro<> {
      auto guard = co_await condition.scoped();
      co_await condition.wait();
    };
    Task<> first = create_task(wait);
    Task<> second = create_task(wait);
    co_await one_turn();
    co_await condition.acquire();
    condition.notify();
    co_await sleep(1h);
  };
  (void)loop().create_task(body);
  (void)loop().create_task([this]() -> Coro<> {
    co_await give_turns(4);
    loop().stop();
  });
  loop().run_forever();
  close_loop();
  EXPECT_EQ(take_logs().size(), 3U) << "three tasks were pending";
}

}  // namespace
}  // namespace asyncio::test
