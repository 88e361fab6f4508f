// timeout and wait_for: scenarios/timeouts.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

// The await in a timeout, and what the timeout says afterwards.
template <class A>
Coro<await_result_t<A>> limited(Log& log, std::string name, std::optional<Delay> delay,
                                A awaitable) {
  using T = await_result_t<A>;
  auto scope = timeout(delay);
  const auto body = [&awaitable]() -> Coro<T> { co_return co_await std::move(awaitable); };
  Result<T> result = co_await try_(with(scope, body));
  log(name + " expired " + show(scope.expired()) + " count " + show(current_task().cancelling()));
  if (!result.ok()) co_await raise(result.exception());
  if constexpr (!std::is_void_v<T>) co_return std::move(result).value();
}

std::string seconds(Nanoseconds time) {
  const auto tenths = time / 100ms;
  return std::to_string(tenths / 10) + (tenths % 10 ? "." + std::to_string(tenths % 10) : "");
}

}  // namespace

SCENARIO(a_timeout_that_fires_and_one_that_does_not) {
  log(co_await outcome(limited(log, "a", 2s, sleeper(log, "a", 1s))));
  log(co_await outcome(limited(log, "b", 1s, sleeper(log, "b", 2s))));
  log(co_await outcome(limited(log, "c", std::nullopt, sleeper(log, "c", 2s))));
  log(co_await outcome(limited(log, "d", -1s, sleeper(log, "d", 2s))));
}

// CPython: test_timeouts::TimeoutTests::test_nested_timeouts
// Rule 2.29
SCENARIO(nested_timeouts_the_inner_fires) {
  log(co_await outcome(
      limited(log, "outer", 3s, limited(log, "inner", 1s, sleeper(log, "a", 5s)))));
}

SCENARIO(nested_timeouts_the_outer_fires) {
  log(co_await outcome(
      limited(log, "outer", 1s, limited(log, "inner", 3s, sleeper(log, "a", 5s)))));
}

// CPython: test_timeouts::TimeoutTests::test_nested_timeouts_concurrent
SCENARIO(nested_timeouts_fire_together) {
  log(co_await outcome(
      limited(log, "outer", 1s, limited(log, "inner", 1s, sleeper(log, "a", 5s)))));
}

// Rule 2.28
SCENARIO(a_timeout_whose_block_swallows_the_cancellation) {
  log(co_await outcome(limited(log, "a", 1s, stubborn(log, "a", 2s))));
}

SCENARIO(a_timeout_whose_block_takes_its_time_to_clean_up) {
  log(co_await outcome(limited(log, "a", 1s, cleans_up(log, "a", 2s))));
}

// CPython: test_timeouts::TimeoutTests::test_foreign_exception_on_timeout
SCENARIO(another_exception_leaves_a_timeout) {
  log(co_await outcome(limited(log, "a", 1s, fails_when_cancelled(log, "a"))));
  log(co_await outcome(limited(log, "b", 2s, fails_after(log, "b", 1s))));
}

// CPython: test_timeouts::TimeoutTests::test_foreign_cancel_doesnt_timeout_if_not_expired
SCENARIO(cancelled_from_outside_in_a_timeout) {
  auto task = create_task(logs_outcome(log, "task", limited(log, "a", 5s, for_ever())));
  co_await sleep(1s);
  task.cancel("m");
  log(co_await outcome(task));
}

SCENARIO(timeout_and_outside_cancellation_in_one_pass) {
  auto first = create_task(logs_outcome(log, "cancel first", limited(log, "a", 1s, for_ever())));
  log.loop().call_later(1s, [first] { first.cancel("m"); });
  co_await turns(2);
  auto second = create_task(logs_outcome(log, "timeout first", limited(log, "b", 1s, for_ever())));
  co_await turns(2);
  log.loop().call_later(1s, [second] { second.cancel("m"); });
  co_await sleep(3s);
}

// CPython: test_timeouts::TimeoutTests::test_reschedule
SCENARIO(a_timeout_can_be_rescheduled) {
  const auto start = log.loop().time();
  const auto body = [&log, start]() -> Coro<> {
    auto scope = timeout(1s);
    const auto block = [&]() -> Coro<> {
      co_await sleep(500ms);
      scope.reschedule(log.loop().time() + 2s);
      log("when " + seconds(*scope.when() - start));
      co_await sleep(1s);
      scope.reschedule(std::nullopt);
      co_await sleep(2s);
      log("late " + show(scope.expired()));
      scope.reschedule(log.loop().time() - 1s);
      co_await sleep(1s);
    };
    co_await with(scope, block);
  };
  log(co_await outcome(body()));
}

SCENARIO(a_timeout_is_used_once_and_only_inside) {
  auto scope = timeout(1s);
  const auto reschedule = [&] { scope.reschedule(2s); };
  log(attempt(reschedule));
  const auto enters = [&scope]() -> Coro<> { co_await with(scope, []() -> Coro<> { co_return; }); };
  log(co_await outcome(enters()));
  log(co_await outcome(enters()));
  log(attempt(reschedule));
}

SCENARIO(a_timeout_at_a_point_in_time) {
  const auto body = [](Nanoseconds when) -> Coro<> {
    co_await with(timeout_at(when), []() -> Coro<> { co_await sleep(5s); });
  };
  log(co_await outcome(body(log.loop().time() + 1s)));
  log(co_await outcome(body(log.loop().time() - 1s)));
}

// CPython: test_timeouts::TimeoutTests::test_timeout_taskgroup
SCENARIO(a_timeout_around_a_task_group) {
  const auto group_body = [&log](TaskGroup& group) -> Coro<> {
    group.create_task(cleans_up(log, "a", 2s));
    group.create_task(sleeper(log, "b", 3s));
    co_return;
  };
  const auto body = [&]() -> Coro<> {
    const auto block = [&]() -> Coro<> { co_await with(TaskGroup{}, group_body); };
    co_await with(timeout(1s), block);
  };
  log(co_await outcome(body()));
}

// Rule 2.25
SCENARIO(wait_for_in_time_and_too_late) {
  log(co_await outcome(wait_for(sleeper(log, "a", 1s), 2s)));
  log(co_await outcome(wait_for(sleeper(log, "b", 2s), 1s)));
  log(co_await outcome(wait_for(create_task(sleeper(log, "c", 2s)), 1s)));
  log(co_await outcome(wait_for(fails_after(log, "d", 1s), 2s)));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_waits_for_task_cancellation
SCENARIO(wait_for_waits_for_the_cleanup) {
  log(co_await outcome(wait_for(cleans_up(log, "a", 3s), 1s)));
  log(co_await outcome(wait_for(create_task(cleans_up(log, "b", 3s)), 1s)));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_cancel_suppressed
SCENARIO(wait_for_what_suppresses_the_cancellation) {
  log(co_await outcome(wait_for(stubborn(log, "a", 1s), 1s)));
  log(co_await outcome(wait_for(create_task(stubborn(log, "b", 1s)), 1s)));
  log(co_await outcome(wait_for(fails_when_cancelled(log, "c"), 1s)));
}

// Rule 2.26
SCENARIO(wait_for_with_no_time_left) {
  log(co_await outcome(wait_for(sleeper(log, "never", 1s), 0s)));
  auto done = create_task(value(4));
  co_await turns(2);
  log(co_await outcome(wait_for(done, 0s)));
  auto running = create_task(sleeper(log, "running", 5s));
  co_await turns(1);
  log(co_await outcome(wait_for(running, 0s)));
  auto refusing = create_task(stubborn(log, "refusing", 1s));
  co_await turns(1);
  log(co_await outcome(wait_for(refusing, -1s)));
}

SCENARIO(a_cancelled_wait_for_cancels_what_it_waits_for) {
  auto inner = create_task(cleans_up(log, "inner", 1s));
  auto task = create_task(logs_outcome(log, "task", wait_for(inner, 10s)));
  co_await sleep(1s);
  task.cancel("m");
  log(co_await outcome(task));
  log(show(inner.cancelled()) + " " + show(task.cancelling()));
}

SCENARIO(wait_for_a_result_that_comes_with_the_timeout) {
  auto future = create_future<std::string>();
  log.loop().call_later(1s, [future] { future.set_result("just in time"); });
  log(co_await outcome(wait_for(future, 1s)));
  auto other = create_future<std::string>();
  auto task = create_task(logs_outcome(log, "task", wait_for(other, 1s)));
  co_await turns(1);
  log.loop().call_later(1s, [other] {
    if (!other.done()) other.set_result("too late");
  });
  co_await turns(1);
  log(co_await outcome(task));
}

SCENARIO(wait_for_a_shield) {
  auto inner = create_task(sleeper(log, "inner", 2s));
  log(co_await outcome(wait_for(shield(inner), 1s)));
  log(co_await outcome(inner));
}

}  // namespace asyncio::conformance
