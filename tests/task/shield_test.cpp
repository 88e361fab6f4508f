#include "asyncio/task/shield.hpp"

#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using shield_ = LoopTest;

Coro<> turn() { co_await sleep(0s); }

template <class T>
Coro<T> after(Delay delay, T value) {
  co_await sleep(delay);
  co_return value;
}
template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

// CPython: test_tasks::BaseTaskTests::test_shield_result
TEST_F(shield_, gives_the_result_of_what_it_waits_for) {
  run([]() -> Coro<> {
    Task<std::string> task = create_task(after(1ms, std::string("text")));
    EXPECT_EQ(co_await shield(task), "text");
    EXPECT_EQ(task.result(), "text");  // copied, not taken
    auto owned = co_await shield(after(1ms, std::make_unique<int>(3)));
    EXPECT_EQ(*owned, 3);
    co_await shield(sleep(1ms));
    int there = 5;
    auto refers = [&]() -> Coro<int&> {
      co_await turn();
      co_return there;
    };
    EXPECT_EQ(&co_await shield(refers()), &there);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_shield_exception
TEST_F(shield_, gives_the_exception_of_what_it_waits_for) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto fails = []() -> Coro<> { co_await raise<ValueError>("x"); };
    co_await noted(out, shield(fails()));
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: x"}));
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_inner
// Rule 2.23
TEST_F(shield_, is_cancelled_with_what_it_waits_for) {
  run([]() -> Coro<> {
    Future<int> inner = create_future<int>();
    Future<int> outer = shield(inner);
    inner.cancel();
    co_await turn();
    EXPECT_TRUE(outer.cancelled());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_outer
// CPython: test_tasks::BaseTaskTests::test_shield_effect
// Rule 2.23
TEST_F(shield_, keeps_a_cancellation_from_what_it_waits_for) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto inner = [&out]() -> Coro<> {
      co_await sleep(5ms);
      out("inner ran to its end");
    };
    auto body = [&]() -> Coro<> { co_await noted(out, shield(inner())); };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel("m");
    co_await task;
    co_await sleep(10ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: m", "inner ran to its end"}));
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_outer_result
TEST_F(shield_, that_was_cancelled_has_no_use_for_a_result) {
  run([]() -> Coro<> {
    Future<int> inner = create_future<int>();
    Future<int> outer = shield(inner);
    EXPECT_TRUE(outer.cancel());
    EXPECT_FALSE(outer.cancel());
    inner.set_result(1);
    co_await turn();
    EXPECT_TRUE(outer.cancelled());
    EXPECT_EQ(inner.result(), 1);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_shield_cancel_outer_exception_never_retrieved
// Rule 2.23
TEST_F(shield_, that_was_cancelled_leaves_an_error_to_be_reported_if_nobody_retrieves_it) {
  run([]() -> Coro<> {
    for (const bool retrieved : {true, false}) {
      Future<int> inner = create_future<int>();
      Future<int> outer = shield(inner);
      co_await turn();
      outer.cancel();
      co_await turn();
      inner.set_exception(ValueError("foo"));
      co_await turn();
      if (retrieved) {
        EXPECT_EQ(describe(inner.exception()), "ValueError: foo");
      }
    }
  }());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Future exception was never retrieved\n"));
}

// CPython: test_tasks::BaseTaskTests::test_shield_duplicate_log_once
TEST_F(shield_, twice_around_one_future_reports_its_error_once) {
  run([]() -> Coro<> {
    Future<int> inner = create_future<int>();
    for (int i = 0; i < 2; ++i) shield(inner).cancel();
    inner.set_exception(ValueError("foo"));
    co_await turn();
  }());
  EXPECT_EQ(take_logs().size(), 1U);
}

// CPython: test_tasks::BaseTaskTests::test_shield_shortcut
// Rule 2.23
TEST_F(shield_, of_what_is_done_is_that_itself) {
  run([]() -> Coro<> {
    Future<int> inner = create_future<int>();
    inner.set_result(42);
    Future<int> outer = shield(inner);
    EXPECT_TRUE(outer == inner);
    EXPECT_EQ(co_await outer, 42);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_shield_gather
// Rule 2.23
TEST_F(shield_, around_a_gather_keeps_its_children) {
  run([]() -> Coro<> {
    Future<int> a = create_future<int>();
    Future<int> b = create_future<int>();
    auto inner = gather(a, b);
    auto outer = shield(inner);
    co_await turn();
    EXPECT_TRUE(outer.cancel());
    co_await turn();
    EXPECT_TRUE(outer.cancelled());
    a.set_result(1);
    b.set_result(2);
    co_await turn();
    EXPECT_EQ(inner.result(), (std::tuple{1, 2}));
  }());
}

// CPython: test_tasks::BaseTaskTests::test_gather_shield
// Rule 2.23
TEST_F(shield_, in_a_gather_is_what_is_cancelled_with_it) {
  run([]() -> Coro<> {
    Future<int> a = create_future<int>();
    Future<int> b = create_future<int>();
    Future<int> shielded_a = shield(a);
    Future<int> shielded_b = shield(b);
    auto outer = gather(shielded_a, shielded_b);
    co_await turn();
    EXPECT_TRUE(outer.cancel());
    co_await turn();
    EXPECT_TRUE(base::exception_is<CancelledError>(outer.exception()));
    EXPECT_TRUE(shielded_a.cancelled());
    EXPECT_TRUE(shielded_b.cancelled());
    EXPECT_FALSE(a.done());
    EXPECT_FALSE(b.done());
  }());
}

// CPython: test_waitfor::WaitForShieldTests::test_zero_timeout
// CPython: test_waitfor::WaitForShieldTests::test_none_timeout
// CPython: test_waitfor::WaitForShieldTests::test_shielded_timeout
TEST_F(shield_, lets_a_timeout_give_up_without_losing_the_work) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<int> work = create_task(after(10ms, 7));
    co_await noted(out, wait_for(shield(work), 0s));
    co_await noted(out, wait_for(shield(work), 1ms));
    EXPECT_FALSE(work.done());
    EXPECT_EQ(work.cancelling(), 0U);
    const int value = co_await wait_for(shield(work), std::nullopt);
    EXPECT_EQ(value, 7);
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError", "TimeoutError"}));
}

// Rule 2.23
TEST_F(shield_, leaves_nothing_on_a_future_that_stays_pending) {
  run([]() -> Coro<> {
    Future<int> for_ever = create_future<int>();
    shield(for_ever).cancel();
    const long before = base::Pool::live();
    for (int i = 0; i < 100; ++i) shield(for_ever).cancel();
    EXPECT_EQ(base::Pool::live(), before);
    co_return;
  }());
}

TEST_F(shield_, goes_together_with_a_future_that_nobody_can_set_any_more) {
  run([]() -> Coro<> {
    (void)create_future();
    const long before = base::Pool::live();
    (void)shield(create_future());
    EXPECT_EQ(base::Pool::live(), before);
    {
      const Future<> inner = create_future();
      (void)shield(inner);
      (void)gather(shield(shield(inner)));
      EXPECT_GT(base::Pool::live(), before + 1);
    }
    EXPECT_EQ(base::Pool::live(), before);
    co_return;
  }());
}

// Rule 2.13
TEST_F(shield_, that_nobody_holds_reports_what_the_inner_one_failed_with) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      co_await turn();
      throw ValueError("inner");
    };
    (void)shield(fails());
    co_await sleep(1ms);
  }());
  const std::vector<std::string> lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Future exception was never retrieved"));
}

}  // namespace
}  // namespace asyncio::test
