// timeout() and timeout_at().
#include "asyncio/task/timeouts.hpp"

#include "asyncio/coro/with.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using timeout_ = LoopTest;

template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

// test_timeouts::TimeoutTests::test_timeout_basic
TEST_F(timeout_, ends_the_block_with_timeout_error_at_its_deadline) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    Timeout deadline = timeout(10ms);
    auto body = [&out]() -> Coro<> {
      const Noted local(out, "local");
      co_await sleep(1s);
    };
    co_await noted(out, with(deadline, body));
    EXPECT_TRUE(deadline.expired());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"~local", "TimeoutError"}));
  EXPECT_EQ(now() - before, 10ms);
}

TEST_F(timeout_, gives_the_value_of_a_block_that_ends_in_time_and_drops_the_timer) {
  run([]() -> Coro<> {
    Timeout deadline = timeout(1h);
    const int value = co_await with(deadline, [](Timeout& self) -> Coro<int> {
      EXPECT_FALSE(self.expired());
      co_await sleep(1ms);
      co_return 3;
    });
    EXPECT_EQ(value, 3);
    EXPECT_FALSE(deadline.expired());
  }());
  EXPECT_THROW(loop().run_forever(), Deadlock);
}

// Python counts from the call of timeout(), not from entering.
TEST_F(timeout_, counts_from_its_making) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    Timeout deadline = timeout(10ms);
    co_await sleep(6ms);
    Trace trace;
    co_await noted(trace, with(deadline, [] { return Coro<>(sleep(1s)); }));
    EXPECT_EQ(trace, (Trace{"TimeoutError"}));
  }());
  EXPECT_EQ(now() - before, 10ms);
}

TEST_F(timeout_, without_a_deadline_never_fires) {
  run([]() -> Coro<> {
    Timeout none = timeout(std::nullopt);
    EXPECT_EQ(none.when(), std::nullopt);
    co_await with(none, [] { return Coro<>(sleep(std::chrono::hours(1000))); });
    EXPECT_FALSE(none.expired());
  }());
}

// 2.28, test_timeouts::TimeoutTests::test_timeout_zero, ::test_timeout_in_the_past_sleep_zero
TEST_F(timeout_, in_the_past_fires_at_the_first_await_that_parks_and_never_without_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto never_parks = []() -> Coro<> { co_return; };
    auto parks = []() -> Coro<> { co_await sleep(0s); };
    for (const Delay delay : {Delay(0s), Delay(-1s)}) {
      Timeout unused = timeout(delay);
      co_await noted(out, with(unused, never_parks));
      EXPECT_FALSE(unused.expired());
      co_await noted(out, with(timeout(delay), parks));
      co_await noted(out, with(timeout_at(Nanoseconds(0)), parks));
    }
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace,
            (Trace{"ok", "TimeoutError", "TimeoutError", "ok", "TimeoutError", "TimeoutError"}));
}

// CPython 3.11: no error, expired() True, cancelling() 0.
TEST_F(timeout_, a_block_that_swallows_the_cancellation_ends_without_an_error) {
  run([]() -> Coro<> {
    Timeout deadline = timeout(1ms);
    co_await with(deadline, []() -> Coro<> { (void)co_await try_(sleep(1s)); });
    EXPECT_TRUE(deadline.expired());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }());
}

// 2.29, test_timeouts::TimeoutTests::test_nested_timeouts
TEST_F(timeout_, nested_the_outer_one_that_fires_first_is_the_one_that_raises) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout outer = timeout(10ms);
    Timeout inner = timeout(20ms);
    auto both = [&]() -> Coro<> { co_await with(inner, [] { return Coro<>(sleep(1s)); }); };
    co_await noted(out, with(outer, both));
    EXPECT_TRUE(outer.expired());
    EXPECT_FALSE(inner.expired());
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError"}));
}

TEST_F(timeout_, nested_the_inner_one_can_be_caught_inside_the_outer_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout outer = timeout(1s);
    auto block = [&]() -> Coro<> {
      co_await noted(out, with(timeout(1ms), [] { return Coro<>(sleep(1h)); }));
      co_await sleep(1ms);
      out("went on");
    };
    co_await noted(out, with(outer, block));
    EXPECT_FALSE(outer.expired());
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "went on", "ok"}));
}

// test_timeouts::TimeoutTests::test_nested_timeouts_concurrent: both at once, the outer one raises.
TEST_F(timeout_, nested_with_one_deadline_raises_from_the_outer_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout outer = timeout(1ms);
    auto block = [&]() -> Coro<> {
      auto result = co_await try_(with(timeout(1ms), [] { return Coro<>(sleep(1s)); }));
      out("inner: " + describe(result.exception()));
      if (!result.ok()) co_await raise(result.exception());
    };
    co_await noted(out, with(outer, block));
    EXPECT_TRUE(outer.expired());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"inner: CancelledError", "TimeoutError"}));
}

// 2.29, test_timeouts::TimeoutTests::test_foreign_cancel_doesnt_timeout_if_not_expired
TEST_F(timeout_, a_cancellation_from_outside_stays_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      Timeout deadline = timeout(1s);
      co_await noted(out, with(deadline, [] { return Coro<>(sleep(2s)); }));
      EXPECT_FALSE(deadline.expired());
      EXPECT_EQ(current_task().cancelling(), 1U);
    };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel("outside");
    co_await task;
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: outside"}));
}

// The reference's order table and CPython 3.11: CancelledError, count 1.
TEST_F(timeout_, fired_and_cancelled_from_outside_in_one_turn_is_a_cancellation) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      const AnyTask self = current_task();
      Timeout deadline = timeout(10ms);
      auto block = [self](Timeout& at) -> Coro<> {
        get_running_loop().call_at(*at.when(), [self] { self.cancel("outside"); });
        co_await sleep(1s);
      };
      auto result = co_await try_(with(deadline, block));
      out(base::exception_is<CancelledError>(result.exception()) ? "CancelledError" : "?");
      EXPECT_EQ(self.cancelling(), 1U);
    };
    co_await create_task(body);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

// test_timeouts::TimeoutTests::test_foreign_exception_on_timeout
TEST_F(timeout_, another_exception_of_the_cleanup_passes_and_the_count_is_restored) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = []() -> Coro<> {
      (void)co_await try_(sleep(1s));
      throw ValueError("cleanup");
    };
    co_await noted(out, with(timeout(1ms), block));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: cleanup"}));
}

// test_timeouts::TimeoutTests::test_cancel_in_timeout_after_cancellation
TEST_F(timeout_, works_in_the_cleanup_of_a_cancelled_task) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      Result<void> slept = co_await try_(sleep(1s));
      co_await noted(out, with(timeout(1ms), [] { return Coro<>(sleep(1h)); }));
      EXPECT_EQ(current_task().cancelling(), 1U);
      if (!slept.ok()) co_await raise(slept.exception());
    };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel();
    co_await noted(out, task);
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "CancelledError"}));
}

// test_timeouts::TimeoutTests::test_reschedule
TEST_F(timeout_, reschedule_moves_the_deadline) {
  const Nanoseconds before = now();
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout deadline = timeout(10s);
    auto block = [](Timeout& self) -> Coro<> {
      const Nanoseconds at = get_running_loop().time() + 5ms;
      self.reschedule(std::nullopt);
      EXPECT_EQ(self.when(), std::nullopt);
      self.reschedule(at);
      EXPECT_EQ(self.when(), at);
      co_await sleep(1h);
    };
    co_await noted(out, with(deadline, block));
    out(thrown_by([&] { deadline.reschedule(std::nullopt); }));
  }(trace));
  EXPECT_EQ(now() - before, 5ms);
  EXPECT_EQ(trace, (Trace{"TimeoutError", "RuntimeError: Cannot change state of expired Timeout"}));
}

TEST_F(timeout_, misuse_is_a_runtime_error) {
  run([]() -> Coro<> {
    Timeout deadline = timeout(1s);
    EXPECT_EQ(thrown_by([&] { deadline.reschedule(std::nullopt); }),
              "RuntimeError: Timeout has not been entered");
    auto nothing = []() -> Coro<> { co_return; };
    co_await with(deadline, nothing);
    Trace trace;
    co_await noted(trace, with(deadline, nothing));
    trace(thrown_by([&] { deadline.reschedule(std::nullopt); }));
    EXPECT_EQ(trace, (Trace{"RuntimeError: Timeout has already been entered",
                            "RuntimeError: Cannot change state of finished Timeout"}));
  }());
  Trace trace;
  loop().call_soon([&] { trace(thrown_by([] { Timeout(std::nullopt).enter(); })); });
  run(sleep(1ms));
  EXPECT_EQ(trace, (Trace{"RuntimeError: Timeout should be used inside a task"}));
}

}  // namespace
}  // namespace asyncio::test
