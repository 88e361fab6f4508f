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

// CPython: test_timeouts::TimeoutTests::test_timeout_basic
// CPython: test_timeouts::TimeoutTests::test_waiter_cancelled
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

// CPython: test_timeouts::TimeoutTests::test_timeout_not_called
// Rule 2.28
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

// CPython: test_timeouts::TimeoutTests::test_timeout_disabled
// CPython: test_timeouts::TimeoutTests::test_timeout_at_disabled
TEST_F(timeout_, without_a_deadline_never_fires) {
  run([]() -> Coro<> {
    Timeout none = timeout(std::nullopt);
    EXPECT_EQ(none.when(), std::nullopt);
    co_await with(none, [] { return Coro<>(sleep(std::chrono::hours(1000))); });
    EXPECT_FALSE(none.expired());
  }());
}

// CPython: test_timeouts::TimeoutTests::test_timeout_zero
// CPython: test_timeouts::TimeoutTests::test_timeout_zero_sleep_zero
// CPython: test_timeouts::TimeoutTests::test_timeout_in_the_past_sleep_zero
// Rule 2.28
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

// Rule 2.28
TEST_F(timeout_, a_block_that_swallows_the_cancellation_ends_without_an_error) {
  run([]() -> Coro<> {
    Timeout deadline = timeout(1ms);
    co_await with(deadline, []() -> Coro<> { (void)co_await try_(sleep(1s)); });
    EXPECT_TRUE(deadline.expired());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }());
}

// Rule 2.29
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

// CPython: test_timeouts::TimeoutTests::test_nested_timeouts
// Rule 2.29
TEST_F(timeout_, nested_with_one_deadline_raises_from_the_outer_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout outer = timeout(1ms);
    auto block = [&]() -> Coro<> {
      Timeout inner = timeout(1ms);
      auto result = co_await try_(with(inner, [] { return Coro<>(sleep(1s)); }));
      out("inner: " + describe(result.exception()));
      EXPECT_TRUE(inner.expired());
      if (!result.ok()) co_await raise(result.exception());
    };
    co_await noted(out, with(outer, block));
    EXPECT_TRUE(outer.expired());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"inner: CancelledError", "TimeoutError"}));
}

// CPython: test_timeouts::TimeoutTests::test_foreign_cancel_doesnt_timeout_if_not_expired
// Rule 2.29
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

// Rule 2.29
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

// CPython: test_timeouts::TimeoutTests::test_foreign_exception_on_timeout
// Rule 2.29
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

// CPython: test_timeouts::TimeoutTests::test_timeout_after_cancellation
// Rule 2.29
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

// Rule 2.28
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

// CPython: test_timeouts::TimeoutTests::test_timeout_at_basic
TEST_F(timeout_, at_a_point_in_time_tells_it) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    const Nanoseconds at = get_running_loop().time() + 10ms;
    Timeout deadline = timeout_at(at);
    co_await noted(out, with(deadline, [] { return Coro<>(sleep(10s)); }));
    EXPECT_TRUE(deadline.expired());
    EXPECT_EQ(deadline.when(), at);
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError"}));
}

// The clock runs on while a block computes.
void compute_for(Nanoseconds time) {
  dynamic_cast<VirtualBackend&>(get_running_loop().scheduler().backend()).advance(time);
}

// CPython: test_timeouts::TimeoutTests::test_nested_timeouts_concurrent
// CPython: test_timeouts::TimeoutTests::test_nested_timeouts_loop_busy
// Rule 2.29
TEST_F(timeout_, nested_in_a_busy_loop_each_stops_what_comes_after_its_deadline) {
  const auto run_nested = [this](Delay outer_delay, Delay inner_delay, Nanoseconds busy) {
    Trace trace;
    run([](Trace& out, Delay first, Delay second, Nanoseconds computes) -> Coro<> {
      auto block = [&]() -> Coro<> {
        auto inner = [computes]() -> Coro<> {
          compute_for(computes);
          co_await sleep(1s);
        };
        auto result = co_await try_(with(timeout(second), inner));
        out("inner: " + describe(result.exception()));
        if (base::exception_is<CancelledError>(result.exception())) {
          co_await raise(result.exception());
        }
        co_await sleep(10s);
      };
      co_await noted(out, with(timeout(first), block));
      EXPECT_EQ(current_task().cancelling(), 0U);
    }(trace, outer_delay, inner_delay, busy));
    return trace;
  };
  // Only the outer one is due; only the inner one, whose block is followed by more; both.
  EXPECT_EQ(run_nested(2ms, 100ms, 10ms), (Trace{"inner: CancelledError", "TimeoutError"}));
  EXPECT_EQ(run_nested(100ms, 10ms, 50ms), (Trace{"inner: TimeoutError", "TimeoutError"}));
  EXPECT_EQ(run_nested(100ms, 10ms, 100ms), (Trace{"inner: CancelledError", "TimeoutError"}));
}

// CPython: test_timeouts::TimeoutTests::test_foreign_exception_passed
TEST_F(timeout_, an_exception_of_the_block_passes_as_it_is) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Timeout deadline = timeout(10ms);
    co_await noted(out, with(deadline, []() -> Coro<> { co_await raise<ValueError>("block"); }));
    EXPECT_FALSE(deadline.expired());
    EXPECT_EQ(deadline.repr(), "<Timeout [finished]>");
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: block"}));
}

// CPython: test_timeouts::TimeoutTests::test_outer_task_is_not_cancelled
// Rule 2.29
TEST_F(timeout_, caught_inside_a_task_does_not_cancel_that_task) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      Trace trace;
      co_await noted(trace, with(timeout(1ms), [] { return Coro<>(sleep(10s)); }));
      EXPECT_EQ(trace, (Trace{"TimeoutError"}));
    };
    Task<> task = create_task(body);
    co_await task;
    EXPECT_TRUE(task.done());
    EXPECT_FALSE(task.cancelled());
  }());
}

// CPython: test_timeouts::TimeoutTests::test_nested_timeout_in_finally
// Rule 2.29
TEST_F(timeout_, one_in_the_cleanup_of_another_one_works) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&]() -> Coro<> {
      Result<void> slept = co_await try_(sleep(1s));
      co_await noted(out, with(timeout(10ms), [] { return Coro<>(sleep(10s)); }));
      if (!slept.ok()) co_await raise(slept.exception());
    };
    co_await noted(out, with(timeout(10ms), block));
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "TimeoutError"}));
}

// CPython: test_timeouts::TimeoutTests::test_cancel_in_timeout_after_cancellation
// Rule 2.29
TEST_F(timeout_, a_second_cancellation_in_the_cleanup_stays_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&]() -> Coro<> {
      current_task().cancel();
      (void)co_await try_(sleep(1s));
      auto cleanup = []() -> Coro<> {
        current_task().cancel();
        co_await sleep(2s);
      };
      co_await noted(out, with(timeout(1s), cleanup));
      EXPECT_EQ(current_task().cancelling(), 2U);
    };
    co_await create_task(body);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

// CPython: test_timeouts::TimeoutTests::test_reschedule
// Rule 2.28
TEST_F(timeout_, reschedule_from_outside_moves_or_takes_away_the_deadline) {
  run([]() -> Coro<> {
    const Nanoseconds first = get_running_loop().time() + 10s;
    Timeout deadline = timeout_at(first);
    auto body = [&]() -> Coro<> { co_await with(deadline, [] { return Coro<>(sleep(50s)); }); };
    Task<> task = create_task(body);
    co_await sleep(0s);
    EXPECT_EQ(deadline.when(), first);
    deadline.reschedule(first + 20s);
    EXPECT_EQ(deadline.when(), first + 20s);
    deadline.reschedule(std::nullopt);
    EXPECT_EQ(deadline.when(), std::nullopt);
    task.cancel();
    Result<void> result = co_await try_(task);
    EXPECT_TRUE(base::exception_is<CancelledError>(result.exception()));
    EXPECT_FALSE(deadline.expired());
  }());
}

// CPython: test_timeouts::TimeoutTests::test_repr_active
// CPython: test_timeouts::TimeoutTests::test_repr_expired
// CPython: test_timeouts::TimeoutTests::test_repr_finished
// CPython: test_timeouts::TimeoutTests::test_repr_disabled
TEST_F(timeout_, its_repr_tells_the_state_and_the_deadline) {
  run([]() -> Coro<> {
    EXPECT_EQ(timeout(std::nullopt).repr(), "<Timeout [created] when=None>");
    auto none = [](Timeout& self) -> Coro<> {
      EXPECT_EQ(self.repr(), "<Timeout [active] when=None>");
      self.reschedule(1234500ms);
      EXPECT_EQ(self.repr(), "<Timeout [active] when=1234.5>");
      self.reschedule(7200s);
      EXPECT_EQ(self.repr(), "<Timeout [active] when=7200.0>");
      co_return;
    };
    co_await with(timeout(std::nullopt), none);
    Timeout deadline = timeout(1ms);
    Trace trace;
    co_await noted(trace, with(deadline, [] { return Coro<>(sleep(10s)); }));
    EXPECT_EQ(deadline.repr(), "<Timeout [expired]>");
  }());
}

// CPython: test_timeouts::TimeoutTests::test_timeout_already_entered
// CPython: test_timeouts::TimeoutTests::test_timeout_double_enter
// CPython: test_timeouts::TimeoutTests::test_timeout_finished
// CPython: test_timeouts::TimeoutTests::test_timeout_not_entered
// CPython: test_timeouts::TimeoutTests::test_timeout_without_task
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
