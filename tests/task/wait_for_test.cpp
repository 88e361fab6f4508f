#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using wait_for_ = LoopTest;
using wait_for_no_time = LoopTest;

Coro<int> after(Delay delay, int value) {
  co_await sleep(delay);
  co_return value;
}
template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_blocking
// Rule 2.25
TEST_F(wait_for_, runs_a_coroutine_in_the_same_task_and_gives_its_result) {
  run([]() -> Coro<> {
    const AnyTask self = current_task();
    auto body = [self]() -> Coro<int> {
      EXPECT_TRUE(current_task() == self);
      co_await sleep(1ms);
      co_return 4;
    };
    const int value = co_await wait_for(body(), 1s);
    EXPECT_EQ(value, 4);
    const int without = co_await wait_for(after(1h, 5), std::nullopt);
    EXPECT_EQ(without, 5);
  }());
  EXPECT_THROW(loop().run_forever(), Deadlock);
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_waits_for_task_cancellation
// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for
// Rule 2.25
TEST_F(wait_for_, awaits_the_cleanup_before_it_raises_timeout_error) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      Result<void> slept = co_await try_(sleep(1h));
      co_await sleep(5ms);
      out("cleaned up");
      if (!slept.ok()) co_await raise(slept.exception());
    };
    co_await noted(out, wait_for(body(), 10ms));
    Task<> task = create_task(body);
    co_await noted(out, wait_for(task, 10ms));
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"cleaned up", "TimeoutError", "cleaned up", "TimeoutError"}));
  EXPECT_EQ(now() - before, 30ms);
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_cancel_suppressed
// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_cancellation_race_condition
// Rule 2.25
TEST_F(wait_for_, gives_the_value_of_what_refuses_to_be_cancelled) {
  run([]() -> Coro<> {
    auto refuses = []() -> Coro<int> {
      (void)co_await try_(sleep(1h));
      co_return 42;
    };
    const int in_place = co_await wait_for(refuses(), 1ms);
    EXPECT_EQ(in_place, 42);
    const int in_a_task = co_await wait_for(create_task(refuses), 1ms);
    EXPECT_EQ(in_a_task, 42);
  }());
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_reraises_exception_during_cancellation
// Rule 2.25
TEST_F(wait_for_, another_exception_of_the_cleanup_wins) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto fails = []() -> Coro<> {
      (void)co_await try_(sleep(1h));
      co_await raise<ValueError>("cleanup");
    };
    co_await noted(out, wait_for(fails(), 1ms));
    co_await noted(out, wait_for(create_task(fails), 1ms));
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: cleanup", "ValueError: cleanup"}));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_cancel_wait_for
// CPython: test_waitfor::AsyncioWaitForTest::test_cancel_blocking_wait_for
TEST_F(wait_for_, cancelling_it_cancels_what_it_waits_for) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    for (const std::optional<Delay> limit : {std::optional<Delay>(1h), std::optional<Delay>()}) {
      Task<int> inner = create_task(after(1h, 1));
      auto body = [&]() -> Coro<> { co_await noted(out, wait_for(inner, limit)); };
      Task<> outer = create_task(body);
      co_await sleep(1ms);
      outer.cancel("m");
      co_await outer;
      EXPECT_TRUE(inner.cancelled());
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: m", "CancelledError: m"}));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_race_condition
// Rule 2.25
TEST_F(wait_for_, a_result_in_the_turn_of_the_deadline_is_a_result) {
  run([]() -> Coro<> {
    Future<int> future = create_future<int>();
    auto body = [&]() -> Coro<int> { co_return co_await wait_for(future, 10ms); };
    get_running_loop().call_later(5ms, [&] { future.set_result(1); });
    const int value = co_await body();
    EXPECT_EQ(value, 1);
    // The task it waits for ends in the turn in which the deadline fires, after it: the
    // cancellation comes too late for the child, but not for the await.
    Trace trace;
    Future<int> late = create_future<int>();
    get_running_loop().call_later(10ms, [&] { late.set_result(2); });
    co_await noted(trace, wait_for(late, 10ms));
    EXPECT_EQ(trace.size(), 1U);
  }());
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_issue86296
// Rule 2.25
TEST_F(wait_for_, a_cancellation_in_the_turn_of_the_result_is_not_lost) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto inner = []() -> Coro<> { co_return; };
    auto body = [&]() -> Coro<> {
      co_await wait_for(inner(), 100s);
      out("has its result");
      co_await sleep(1s);
      out("reached the end");
    };
    Task<> task = create_task(body);
    co_await sleep(0s);
    EXPECT_FALSE(task.done());
    task.cancel();
    co_await noted(out, task);
    Future<int> future = create_future<int>();
    auto waits = [&]() -> Coro<> { (void)co_await wait_for(future, 100s); };
    task = create_task(waits);
    co_await sleep(0s);
    future.set_result(1);
    task.cancel();
    co_await noted(out, task);
  }(trace));
  EXPECT_EQ(trace, (Trace{"has its result", "CancelledError", "CancelledError"}));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_asyncio_wait_for_cancelled
// CPython: test_waitfor::AsyncioWaitForTest::test_asyncio_wait_for_timeout
// Rule 2.25
TEST_F(wait_for_, waits_for_what_ignores_its_cancellation) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    auto slow = []() -> Coro<> {
      const Nanoseconds end = get_running_loop().time() + 200ms;
      for (Nanoseconds left = 200ms; left.count() > 0; left = end - get_running_loop().time()) {
        (void)co_await try_(sleep(left));
      }
    };
    auto waits = [&]() -> Coro<> { co_await wait_for(slow(), 400ms); };
    Task<> task = create_task(waits);
    co_await sleep(0s);
    task.cancel();
    co_await task;
    co_await wait_for(slow(), 100ms);
  }());
  EXPECT_EQ(now() - before, 400ms);
}

TEST_F(wait_for_, a_shared_future_keeps_its_value) {
  run([]() -> Coro<> {
    Future<std::string> future = create_future<std::string>();
    future.set_result("a text that needs memory of its own");
    const std::string first = co_await wait_for(future, 1s);
    const std::string second = co_await wait_for(future, 0s);
    EXPECT_EQ(first, second);
    EXPECT_EQ(future.result(), first);
  }());
}

TEST_F(wait_for_, takes_awaiters_and_gathers) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    co_await noted(out, wait_for(sleep(1h), 1ms));
    auto both = co_await wait_for(gather(after(1ms, 1), after(2ms, 2)), 1s);
    EXPECT_EQ(both, (std::tuple{1, 2}));
    co_await noted(out, wait_for(gather(after(1h, 1)), 1ms));
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "TimeoutError"}));
}

TEST_F(wait_for_, nests) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    co_await noted(out, wait_for(wait_for(after(1h, 1), 10ms), 1s));
    co_await noted(out, wait_for(wait_for(after(1h, 1), 1s), 10ms));
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "TimeoutError"}));
}

// --- no time left -------------------------------------------------------------------------------

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started
// Rule 2.26
TEST_F(wait_for_no_time, a_coroutine_never_starts) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<int> {
      out("started");
      co_return 1;
    };
    co_await noted(out, wait_for(body(), 0s));
    co_await noted(out, wait_for(body(), -1s));
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "TimeoutError"}));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_timeout_less_then_0_or_0_future_done
// Rule 2.26
TEST_F(wait_for_no_time, what_is_done_gives_its_result_or_exception) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Future<int> good = create_future<int>();
    good.set_result(3);
    const int value = co_await wait_for(good, 0s);
    EXPECT_EQ(value, 3);
    Future<int> bad = create_future<int>();
    bad.set_exception(ValueError("x"));
    co_await noted(out, wait_for(bad, 0s));
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: x"}));
}

// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_waits_for_task_cancellation_w_timeout_0
// CPython: test_waitfor::AsyncioWaitForTest::test_wait_for_timeout_less_then_0_or_0
// Rule 2.26
TEST_F(wait_for_no_time, a_task_is_cancelled_and_its_cleanup_awaited) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      Result<void> slept = co_await try_(sleep(1h));
      co_await sleep(1ms);
      out("cleaned up");
      if (!slept.ok()) co_await raise(slept.exception());
    };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    co_await noted(out, wait_for(task, 0s));
    EXPECT_TRUE(task.cancelled());
  }(trace));
  EXPECT_EQ(trace, (Trace{"cleaned up", "TimeoutError"}));
}

// CPython 3.11: TimeoutError, although a gather only holds its CancelledError.
TEST_F(wait_for_no_time, a_gather_that_is_cancelled_is_a_timeout) {
  Trace trace;
  run([](Trace& out) -> Coro<> { co_await noted(out, wait_for(gather(after(1h, 1)), 0s)); }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError"}));
}

}  // namespace
}  // namespace asyncio::test
