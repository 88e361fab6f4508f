// How many turns an operation takes: scenarios/ticks.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

Coro<> empty_group() {
  co_await with(TaskGroup{}, [](TaskGroup&) -> Coro<> { co_return; });
}
Coro<> group_of_one() {
  co_await with(TaskGroup{}, [](TaskGroup& group) -> Coro<> {
    group.create_task(value(1));
    co_return;
  });
}
Coro<> group_that_fails() {
  co_await with(TaskGroup{}, [](TaskGroup& group) -> Coro<> {
    group.create_task(fails("x"));
    group.create_task(for_ever());
    co_return;
  });
}

// "done pending" of a wait().
Coro<std::string> counted(std::vector<AnyFuture> futures, WaitOptions options = {}) {
  auto outcome = co_await asyncio::wait(std::move(futures), options);
  co_return std::to_string(outcome.done.size()) + " " + std::to_string(outcome.pending.size());
}

template <class A>
Coro<> limited(Delay delay, A awaitable) {
  const auto body = [&awaitable]() -> Coro<> { (void)co_await std::move(awaitable); };
  co_await with(timeout(delay), body);
}
Coro<> limited_sleep(Delay limit, Delay delay) {
  co_await with(timeout(limit), [delay]() -> Coro<> { co_await sleep(delay); });
}

template <class F>
Coro<> does(F call) {
  call();
  co_return;
}

}  // namespace

// Rule 2.12
SCENARIO(passes_of_what_is_ready) {
  Future<int> done = create_future<int>();
  done.set_result(7);
  co_await passes(log, "coroutine", value(1));
  co_await passes(log, "done future", done);
  Lock lock;
  co_await passes(log, "free lock", Coro<bool>(lock.acquire()));
  Queue<int> queue;
  queue.put_nowait(3);
  co_await passes(log, "queue with an item", Coro<int>(queue.get()));
  co_await passes(log, "unbounded put", Coro<>(queue.put(1)));
  co_await passes(log, "gather of nothing", gather(std::vector<Coro<>>()));
  co_await passes(log, "gather of what is done", gather(done, done));
  co_await passes(log, "wait_for a coroutine", wait_for(value(2), 1s));
  co_await passes(log, "wait_for without end", wait_for(value(2), std::nullopt));
  co_await passes(log, "wait_for a done future, 0", wait_for(done, 0s));
  co_await passes(log, "shield of what is done", shield(done));
  co_await passes(log, "empty group", empty_group());
  Event event;
  event.set();
  co_await passes(log, "event that is set", Coro<bool>(event.wait()));
  Semaphore semaphore(1);
  co_await passes(log, "semaphore", Coro<bool>(semaphore.acquire()));
  Queue<int> nothing;
  co_await passes(log, "join of nothing", Coro<>(nothing.join()));
  Barrier barrier(1);
  co_await passes(log, "barrier of one", barrier.wait());
}

SCENARIO(passes_of_sleeps) {
  co_await passes(log, "sleep(0)", Coro<>(sleep(0s)));
  co_await passes(log, "sleep(-1)", Coro<>(sleep(-1s)));
  co_await passes(log, "sleep(1)", Coro<>(sleep(1s)));
  co_await passes(log, "sleep(1, 5)", Coro<int>(sleep(1s, 5)));
}

SCENARIO(passes_of_tasks) {
  co_await passes(log, "task", create_task(value(1)));
  co_await passes(log, "task of one turn", create_task(turns(1)));
  co_await passes(log, "task that fails", create_task(fails("x")));
  co_await passes(log, "gather of one", gather(value(1)));
  co_await passes(log, "gather of two", gather(value(1), value(2)));
  co_await passes(log, "gather that fails", gather(fails("x"), for_ever()));
  co_await passes(log, "gather of a failure", gather(return_exceptions, fails("x")));
  co_await passes(log, "shield", shield(value(1)));
  co_await passes(log, "group of one", group_of_one());
  co_await passes(log, "group that fails", group_that_fails());
  const auto completed = []() -> Coro<int> {
    std::vector<Coro<int>> both;
    both.push_back(value(1));
    both.push_back(value(2));
    auto all = as_completed(std::move(both));
    int count = 0;
    while (auto task = co_await all.next()) ++count;
    co_return count;
  };
  co_await passes(log, "as_completed of two", completed());
}

SCENARIO(passes_of_waits) {
  Future<int> done = create_future<int>();
  done.set_result(7);
  std::vector<AnyFuture> futures = {done};
  co_await passes(log, "done future", counted(futures));
  futures = {create_task(value(1))};
  co_await passes(log, "task", counted(futures));
  futures = {create_task(for_ever())};
  co_await passes(log, "timeout 0", counted(futures, {.timeout = 0s}));
  futures = {create_task(for_ever())};
  co_await passes(log, "timeout 1", counted(futures, {.timeout = 1s}));
  futures = {create_task(fails("x")), create_task(for_ever())};
  co_await passes(log, "first exception", counted(futures, {.return_when = FIRST_EXCEPTION}));
}

SCENARIO(passes_of_timeouts) {
  co_await passes(log, "timeout(0), sleep(0)", limited_sleep(0s, 0s));
  co_await passes(log, "timeout(0), sleep(1)", limited_sleep(0s, 1s));
  co_await passes(log, "timeout(1), sleep(2)", limited_sleep(1s, 2s));
  co_await passes(log, "timeout(1), task", limited(1s, create_task(for_ever())));
  co_await passes(log, "wait_for(coroutine, 0)", wait_for(value(1), 0s));
  co_await passes(log, "wait_for(task, 0)", wait_for(create_task(for_ever()), 0s));
  co_await passes(log, "wait_for(sleep, 1)", wait_for(sleep(2s), 1s));
}

SCENARIO(passes_of_what_a_new_task_serves) {
  Event event;
  Lock lock;
  Queue<int> queue;
  (void)create_task(does([&] { event.set(); }));
  co_await passes(log, "event", Coro<bool>(event.wait()));
  co_await lock.acquire();
  (void)create_task(does([&] { lock.release(); }));
  co_await passes(log, "lock", Coro<bool>(lock.acquire()));
  (void)create_task(does([&] { queue.put_nowait(4); }));
  co_await passes(log, "queue", Coro<int>(queue.get()));
}

}  // namespace asyncio::conformance
