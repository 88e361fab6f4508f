// gather, wait, shield, as_completed: scenarios/gathers.py.
#include <algorithm>

#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

using Sleepers = std::vector<Task<std::string>>;

// Which of `tasks` are done, and which are not.
Coro<> waited(Log& log, std::string name, Sleepers tasks, WaitOptions options = {}) {
  auto outcome = co_await asyncio::wait(tasks, options);
  std::string done;
  std::string pending;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const bool is_done = std::ranges::find(outcome.done, tasks[i]) != outcome.done.end();
    std::string& list = is_done ? done : pending;
    list += (list.empty() ? "" : " ") + std::to_string(i);
  }
  log(name + ": done " + done + "; pending " + pending);
}

std::string index_in(const Sleepers& tasks, const AnyFuture& task) {
  return std::to_string(std::ranges::find(tasks, task) - tasks.begin());
}

Coro<std::string> for_ever_text() {
  co_await for_ever();
  co_return "";
}

}  // namespace

SCENARIO(gather_keeps_the_order_of_its_arguments) {
  log(co_await outcome(
      gather(sleeper(log, "a", 3s), sleeper(log, "b", 1s), sleeper(log, "c", 2s))));
}

// CPython: test_tasks::GatherTestsBase::test_one_exception
// Rule 2.19
SCENARIO(gather_raises_the_first_exception_and_the_others_run_on) {
  log(co_await outcome(
      gather(sleeper(log, "a", 3s), fails_after(log, "b", 1s), fails_after(log, "c", 2s))));
  co_await sleep(3s);
  log("end");
}

// CPython: test_tasks::GatherTestsBase::test_return_exceptions
SCENARIO(gather_collects_exceptions) {
  log(co_await outcome(
      gather(return_exceptions, fails_after(log, "a", 2s), sleeper(log, "b", 1s), fails("c"))));
}

// CPython: test_tasks::FutureGatherTests::test_one_cancellation
// Rule 2.20
SCENARIO(gather_takes_a_cancelled_child_as_an_error) {
  auto child = create_task(for_ever());
  auto outer = gather(child, sleeper(log, "b", 2s));
  co_await turns(1);
  child.cancel("m");
  log(co_await outcome(outer));
  log("cancelled " + show(outer.cancelled()) + " cancelling " + show(current_task().cancelling()));
  co_await sleep(2s);
}

// Rule 2.21
SCENARIO(cancelling_gather_raises_when_the_first_child_is_done) {
  auto task = create_task(
      logs_outcome(log, "gather", gather(cleans_up(log, "a", 2s), cleans_up(log, "b", 1s))));
  co_await turns(2);
  task.cancel("m");
  log("cancelled");
  co_await sleep(4s);
}

// Rule 2.21
SCENARIO(cancelling_gather_that_collects_waits_for_all) {
  auto task = create_task(logs_outcome(
      log, "gather", gather(return_exceptions, cleans_up(log, "a", 2s), cleans_up(log, "b", 1s))));
  co_await turns(2);
  task.cancel();
  log("cancelled");
  co_await sleep(4s);
}

// Rule 2.22
SCENARIO(gather_runs_a_duplicate_once) {
  auto task = create_task(sleeper(log, "a", 1s));
  log(co_await outcome(gather(task, task, value(std::string("b")), task)));
}

SCENARIO(gather_of_gathers) {
  auto inner = gather(sleeper(log, "a", 1s), sleeper(log, "b", 2s));
  log(co_await outcome(gather(inner, sleeper(log, "c", 1s))));
}

SCENARIO(cancelling_a_finished_gather_touches_nobody) {
  auto child = create_task(sleeper(log, "a", 5s));
  auto outer = gather(child, fails("x"));
  log(co_await outcome(outer));
  const bool asked = outer.cancel();
  log("cancel " + show(asked) + " cancelling " + show(child.cancelling()));
  log(co_await outcome(child));
}

SCENARIO(wait_in_its_three_modes) {
  const auto three = [&log] {
    return Sleepers{create_task(sleeper(log, "a", 3s)), create_task(fails_after(log, "b", 2s)),
                    create_task(sleeper(log, "c", 1s))};
  };
  co_await waited(log, "all", three());
  co_await waited(log, "first", three(), {.return_when = FIRST_COMPLETED});
  co_await sleep(5s);
  co_await waited(log, "exception", three(), {.return_when = FIRST_EXCEPTION});
  co_await sleep(5s);
}

// CPython: test_tasks::BaseTaskTests::test_wait_first_exception
SCENARIO(wait_for_an_exception_ignores_the_cancelled) {
  Sleepers tasks{create_task(for_ever_text()), create_task(sleeper(log, "b", 2s))};
  log.loop().call_later(1s, [&tasks] { tasks[0].cancel(); });
  co_await waited(log, "exception", tasks, {.return_when = FIRST_EXCEPTION});
}

// CPython: test_tasks::BaseTaskTests::test_wait_with_timeout
// Rule 2.24
SCENARIO(wait_with_a_timeout_cancels_nothing) {
  Sleepers tasks{create_task(sleeper(log, "a", 1s)), create_task(sleeper(log, "b", 3s))};
  co_await waited(log, "timeout", tasks, {.timeout = 2s});
  log("cancelling " + show(tasks[1].cancelling()));
  co_await waited(log, "rest", tasks);
  co_await waited(log, "again", tasks, {.timeout = 0s});
}

SCENARIO(a_cancelled_wait_leaves_its_tasks_alone) {
  Sleepers tasks{create_task(sleeper(log, "a", 2s))};
  auto waiter = create_task(logs_outcome(log, "wait", waited(log, "wait", tasks)));
  co_await turns(2);
  waiter.cancel("m");
  co_await turns(2);
  log("cancelling " + show(tasks[0].cancelling()));
  log(co_await outcome(tasks[0]));
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_outer
// Rule 2.23
SCENARIO(shield_protects_the_inner_task) {
  auto inner = create_task(sleeper(log, "inner", 2s));
  auto outer = create_task(logs_outcome(log, "outer", shield(inner)));
  co_await turns(2);
  outer.cancel("m");
  co_await turns(3);
  log("cancelling " + show(inner.cancelling()));
  log(co_await outcome(inner));
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_inner
SCENARIO(shield_passes_the_end_of_the_inner_task_on) {
  log(co_await outcome(shield(sleeper(log, "a", 1s))));
  log(co_await outcome(shield(fails_after(log, "b", 1s))));
  auto inner = create_task(sleeper(log, "c", 5s));
  auto outer = shield(inner);
  co_await turns(1);
  inner.cancel("m");
  const std::string text = co_await outcome(outer);
  log(text + " cancelled " + show(outer.cancelled()));
}

// CPython: test_tasks::BaseTaskTests::test_gather_shield
SCENARIO(gather_of_shields_is_cancelled_and_the_inner_tasks_are_not) {
  Sleepers inner{create_task(sleeper(log, "a", 1s)), create_task(sleeper(log, "b", 2s))};
  auto task = create_task(logs_outcome(log, "gather", gather(shield(inner[0]), shield(inner[1]))));
  co_await turns(2);
  task.cancel();
  co_await turns(4);
  for (const auto& one : inner) log(co_await outcome(one));
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_same_tasks_in_as_out
// Rule 2.27
SCENARIO(as_completed_gives_them_as_they_end) {
  Sleepers tasks{create_task(sleeper(log, "a", 3s)), create_task(fails_after(log, "b", 1s)),
                 create_task(sleeper(log, "c", 2s))};
  auto finished = as_completed(tasks);
  while (auto task = co_await finished.next()) {
    const std::string text = co_await outcome(*task);
    log(index_in(tasks, *task) + " " + text);
  }
  log("end");
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_with_timeout
SCENARIO(as_completed_with_a_timeout_raises_and_cancels_nothing) {
  Sleepers tasks{create_task(sleeper(log, "a", 1s)), create_task(sleeper(log, "b", 3s))};
  const auto all_of_them = [&log, &tasks]() -> Coro<> {
    auto finished = as_completed(tasks, {.timeout = 2s});
    while (auto task = co_await finished.next()) log(index_in(tasks, *task));
  };
  log(co_await outcome(all_of_them()));
  const std::string counts = show(tasks[1].cancelling());
  const std::string text = co_await outcome(tasks[1]);
  log("cancelling " + counts + " " + text);
}

}  // namespace asyncio::conformance
