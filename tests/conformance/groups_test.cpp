// TaskGroup: scenarios/groups.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

/// What a group runs: its tasks, then its body if it has one.
struct Parts {
  std::vector<Coro<>> tasks;
  std::optional<Coro<std::string>> body;
};

template <class A>
Coro<> quiet(A awaitable) {
  (void)co_await std::move(awaitable);
}

template <class... As>
Parts parts(As... tasks) {
  Parts made;
  (made.tasks.push_back(quiet(std::move(tasks))), ...);
  return made;
}
Parts with_body(Parts of, Coro<std::string> body) {
  of.body = std::move(body);
  return of;
}

Coro<> in_group(Log& log, Parts of) {
  const auto block = [&log, &of](TaskGroup& group) -> Coro<> {
    for (auto& task : of.tasks) group.create_task(std::move(task));
    if (of.body) {
      const std::string text = co_await std::move(*of.body);
      log("body " + text);
    }
  };
  co_await with(TaskGroup{}, block);
  log("left");
}

Coro<std::string> text_after(Coro<> coroutine) {
  co_await std::move(coroutine);
  co_return "None";
}

Coro<> run_group(Log& log, Parts of) {
  log(co_await outcome(in_group(log, std::move(of))));
  log("cancelling " + show(current_task().cancelling()));
}

Coro<> cancelled_at(Log& log, Task<> task, std::vector<Delay> times) {
  for (const Delay& time : times) {
    co_await sleep(time);
    log("cancel " + show(task.cancel("m")));
  }
  log(co_await outcome(task));
  log("cancelling " + show(task.cancelling()));
}

}  // namespace

SCENARIO(a_group_waits_for_its_tasks) {
  co_await run_group(log, parts(sleeper(log, "a", 2s), sleeper(log, "b", 1s)));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancel_children_on_child_error
// Rule 2.30
SCENARIO(a_task_that_fails_cancels_its_group_and_the_body) {
  auto of = parts(sleeper(log, "a", 5s), fails_after(log, "b", 1s), sleeper(log, "c", 5s));
  co_await run_group(log, with_body(std::move(of), sleeper(log, "body", 4s)));
}

SCENARIO(a_task_that_fails_while_the_group_ends) {
  co_await run_group(log, parts(cleans_up(log, "a", 1s), fails_after(log, "b", 1s)));
}

SCENARIO(a_body_that_fails_cancels_its_tasks) {
  auto of = parts(sleeper(log, "a", 5s));
  co_await run_group(log, with_body(std::move(of), fails_after(log, "body", 1s)));
}

// Rule 2.31
SCENARIO(errors_of_the_unwinding_join_the_group) {
  auto of = parts(fails_when_cancelled(log, "a"), fails_after(log, "b", 1s),
                  fails_when_cancelled(log, "c"));
  co_await run_group(log, with_body(std::move(of), fails_when_cancelled(log, "body")));
}

SCENARIO(a_cancelled_task_is_no_failure_of_its_group) {
  const auto block = [&log](TaskGroup& group) -> Coro<> {
    auto task = group.create_task(for_ever());
    group.create_task(sleeper(log, "b", 2s));
    co_await sleep(1s);
    task.cancel();
  };
  const auto body = [&]() -> Coro<> {
    co_await with(TaskGroup{}, block);
    log("left");
  };
  log(co_await outcome(body()));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_nested_groups_both_cancelled
// Rule 2.35
SCENARIO(groups_in_groups_fail_together) {
  auto inner = in_group(log, parts(fails_after(log, "b", 1s), sleeper(log, "c", 3s)));
  auto of = parts(fails_after(log, "a", 1s));
  co_await run_group(log, with_body(std::move(of), text_after(std::move(inner))));
}

SCENARIO(an_inner_group_fails_and_the_outer_hears_of_it) {
  auto inner = in_group(log, parts(fails_after(log, "b", 1s), sleeper(log, "c", 3s)));
  co_await run_group(log, parts(std::move(inner), sleeper(log, "a", 5s)));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancellation
// Rule 2.33
SCENARIO(a_group_cancelled_from_outside_in_its_body) {
  auto of = with_body(parts(cleans_up(log, "a", 1s)), sleeper(log, "body", 5s));
  auto task = create_task(run_group(log, std::move(of)));
  co_await cancelled_at(log, task, std::vector<Delay>(1, 1s));
}

SCENARIO(a_group_cancelled_from_outside_while_it_ends) {
  auto task = create_task(run_group(log, parts(cleans_up(log, "a", 1s), cleans_up(log, "b", 2s))));
  std::vector<Delay> times = {1s, 500ms, 250ms};
  co_await cancelled_at(log, task, times);
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancelling_level_preserved
// Rule 2.34
SCENARIO(a_group_cancelled_from_outside_with_errors) {
  const auto body = [&log]() -> Coro<> {
    log(co_await outcome(
        in_group(log, parts(fails_when_cancelled(log, "a"), cleans_up(log, "b", 1s)))));
    log("cancelling " + show(current_task().cancelling()));
    const std::string next = co_await outcome(Coro<>(sleep(1s)));
    log("next " + next);
    const std::string after = co_await outcome(Coro<>(sleep(1s)));
    log("after " + after);
  };
  co_await cancelled_at(log, create_task(body), std::vector<Delay>(1, 1s));
}

SCENARIO(cancelled_in_the_pass_in_which_a_task_fails) {
  auto of = with_body(parts(fails_after(log, "a", 1s)), sleeper(log, "body", 5s));
  auto task = create_task(run_group(log, std::move(of)));
  co_await turns(2);
  log.loop().call_later(1s, [task] { task.cancel("m"); });
  log(co_await outcome(task));
}

// Rule 2.36
SCENARIO(create_task_of_a_group_is_refused) {
  TaskGroup group;
  const auto create = [&group] {
    return attempt([&group]() -> std::string {
      group.create_task(for_ever());
      return "created";
    });
  };
  log(create());
  const auto block = [&]() -> Coro<> {
    group.create_task(fails("x"));
    const std::string text = co_await outcome(Coro<>(sleep(5s)));
    log("sleep " + text);
    log(create());
  };
  const auto body = [&]() -> Coro<> { co_await with(group, block); };
  log(co_await outcome(body()));
  log(create());
  log(co_await outcome(body()));
}

SCENARIO(tasks_may_start_others_while_the_group_ends) {
  const auto block = [&log](TaskGroup& group) -> Coro<> {
    group.create_task([&log, &group]() -> Coro<> {
      co_await sleeper(log, "first", 1s);
      group.create_task(sleeper(log, "second", 1s));
    });
    co_return;
  };
  const auto body = [&]() -> Coro<> {
    co_await with(TaskGroup{}, block);
    log("left");
  };
  log(co_await outcome(body()));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_body
// Rule 2.38
SCENARIO(a_group_can_be_cancelled) {
  const auto block = [&log](TaskGroup& group) -> Coro<> {
    group.create_task(sleeper(log, "a", 5s));
    group.create_task(cleans_up(log, "b", 1s));
    log.loop().call_later(1s, [&group] { group.cancel(); });
    const std::string first = co_await outcome(Coro<>(sleep(5s)));
    log("body " + first);
    const std::string second = co_await outcome(Coro<>(sleep(0s)));
    log("again " + second);
  };
  co_await with(TaskGroup{}, block);
  log("left, cancelling " + show(current_task().cancelling()));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_before_enter
SCENARIO(a_group_cancelled_before_it_is_entered) {
  TaskGroup group;
  group.cancel();
  const auto block = [&log]() -> Coro<> {
    const std::string text = co_await outcome(Coro<>(sleep(5s)));
    log("body " + text);
  };
  co_await with(group, block);
  log("left, cancelling " + show(current_task().cancelling()));
  group.cancel();
  log("again left");
}

}  // namespace asyncio::conformance
