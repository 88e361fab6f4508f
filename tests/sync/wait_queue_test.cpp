// What holds for a wait of whatever primitive: memory, and the four moments of a cancellation.
#include "asyncio/sync/wait_queue.hpp"

#include "asyncio/sync/barrier.hpp"
#include "asyncio/sync/condition.hpp"
#include "asyncio/sync/event.hpp"
#include "asyncio/sync/queue.hpp"
#include "asyncio/sync/semaphore.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

// Each has: wait(), which parks at first; serve(), which lets one of those who wait go; gone(),
// whether nobody is left; and left(), what was served and not taken.
struct OfLock {
  Lock lock;
  Coro<> prepare() { co_await lock.acquire(); }
  auto wait() { return lock.acquire(); }
  Coro<> serve() {
    lock.release();
    co_return;
  }
  bool left() { return !lock.locked(); }
  std::string repr() { return lock.repr(); }
};
struct OfSemaphore {
  Semaphore semaphore{0};
  Coro<> prepare() { co_return; }
  auto wait() { return semaphore.acquire(); }
  Coro<> serve() {
    semaphore.release();
    co_return;
  }
  bool left() { return !semaphore.locked(); }
  std::string repr() { return semaphore.repr(); }
};
struct OfGet {
  Queue<int> queue;
  Coro<> prepare() { co_return; }
  auto wait() { return queue.get(); }
  Coro<> serve() {
    queue.put_nowait(1);
    co_return;
  }
  bool left() { return !queue.empty(); }
  std::string repr() { return queue.repr(); }
};
struct OfPut {
  Queue<int> queue{1};
  Coro<> prepare() { co_await queue.put(1); }
  auto wait() { return queue.put(2); }
  Coro<> serve() {
    queue.get_nowait();
    co_return;
  }
  bool left() { return !queue.full(); }
  std::string repr() { return queue.repr(); }
};

template <class P>
class wait_queue : public LoopTest {};
using Primitives = ::testing::Types<OfLock, OfSemaphore, OfGet, OfPut>;
TYPED_TEST_SUITE(wait_queue, Primitives);

TYPED_TEST(wait_queue, a_wait_takes_no_memory) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    long during = 0;
    Coro<> serve = primitive.serve();
    Task<> server = create_task([&]() -> Coro<> {
      during = base::Pool::live();
      co_await serve;
    });
    const long before = base::Pool::live();
    co_await primitive.wait();
    EXPECT_EQ(during, before);
    EXPECT_FALSE(primitive.left());
  });
}

// Rule 2.39
// Rule 2.40
// Rule 2.43
TYPED_TEST(wait_queue, cancelled_while_it_is_parked_it_takes_nothing) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    auto task = create_task(primitive.wait());
    co_await one_turn();
    task.cancel();
    task.cancel();
    co_await one_turn();
    EXPECT_TRUE(task.cancelled());
    co_await primitive.serve();
    EXPECT_TRUE(primitive.left());
    co_await primitive.wait();
    EXPECT_FALSE(primitive.left());
  });
}

// Rule 2.39
// Rule 2.40
// Rule 2.43
TYPED_TEST(wait_queue, cancelled_after_it_was_woken_it_leaves_it_to_the_next) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    auto first = create_task(primitive.wait());
    auto second = create_task(primitive.wait());
    co_await one_turn();
    co_await primitive.serve();
    first.cancel();
    first.cancel();
    co_await give_turns(2);
    EXPECT_TRUE(first.cancelled());
    EXPECT_TRUE(second.done());
    EXPECT_FALSE(primitive.left());
  });
}

TYPED_TEST(wait_queue, cancelled_after_it_was_woken_with_nobody_behind_it_leaves_it) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    auto task = create_task(primitive.wait());
    co_await one_turn();
    co_await primitive.serve();
    task.cancel();
    co_await one_turn();
    EXPECT_TRUE(task.cancelled());
    EXPECT_TRUE(primitive.left());
    co_await primitive.wait();
  });
}

TYPED_TEST(wait_queue, cancelled_again_during_its_cleanup_it_can_wait_there) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    Trace trace;
    const auto body = [&]() -> Coro<> {
      for (const char* which : {"wait", "cleanup", "again"}) {
        auto outcome = co_await try_(primitive.wait());
        trace(std::string(which) + (outcome.ok() ? " served" : " cancelled"));
      }
    };
    Task<> task = create_task(body);
    co_await one_turn();
    task.cancel();
    co_await one_turn();
    task.cancel();
    co_await one_turn();
    EXPECT_FALSE(task.done());
    co_await primitive.serve();
    co_await task;
    EXPECT_EQ(trace, (Trace{"wait cancelled", "cleanup cancelled", "again served"}));
    EXPECT_FALSE(primitive.left());
  });
}

TYPED_TEST(wait_queue, cancelled_before_its_first_step_it_was_never_there) {
  this->run([]() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    const std::string before = primitive.repr();
    auto task = create_task(primitive.wait());
    task.cancel();
    co_await one_turn();
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(primitive.repr(), before);
  });
}

TYPED_TEST(wait_queue, may_go_with_the_loop_while_tasks_wait_or_were_woken) {
  auto body = []() -> Coro<> {
    TypeParam primitive;
    co_await primitive.prepare();
    auto first = create_task(primitive.wait());
    auto second = create_task(primitive.wait());
    co_await one_turn();
    co_await primitive.serve();
    second.cancel();
    (void)get_running_loop().stop();
    co_await sleep(1h);
  };
  (void)this->loop().create_task(body);
  this->loop().run_forever();
  this->close_loop();
  EXPECT_EQ(this->take_logs().size(), 3U) << "three tasks were pending";
}

// --- what is particular -------------------------------------------------------------------------

// main() fails, or returns, while a worker waits for a queue of main()'s.
TYPED_TEST(wait_queue, tasks_that_wait_for_what_is_destroyed_are_cancelled_with_a_warning) {
  for (const bool woken : {false, true}) {
    this->run([](bool wake_first) -> Coro<> {
      auto of = std::make_unique<TypeParam>();
      co_await of->prepare();
      auto waiter = create_task(of->wait());
      auto cancelled = create_task(of->wait());
      co_await one_turn();
      cancelled.cancel();  // has not had its turn: nothing to warn of
      if (wake_first) co_await of->serve();
      of.reset();
      const std::string outcome = co_await failure_of(waiter);
      EXPECT_EQ(outcome, "CancelledError: what the task waits for was destroyed");
      EXPECT_TRUE(waiter.cancelled());
      (void)co_await failure_of(cancelled);
    }(woken));
    const auto logs = this->take_logs();
    ASSERT_EQ(logs.size(), 1U);
    EXPECT_THAT(logs[0], ::testing::HasSubstr("was destroyed while <Task pending name='Task-"));
  }
}

using wait_queue_turns = LoopTest;

TEST_F(wait_queue_turns, a_condition_that_is_destroyed_cancels_who_waits_for_it_or_its_lock) {
  run([]() -> Coro<> {
    auto condition = std::make_unique<Condition>();
    auto body = [](Condition& of) -> Coro<> {
      co_await of.acquire();
      co_await of.wait();
    };
    std::vector<Task<>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(create_task(body(*condition)));
    co_await give_turns(4);
    co_await condition->acquire();
    condition->notify(2);  // the first two now wait for the lock, the third for a notification
    co_await give_turns(2);
    condition.reset();
    for (const Task<>& task : tasks) {
      const std::string outcome = co_await failure_of(task);
      EXPECT_EQ(outcome, "CancelledError: what the task waits for was destroyed");
    }
  }());
  EXPECT_EQ(take_logs().size(), 3U);
}

TEST_F(wait_queue_turns, a_barrier_may_go_before_the_tasks_that_wait_for_it) {
  run([]() -> Coro<> {
    auto barrier = std::make_unique<Barrier>(2);
    auto waiter = create_task(barrier->wait());
    co_await one_turn();
    barrier.reset();
    waiter.cancel();
    const std::string outcome = co_await failure_of(waiter);
    EXPECT_EQ(outcome, "CancelledError");
  }());
}

// Rule 2.39
TEST_F(wait_queue_turns, a_lock_released_under_a_cancelled_head_goes_on_a_turn_later) {
  run([](Scheduler& scheduler) -> Coro<> {
    Lock lock;
    co_await lock.acquire();
    Task<bool> head = create_task(lock.acquire());
    Task<bool> next = create_task(lock.acquire());
    co_await one_turn();
    head.cancel();
    lock.release();
    const auto before = scheduler.turns();
    co_await next;
    // As in CPython: the head's turn, the next one's, and that of who awaits its task.
    EXPECT_EQ(scheduler.turns() - before, 3U);
  }(scheduler()));
}

// Rule 2.40
TEST_F(wait_queue_turns, a_semaphore_released_under_a_cancelled_head_goes_on_at_once) {
  run([](Scheduler& scheduler) -> Coro<> {
    Semaphore semaphore(0);
    Task<bool> head = create_task(semaphore.acquire());
    Task<bool> next = create_task(semaphore.acquire());
    co_await one_turn();
    head.cancel();
    semaphore.release();
    const auto before = scheduler.turns();
    co_await next;
    EXPECT_EQ(scheduler.turns() - before, 2U);
  }(scheduler()));
}

// Rule 2.41
TEST_F(wait_queue_turns, a_condition_whose_lock_is_free_takes_two_turns) {
  run([](Scheduler& scheduler) -> Coro<> {
    Condition condition;
    co_await condition.acquire();
    const auto notify = [&condition]() -> Coro<> {
      co_await condition.acquire();
      condition.notify();
      condition.release();
    };
    Task<> task = create_task(notify);
    const auto before = scheduler.turns();
    co_await condition.wait();
    EXPECT_EQ(scheduler.turns() - before, 2U);
  }(scheduler()));
}

// Rule 2.41
TEST_F(wait_queue_turns, a_condition_cancelled_twice_in_one_turn_is_cancelled_once) {
  run([]() -> Coro<> {
    Condition condition;
    co_await condition.acquire();
    int failures = 0;
    const auto body = [&]() -> Coro<> {
      for (int i = 0; i < 2; ++i) {
        auto outcome = co_await try_(condition.wait());
        if (!outcome.ok()) ++failures;
        EXPECT_TRUE(condition.locked());
      }
    };
    Task<> task = create_task(body);
    co_await one_turn();
    task.cancel();
    task.cancel();
    co_await one_turn();
    EXPECT_FALSE(task.done());
    EXPECT_FALSE(condition.locked()) << "it waits again";
    co_await condition.acquire();
    condition.notify();
    condition.release();
    co_await task;
    EXPECT_EQ(failures, 1);
  });
}

// Rule 2.42
TEST_F(wait_queue_turns, a_barrier_lets_its_tasks_go_one_turn_after_the_last_has_come) {
  run([](Scheduler& scheduler) -> Coro<> {
    Barrier barrier(2);
    Task<int> other = create_task(barrier.wait());
    const auto before = scheduler.turns();
    const int index = co_await barrier.wait();
    EXPECT_EQ(index, 0);
    EXPECT_EQ(scheduler.turns() - before, 2U);
    EXPECT_EQ(other.result(), 1);
  }(scheduler()));
}

}  // namespace
}  // namespace asyncio::test
