// Locks and queues: no permit and no item may be lost, whoever is cancelled and when.
#include "asyncio/sync/barrier.hpp"
#include "asyncio/sync/condition.hpp"
#include "asyncio/sync/event.hpp"
#include "asyncio/sync/lifo_queue.hpp"
#include "asyncio/sync/lock.hpp"
#include "asyncio/sync/priority_queue.hpp"
#include "asyncio/sync/queue.hpp"
#include "asyncio/sync/semaphore.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

template <class L>
struct Shared {
  L lock;
  int inside = 0;
};

template <class L>
Coro<> enters(std::shared_ptr<Shared<L>> shared, int most, std::string& wrong) {
  for (int i = 0; i < 2; ++i) {
    auto body = [&]() -> Coro<> {
      if (++shared->inside > most) wrong = "too many inside";
      Result<void> slept = co_await try_(sleep(i == 0 ? 0ns : 1ms));
      --shared->inside;
      if (!slept.ok()) co_await raise(slept.exception());
    };
    co_await with(shared->lock, body);
  }
}

Coro<> locks(std::string& wrong) {
  auto shared = std::make_shared<Shared<Lock>>();
  co_await all_of(enters(shared, 1, wrong), enters(shared, 1, wrong), enters(shared, 1, wrong));
  if (shared->lock.locked()) wrong = "the lock stayed locked";
  co_await shared->lock.acquire();
  shared->lock.release();
}
TEST(torture, lock) { Survives("lock", locks).cancels().failing_allocations(); }

struct TwoPermits : Semaphore {
  TwoPermits() : Semaphore(2) {}
};
Coro<> semaphores(std::string& wrong) {
  auto shared = std::make_shared<Shared<TwoPermits>>();
  co_await all_of(enters(shared, 2, wrong), enters(shared, 2, wrong), enters(shared, 2, wrong),
                  enters(shared, 2, wrong));
  for (int i = 0; i < 2; ++i) {
    if (shared->lock.locked()) wrong = "a permit was lost";
    co_await shared->lock.acquire();
  }
  if (!shared->lock.locked()) wrong = "a permit too many";
}
TEST(torture, semaphore) { Survives("semaphore", semaphores).cancels().failing_allocations(); }

Coro<> events(std::string& wrong) {
  auto event = std::make_shared<Event>();
  auto waiter = [](std::shared_ptr<Event> of) -> Coro<> { co_await of->wait(); };
  auto setter = [](std::shared_ptr<Event> of) -> Coro<> {
    // Also when it is cancelled: the others wait for it.
    Result<void> slept = co_await try_(sleep(1ms));
    of->set();
    if (!slept.ok()) co_await raise(slept.exception());
  };
  std::vector<Task<>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(create_task(waiter(event)));
  Task<> setting = create_task(setter(event));
  std::vector<Task<>> one(1, setting);
  co_await wait(one);
  event->set();
  co_await wait(waiting);
  for (const Task<>& task : waiting) {
    if (!task.cancelled() && task.exception()) wrong = "a waiter was not woken";
  }
}
TEST(torture, event) { Survives("event", events).cancels().failing_allocations(); }

struct Door {
  Condition condition;
  int open = 0;
};
Coro<> conditions(std::string& wrong) {
  auto door = std::make_shared<Door>();
  auto passes = [](std::shared_ptr<Door> through) -> Coro<> {
    auto body = [&]() -> Coro<> {
      while (through->open == 0) co_await through->condition.wait();
      --through->open;
      through->condition.notify();
    };
    auto guarded = [&]() -> Coro<> { co_await with(through->condition, body); };
    Result<void> result = co_await try_(wait_for(guarded(), 50ms));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  };
  auto opens = [](std::shared_ptr<Door> through) -> Coro<> {
    co_await sleep(1ms);
    auto body = [&]() -> Coro<> {
      through->open += 2;
      through->condition.notify();
      co_return;
    };
    co_await with(through->condition, body);
  };
  co_await all_of(passes(door), passes(door), opens(door), passes(door));
  if (door->condition.locked()) wrong = "the lock stayed locked";
  // Nobody waits who could have passed: each notification reached somebody or is not needed.
  if (door->open < 0 || door->open > 2) wrong = "passed twice";
}
TEST(torture, condition) { Survives("condition", conditions).cancels().failing_allocations(); }

Coro<> barriers(std::string& wrong) {
  auto barrier = std::make_shared<Barrier>(2);
  auto joins = [](std::shared_ptr<Barrier> at) -> Coro<> {
    auto waits = [&]() -> Coro<> { co_await at->wait(); };
    Result<void> result = co_await try_(wait_for(waits(), 20ms));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  };
  co_await all_of(joins(barrier), joins(barrier), joins(barrier), joins(barrier));
  if (barrier->n_waiting() != 0) wrong = "somebody is still counted";
}
TEST(torture, barrier) { Survives("barrier", barriers).cancels().failing_allocations(); }

template <class Q>
struct Store {
  explicit Store(int size) : queue(size) {}
  Q queue;
  int put = 0;
  int got = 0;
};

template <class Q>
Coro<> produces(std::shared_ptr<Store<Q>> store, int count) {
  for (int i = 0; i < count; ++i) {
    Result<void> result = co_await try_(wait_for(store->queue.put(i), 20ms));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
    if (result.ok()) ++store->put;
  }
}
template <class Q>
Coro<> consumes(std::shared_ptr<Store<Q>> store, int count, bool in_time) {
  for (int i = 0; i < count; ++i) {
    if (in_time) {
      Result<int> result = co_await try_(wait_for(store->queue.get(), 5ms));
      if (base::exception_is<CancelledError>(result.exception())) {
        co_await raise(result.exception());
      }
      if (!result.ok()) continue;
    } else {
      co_await store->queue.get();
    }
    ++store->got;
    store->queue.task_done();
    co_await sleep(i % 2 == 0 ? 0ns : 1ms);
  }
}

template <class Q>
Coro<> queues(std::string& wrong) {
  auto store = std::make_shared<Store<Q>>(1);
  Task<> greedy = create_task(consumes(store, 100, false));
  co_await all_of(produces(store, 3), produces(store, 3), consumes(store, 2, true),
                  consumes(store, 2, true));
  co_await sleep(30ms);
  greedy.cancel();
  std::vector<Task<>> last(1, greedy);
  co_await wait(last);
  const int left = static_cast<int>(store->queue.qsize());
  if (store->put != store->got + left) {
    wrong = std::to_string(store->put) + " were put, " + std::to_string(store->got) +
            " taken, and " + std::to_string(left) + " are left";
  }
  while (!store->queue.empty()) {
    co_await store->queue.get();
    store->queue.task_done();
  }
  co_await store->queue.join();
}
// A put or get under wait_for may have been done in the turn of its cancellation, and then the
// count above is off by what the scenario, not the queue, has lost; so these have no deadline.
template <class Q>
Coro<> plain_queues(std::string& wrong) {
  auto store = std::make_shared<Store<Q>>(2);
  auto puts = [](std::shared_ptr<Store<Q>> into) -> Coro<> {
    for (int i = 0; i < 4; ++i) {
      co_await into->queue.put(i);
      ++into->put;
    }
  };
  Task<> first = create_task(consumes(store, 100, false));
  Task<> second = create_task(consumes(store, 100, false));
  Task<> third = create_task(consumes(store, 100, false));
  Task<> producing = create_task(puts(store));
  std::vector<Task<>> tasks(1, producing);
  co_await wait(tasks, {.timeout = 50ms});
  co_await sleep(20ms);
  const bool somebody = !first.done() || !second.done() || !third.done();
  if (somebody && !store->queue.empty()) wrong = "a consumer sleeps beside an item";
  tasks.assign({first, second, third, producing});
  for (const Task<>& task : tasks) task.cancel();
  co_await wait(tasks);
  const int left = static_cast<int>(store->queue.qsize());
  if (store->put != store->got + left) {
    wrong = std::to_string(store->put) + " were put, " + std::to_string(store->got) +
            " taken, and " + std::to_string(left) + " are left";
  }
}
TEST(torture, queue) {
  Survives("queue", plain_queues<Queue<int>>).cancels().failing_allocations();
}
TEST(torture, queue_with_deadlines) {
  Survives("queue_with_deadlines", queues<Queue<int>>).cancels().failing_allocations();
}
TEST(torture, priority_queue) {
  Survives("priority_queue", plain_queues<PriorityQueue<int>>).cancels().failing_allocations();
}
TEST(torture, lifo_queue) {
  Survives("lifo_queue", plain_queues<LifoQueue<int>>).cancels().failing_allocations();
}

// --- that it would be found
// -----------------------------------------------------------------------

// A lock as one writes it first: release() hands it to the first in the queue, and when that one is
// cancelled before its turn, nobody has it and nobody can get it.
class BrokenLock {
 public:
  class Acquire final : public Suspend, public base::ListNode {
   public:
    explicit Acquire(BrokenLock& lock) : lock_(&lock) {}
    Acquire(Acquire&& other) noexcept : Suspend(std::move(other)), lock_(other.lock_) {}
    bool await_ready() { return !std::exchange(lock_->locked_, true); }
    bool await_suspend(detail::Continuation continuation) {
      lock_->waiters_.push_back(this);
      return park(continuation);
    }
    void await_resume() {
      if (cancelled()) std::rethrow_exception(cancellation());
    }

   private:
    friend class BrokenLock;
    bool abort() override {
      unlink();
      return true;
    }
    BrokenLock* lock_;
  };
  Acquire acquire() { return Acquire(*this); }
  void release() {
    if (Acquire* next = waiters_.pop_front()) {
      next->wake();
    } else {
      locked_ = false;
    }
  }

 private:
  base::List<Acquire> waiters_;
  bool locked_ = false;
};

Coro<> broken_locks(std::string& wrong) {
  auto lock = std::make_shared<BrokenLock>();
  auto enter = [](std::shared_ptr<BrokenLock> of) -> Coro<> {
    co_await of->acquire();
    Result<void> slept = co_await try_(sleep(1ms));
    of->release();
    if (!slept.ok()) co_await raise(slept.exception());
  };
  co_await all_of(enter(lock), enter(lock), enter(lock));
  (void)wrong;
}

TEST(torture, finds_a_lost_wake_up_that_was_planted) {
  std::string wrong;
  const Scenario scenario("broken_lock", [&] { return broken_locks(wrong); });
  const TortureReport report = cancel_torture(scenario);
  total_runs += report.runs;
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.failures[0].find("nothing can ever run again"), std::string::npos);
  EXPECT_NE(report.failures[0].find("mode=woken"), std::string::npos) << report.failures[0];
  EXPECT_NE(report.failures[0].find("replay with ASYNCIO_TORTURE='broken_lock cancel task="),
            std::string::npos);
  EXPECT_LT(report.runs, 138U);

  // The line is enough to have it again.
  const std::string& failure = report.failures[0];
  const std::size_t begin = failure.find('\'') + 1;
  const std::string line = failure.substr(begin, failure.rfind('\'') - begin);
  ::testing::internal::CaptureStderr();
  const TortureReport again = cancel_torture(scenario, {.replay = line});
  ::testing::internal::GetCapturedStderr();
  ASSERT_EQ(again.failures.size(), 1U);
  EXPECT_EQ(again.failures[0].substr(0, 60), failure.substr(0, 60));
}

}  // namespace
}  // namespace asyncio::torture
