#include "asyncio/task/sleep.hpp"

#include <limits>

#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using sleep_ = LoopTest;

TEST_F(sleep_, takes_as_long_as_was_asked) {
  const Nanoseconds before = now();
  run(sleep(1.5s));
  EXPECT_EQ(now() - before, 1500ms);
}

// CPython: test_tasks::SleepTests::test_sleep_zero
TEST_F(sleep_, zero_or_less_gives_the_others_one_turn_and_takes_no_time) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    auto other = [&out]() -> Coro<> {
      out("other");
      co_return;
    };
    for (const auto length : {0s, -5s}) {
      (void)create_task(other);
      co_await sleep(length);
      out("slept");
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"other", "slept", "other", "slept"}));
  EXPECT_EQ(now(), before);
}

// CPython: test_tasks::BaseTaskTests::test_sleep_when_delay_is_nan
TEST_F(sleep_, nan_is_a_value_error) {
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(thrown_by([&] { (void)sleep(nan); }), "ValueError: Invalid delay: NaN (not a number)");
}

TEST_F(sleep_, gives_the_result_it_was_given) {
  EXPECT_EQ(run(sleep(1ms, std::string("result"))), "result");
  EXPECT_EQ(*run(sleep(0s, std::make_unique<int>(3))), 3);
}

// CPython: test_tasks::BaseTaskTests::test_sleep_cancel
TEST_F(sleep_, cancelling_takes_the_timer_away) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    Task<> task = create_task(sleep(1h));
    co_await sleep(0s);
    co_await sleep(0s);
    task.cancel();
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
  }());
  // With the timer still armed this would wait an hour; with none at all it never ends.
  EXPECT_THROW(loop().run_forever(), Deadlock);
  EXPECT_EQ(now(), before);
}

TEST_F(sleep_, sleepers_wake_in_order_of_their_deadlines_and_then_of_their_calls) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto sleeper = [](Trace& t, Delay length, std::string name) -> Coro<> {
      co_await sleep(length);
      t(name);
    };
    (void)create_task(sleeper(out, 3ms, "c"));
    (void)create_task(sleeper(out, 1ms, "a1"));
    (void)create_task(sleeper(out, 2ms, "b"));
    (void)create_task(sleeper(out, 1ms, "a2"));
    co_await sleep(10ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"a1", "a2", "b", "c"}));
}

TEST_F(sleep_, for_ever_is_a_deadline_that_never_comes) {
  run([]() -> Coro<> {
    Task<> task = create_task(sleep(std::chrono::duration<double>(1e300)));
    co_await sleep(std::chrono::hours(24 * 365 * 100));
    EXPECT_FALSE(task.done());
    task.cancel();
    (void)co_await try_(task);
  }());
}

}  // namespace
}  // namespace asyncio::test
