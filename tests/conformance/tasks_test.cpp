// Tasks and cancelling: scenarios/tasks.py.
#include <algorithm>

#include "conformance/common.hpp"

namespace asyncio::conformance {

SCENARIO(tasks_begin_in_the_next_pass_in_order) {
  std::vector<Task<std::string>> tasks;
  for (const char* name : {"a", "b", "c"}) tasks.push_back(create_task(sleeper(log, name, 1s)));
  log.loop().call_soon([&log] { log("soon"); });
  log("created");
  for (const auto& task : tasks) log(co_await outcome(task));
}

SCENARIO(a_task_settles_its_callbacks_a_pass_later) {
  auto task = create_task(value(3));
  task.add_done_callback([&log, task](AnyFuture) { log("callback " + show(task.result())); });
  const std::string first = co_await outcome(task);
  log("awaited " + first);
  auto failing = create_task(fails("x"));
  failing.add_done_callback(
      [&log, failing](AnyFuture) { log("callback " + attempt([&] { return failing.result(); })); });
  const std::string second = co_await outcome(failing);
  log("awaited " + second);
  const std::string third = co_await outcome(failing);
  log("again " + third);
}

// CPython: test_tasks::BaseTaskTests::test_cancel_with_message_before_starting_task
// Rule 2.15
SCENARIO(cancelled_before_its_first_step_it_never_runs) {
  auto task = create_task(sleeper(log, "never", 1s));
  const bool asked = task.cancel("early");
  log("cancel " + show(asked) + " done " + show(task.done()));
  log(co_await outcome(task));
  log("cancelled " + show(task.cancelled()) + " cancel " + show(task.cancel()));
}

SCENARIO(cancelled_while_it_sleeps) {
  auto task = create_task(sleeper(log, "a", 10s));
  co_await sleep(1s);
  const bool asked = task.cancel("m");
  log("cancel " + show(asked) + " done " + show(task.done()));
  log(co_await outcome(task));
  log("cancelling " + show(task.cancelling()));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_awaited_task
SCENARIO(cancelling_goes_through_awaited_tasks) {
  auto inner = create_task(sleeper(log, "inner", 10s));
  auto middle = create_task(logs_outcome(log, "middle", inner));
  auto outer = create_task(logs_outcome(log, "outer", middle));
  co_await turns(2);
  outer.cancel("m");
  log("cancelled");
  co_await turns(5);
  log(show(inner.cancelling()) + " " + show(middle.cancelling()) + " " + show(outer.cancelling()) +
      " " + show(inner.cancelled()));
}

SCENARIO(cancelling_oneself_strikes_at_the_next_await) {
  const auto body = [&log]() -> Coro<> {
    log("cancel " + show(current_task().cancel("m")));
    const std::string ready = co_await outcome(value(1));
    log("ready " + ready);
    const std::string first = co_await outcome(Coro<>(sleep(0s)));
    log("sleep " + first);
    const std::string second = co_await outcome(Coro<>(sleep(0s)));
    log("again " + second);
  };
  log(co_await outcome(create_task(body)));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_at_end
// CPython: test_tasks::BaseTaskTests::test_cancel_current_task
SCENARIO(cancelling_oneself_and_then_the_end) {
  const auto returns = []() -> Coro<int> {
    current_task().cancel("m");
    co_return 1;
  };
  const auto raises = []() -> Coro<int> {
    current_task().cancel();
    co_await raise<ValueError>("x");
    co_return 0;
  };
  log(co_await outcome(create_task(returns)));
  log(co_await outcome(create_task(raises)));
}

// Rule 2.18
SCENARIO(two_requests_before_a_step_are_delivered_as_one) {
  const auto body = [&log]() -> Coro<unsigned> {
    const std::string first = co_await outcome(Coro<>(sleep(10s)));
    log("first " + first);
    const std::string second = co_await outcome(Coro<>(sleep(1s)));
    log("second " + second);
    co_return current_task().cancelling();
  };
  auto task = create_task(body);
  co_await turns(1);
  task.cancel("one");
  task.cancel("two");
  log(co_await outcome(task));
}

SCENARIO(a_task_may_refuse) {
  auto task = create_task(stubborn(log, "s", 2s));
  co_await turns(1);
  task.cancel();
  const std::string result = co_await outcome(task);
  log(result + " cancelled " + show(task.cancelled()) + " cancelling " + show(task.cancelling()));
}

SCENARIO(cancelled_again_during_its_cleanup) {
  auto task = create_task(cleans_up(log, "c", 5s));
  co_await turns(1);
  task.cancel("first");
  co_await sleep(1s);
  task.cancel("second");
  log(co_await outcome(task));
}

// CPython: test_tasks::BaseTaskTests::test_uncancel_basic
SCENARIO(uncancel_counts_down_to_zero) {
  const auto body = [&log]() -> Coro<std::string> {
    const AnyTask me = current_task();
    const std::string first = co_await outcome(Coro<>(sleep(10s)));
    log("first " + first);
    std::string counts = show(me.cancelling());
    for (int i = 0; i < 3; ++i) counts += " " + show(me.uncancel());
    log(counts);
    co_await sleep(1s);
    co_return "alive";
  };
  auto task = create_task(body);
  co_await turns(1);
  task.cancel();
  task.cancel();
  log(co_await outcome(task));
}

// CPython: test_tasks::BaseTaskTests::test_uncancel_resets_must_cancel
SCENARIO(uncancel_to_zero_withdraws_what_was_not_delivered) {
  const auto body = [&log]() -> Coro<> {
    const AnyTask me = current_task();
    me.cancel();
    me.cancel();
    const std::string once = show(me.uncancel());
    log(once + " " + show(me.uncancel()));
    const std::string first = co_await outcome(Coro<>(sleep(0s)));
    log("sleep " + first);
    me.cancel();
    me.cancel();
    log(show(me.uncancel()));
    const std::string second = co_await outcome(Coro<>(sleep(0s)));
    log("sleep " + second);
  };
  log(co_await outcome(create_task(body)));
}

SCENARIO(a_cancelled_error_raised_by_hand_cancels_the_task) {
  const auto body = []() -> Coro<> { co_await raise<CancelledError>("by hand"); };
  auto task = create_task(body);
  log(co_await outcome(task));
  log("cancelled " + show(task.cancelled()) + " cancelling " + show(task.cancelling()));
}

SCENARIO(a_cancelled_task_is_an_error_for_who_awaits_it) {
  auto inner = create_task(for_ever());
  const auto body = [&log, inner]() -> Coro<unsigned> {
    const std::string text = co_await outcome(inner);
    log("awaited " + text);
    co_await sleep(1s);
    co_return current_task().cancelling();
  };
  auto outer = create_task(body);
  co_await turns(2);
  inner.cancel("m");
  log(co_await outcome(outer));
}

namespace {

std::string names_of_all_tasks() {
  std::vector<std::string> names;
  for (const AnyTask& task : all_tasks()) names.push_back(task.get_name());
  std::ranges::sort(names);
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

SCENARIO(tasks_have_names_and_are_listed) {
  current_task().set_name("main");
  auto task = create_task(for_ever(), {.name = "sleeper"});
  log(current_task().get_name() + " " + task.get_name());
  log(names_of_all_tasks());
  task.cancel();
  log(co_await outcome(task));
  log(names_of_all_tasks());
}

// Rule 2.14
SCENARIO(an_eager_task_runs_to_its_first_wait) {
  current_task().set_name("main");
  const auto body = [&log]() -> Coro<int> {
    log("in " + current_task().get_name());
    co_await sleep(0s);
    log("out");
    co_return 1;
  };
  auto task = create_task(body, {.name = "eager", .eager_start = true});
  log("back in " + current_task().get_name() + " done " + show(task.done()));
  log(co_await outcome(task));
  auto done = create_task(value(2), {.eager_start = true});
  const std::string result = co_await outcome(done);
  log("done " + show(done.done()) + " " + result);
  auto failed = create_task(fails("x"), {.eager_start = true});
  const std::string error = co_await outcome(failed);
  log("done " + show(failed.done()) + " " + error);
}

}  // namespace asyncio::conformance
