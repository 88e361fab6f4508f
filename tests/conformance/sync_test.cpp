// Locks, events, conditions, semaphores, barriers: scenarios/sync.py.
#include <numeric>

#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

template <class L>
Coro<> holds(Log& log, std::string name, L& lock, Delay delay = 0s) {
  const auto block = [&]() -> Coro<> {
    log(name + " has it");
    co_await sleep(delay);
  };
  co_await with(lock, block);
  log(name + " gave it back");
}

Coro<> waits(Log& log, std::string name, Condition& condition) {
  const auto block = [&]() -> Coro<> {
    log(name + " waits");
    Result<bool> result = co_await try_(condition.wait());
    if (result.ok()) {
      log(name + " notified");
    } else {
      std::string message = describe(result.exception());
      message.erase(0, message.starts_with("CancelledError: ") ? 16 : message.size());
      log(name + " cancelled " + message + " locked " + show(condition.locked()));
      co_await raise(result.exception());
    }
  };
  co_await with(condition, block);
}

Coro<> arrives(Log& log, std::string name, Barrier& barrier) {
  const std::string text = co_await outcome(barrier.wait());
  log(name + ": " + text);
}

Coro<bool> acquired(Lock& lock) { return lock.acquire(); }
Coro<bool> acquired(Semaphore& semaphore) { return semaphore.acquire(); }
Coro<bool> waited(Event& event) { return event.wait(); }

constexpr const char* kThree[] = {"a", "b", "c"};

}  // namespace

// Rule 2.39
SCENARIO(a_lock_goes_from_one_to_the_next) {
  Lock lock;
  co_await lock.acquire();
  for (const char* name : kThree) (void)create_task(holds(log, name, lock));
  co_await turns(1);
  lock.release();
  log("locked " + show(lock.locked()));
  (void)create_task(holds(log, "newcomer", lock));
  co_await turns(12);
  log(attempt([&] { lock.release(); }));
}

SCENARIO(nobody_overtakes_who_waits_for_a_lock) {
  Lock lock;
  co_await lock.acquire();
  auto waiter = create_task(holds(log, "waiter", lock, 1s));
  co_await turns(1);
  lock.release();
  log("locked " + show(lock.locked()));
  co_await lock.acquire();
  log("main has it");
  lock.release();
  log(co_await outcome(waiter));
}

SCENARIO(a_cancelled_waiter_leaves_the_lock_to_the_next) {
  Lock lock;
  co_await lock.acquire();
  auto first = create_task(logs_outcome(log, "first", holds(log, "first", lock)));
  (void)create_task(logs_outcome(log, "second", holds(log, "second", lock)));
  co_await turns(1);
  first.cancel("m");
  co_await turns(2);
  lock.release();
  co_await turns(4);
}

// CPython: test_locks::LockTests::test_cancel_release_race
SCENARIO(a_woken_waiter_that_is_cancelled_wakes_the_next) {
  Lock lock;
  co_await lock.acquire();
  auto first = create_task(logs_outcome(log, "first", holds(log, "first", lock)));
  (void)create_task(logs_outcome(log, "second", holds(log, "second", lock)));
  co_await turns(1);
  lock.release();
  first.cancel();
  co_await turns(5);
  log("locked " + show(lock.locked()));
}

SCENARIO(a_cancelled_waiter_does_not_hold_up_a_newcomer) {
  Lock lock;
  co_await lock.acquire();
  auto waiter = create_task(logs_outcome(log, "waiter", acquired(lock)));
  co_await turns(1);
  waiter.cancel();
  lock.release();
  const std::string text = co_await outcome(acquired(lock));
  log("newcomer " + text);
  co_await turns(2);
}

// CPython: test_locks::EventTests::test_clear_with_waiters
// Rule 2.42
SCENARIO(an_event_wakes_all_who_wait_even_if_it_is_cleared) {
  Event event;
  for (const char* name : kThree) (void)create_task(logs_outcome(log, name, waited(event)));
  co_await turns(1);
  event.set();
  event.clear();
  log("set " + show(event.is_set()));
  (void)create_task(logs_outcome(log, "late", waited(event)));
  co_await turns(3);
  event.set();
  co_await turns(2);
}

SCENARIO(a_cancelled_waiter_of_an_event_just_leaves) {
  Event event;
  auto first = create_task(logs_outcome(log, "first", waited(event)));
  auto second = create_task(logs_outcome(log, "second", waited(event)));
  co_await turns(1);
  first.cancel("m");
  event.set();
  second.cancel("too late");
  co_await turns(2);
}

SCENARIO(a_condition_notifies_as_many_as_asked) {
  Condition condition;
  for (const char* name : {"a", "b", "c", "d"}) (void)create_task(waits(log, name, condition));
  co_await turns(3);
  co_await with(condition, [&]() -> Coro<> {
    condition.notify(2);
    log("notified two");
    co_return;
  });
  co_await turns(4);
  co_await with(condition, [&]() -> Coro<> {
    condition.notify_all();
    log("notified all");
    co_return;
  });
  co_await turns(6);
}

SCENARIO(a_condition_needs_its_lock) {
  Condition condition;
  log(co_await outcome(Coro<bool>(condition.wait())));
  log(attempt([&] { condition.notify(); }));
  log(attempt([&] { condition.release(); }));
}

// CPython: test_locks::ConditionTests::test_cancelled_wakeup_relock
// Rule 2.41
SCENARIO(a_cancelled_wait_owns_the_lock_before_it_raises) {
  Condition condition;
  auto task = create_task(waits(log, "a", condition));
  co_await turns(2);
  co_await condition.acquire();
  task.cancel("first");
  co_await turns(3);
  log("still mine");
  task.cancel("second");
  co_await turns(2);
  condition.release();
  log(co_await outcome(task));
  log("locked " + show(condition.locked()));
}

// CPython: test_locks::ConditionTests::test_wait_cancel_after_notify
SCENARIO(a_notified_waiter_that_is_cancelled_passes_it_on) {
  Condition condition;
  auto first = create_task(waits(log, "first", condition));
  (void)create_task(waits(log, "second", condition));
  co_await turns(3);
  co_await with(condition, [&]() -> Coro<> {
    condition.notify();
    first.cancel();
    co_return;
  });
  co_await turns(6);
  log("locked " + show(condition.locked()));
}

SCENARIO(a_condition_waits_for_a_predicate) {
  Condition condition;
  int sum = 0;
  const auto waits_for_three = [&]() -> Coro<bool> {
    auto guard = co_await condition.scoped();
    const auto enough = [&sum] { return sum > 2; };
    co_return co_await condition.wait_for(enough);
  };
  auto task = create_task(logs_outcome(log, "predicate", waits_for_three()));
  for (int i = 0; i < 3; ++i) {
    co_await turns(2);
    co_await with(condition, [&]() -> Coro<> {
      ++sum;
      condition.notify_all();
      log("sum " + std::to_string(sum));
      co_return;
    });
  }
  log(co_await outcome(task));
}

// Rule 2.40
SCENARIO(a_semaphore_serves_in_order) {
  Semaphore semaphore(2);
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    (void)create_task(holds(log, name, semaphore, 1s));
  }
  co_await turns(1);
  log("locked " + show(semaphore.locked()));
  co_await sleep(4s);
}

// CPython: test_locks::SemaphoreTests::test_acquire_cancel_before_awoken
SCENARIO(a_cancelled_grantee_gives_its_permit_back) {
  Semaphore semaphore(0);
  auto first = create_task(logs_outcome(log, "first", acquired(semaphore)));
  (void)create_task(logs_outcome(log, "second", acquired(semaphore)));
  auto third = create_task(logs_outcome(log, "third", acquired(semaphore)));
  co_await turns(1);
  semaphore.release();
  semaphore.release();
  first.cancel();
  log("locked " + show(semaphore.locked()));
  co_await turns(3);
  log("locked " + show(semaphore.locked()));
  third.cancel();
  co_await turns(2);
}

SCENARIO(a_semaphore_is_bounded_or_not) {
  BoundedSemaphore bounded(1);
  log(attempt([&] { bounded.release(); }));
  Semaphore plain(0);
  plain.release();
  const std::string text = co_await outcome(acquired(plain));
  log(text + " " + attempt([] { return Semaphore(-1).locked(); }));
}

// CPython: test_locks::BarrierTests::test_filling_tasks_check_return_value
SCENARIO(a_barrier_lets_all_go_when_the_last_has_come) {
  Barrier barrier(3);
  for (const char* name : kThree) {
    (void)create_task(arrives(log, name, barrier));
    co_await turns(1);
    log("waiting " + show(barrier.n_waiting()));
  }
  co_await turns(3);
  Task<> last;
  for (const char* name : {"d", "e", "f", "g"}) last = create_task(arrives(log, name, barrier));
  co_await turns(6);
  log("waiting " + show(barrier.n_waiting()) + " broken " + show(barrier.broken()));
  last.cancel();
  co_await turns(3);
}

SCENARIO(a_barrier_that_is_reset_begins_anew) {
  Barrier barrier(3);
  (void)create_task(arrives(log, "a", barrier));
  (void)create_task(arrives(log, "b", barrier));
  co_await turns(2);
  co_await barrier.reset();
  log("reset");
  for (const char* name : {"c", "d", "e"}) (void)create_task(arrives(log, name, barrier));
  co_await turns(6);
  log("waiting " + show(barrier.n_waiting()) + " broken " + show(barrier.broken()));
}

SCENARIO(a_barrier_that_is_aborted_stays_broken) {
  Barrier barrier(3);
  (void)create_task(arrives(log, "a", barrier));
  co_await turns(2);
  co_await barrier.abort();
  log("broken " + show(barrier.broken()));
  (void)create_task(arrives(log, "b", barrier));
  co_await turns(3);
  co_await barrier.reset();
  log("broken " + show(barrier.broken()));
}

// CPython: test_locks::BarrierTests::test_filling_tasks_cancel_one
SCENARIO(a_cancelled_task_leaves_the_barrier) {
  Barrier barrier(2);
  auto first = create_task(arrives(log, "a", barrier));
  co_await turns(2);
  first.cancel("m");
  co_await turns(2);
  log("waiting " + show(barrier.n_waiting()) + " broken " + show(barrier.broken()));
  (void)create_task(arrives(log, "b", barrier));
  (void)create_task(arrives(log, "c", barrier));
  co_await turns(4);
}

}  // namespace asyncio::conformance
