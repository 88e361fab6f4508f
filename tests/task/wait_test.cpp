#include "asyncio/task/wait.hpp"

#include <algorithm>
#include <list>
#include <span>

#include "asyncio/coro/generator.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using wait_ = LoopTest;

Coro<int> after(Delay delay, int value) {
  co_await sleep(delay);
  co_return value;
}
Coro<int> at_once() { co_return 1; }
Coro<int> fails_after(Delay delay) {
  co_await sleep(delay);
  co_await raise<ValueError>("x");
  co_return 0;
}
std::vector<Task<int>> tasks_of(std::vector<Coro<int>> coros) {
  std::vector<Task<int>> tasks;
  for (auto& coro : coros) tasks.push_back(create_task(std::move(coro)));
  return tasks;
}
template <class... Cs>
std::vector<Task<int>> tasks(Cs... coros) {
  std::vector<Coro<int>> all;
  (all.push_back(std::move(coros)), ...);
  return tasks_of(std::move(all));
}
Coro<> cancel_all(std::vector<Task<int>> all) {
  for (auto& task : all) {
    task.cancel();
    (void)co_await try_(task);
  }
}

TEST_F(wait_, waits_for_all_and_keeps_their_order) {
  run([]() -> Coro<> {
    auto all = tasks(after(2ms, 1), after(1ms, 2), fails_after(3ms));
    auto [done, pending] = co_await wait(all);
    EXPECT_TRUE(done == all);
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(done[0].result(), 1);
    EXPECT_EQ(describe(done[2].exception()), "ValueError: x");
  }());
}

// CPython: test_tasks::BaseTaskTests::test_wait_first_completed
// Rule 2.24
TEST_F(wait_, first_completed_returns_with_the_first) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    auto all = tasks(after(1s, 1), after(1ms, 2));
    auto outcome = co_await wait(all, {.return_when = FIRST_COMPLETED});
    EXPECT_EQ(outcome.done.size(), 1U);
    EXPECT_TRUE(outcome.done[0] == all[1]);
    EXPECT_TRUE(outcome.pending[0] == all[0]);
    EXPECT_EQ(all[0].cancelling(), 0U);
    co_await cancel_all(all);
  }());
  EXPECT_EQ(now() - before, 1ms);
}

// CPython: test_tasks::BaseTaskTests::test_wait_really_done
TEST_F(wait_, tells_all_that_are_done_by_then) {
  run([]() -> Coro<> {
    auto all = tasks(after(0s, 1), after(0s, 2), after(1s, 3));
    auto outcome = co_await wait(all, {.return_when = FIRST_COMPLETED});
    EXPECT_EQ(outcome.done.size(), 2U);
    co_await cancel_all(all);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_wait_first_exception
// Rule 2.24
TEST_F(wait_, first_exception_returns_with_it_and_being_cancelled_is_none) {
  run([]() -> Coro<> {
    auto all = tasks(after(1s, 1), fails_after(2ms), after(1s, 3));
    all[2].cancel();
    auto outcome = co_await wait(all, {.return_when = FIRST_EXCEPTION});
    EXPECT_EQ(outcome.done.size(), 2U);
    EXPECT_TRUE(outcome.pending[0] == all[0]);
    auto rest = co_await wait(std::move(outcome.pending), {.return_when = FIRST_EXCEPTION});
    EXPECT_EQ(rest.done[0].result(), 1);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_wait_with_timeout
// Rule 2.24
TEST_F(wait_, a_timeout_is_no_error_and_cancels_nothing) {
  run([]() -> Coro<> {
    auto all = tasks(after(1ms, 1), after(1s, 2));
    auto outcome = co_await wait(all, {.timeout = 10ms});
    EXPECT_EQ(outcome.done.size(), 1U);
    EXPECT_EQ(outcome.pending.size(), 1U);
    EXPECT_EQ(co_await outcome.pending[0], 2);
  }());
}

TEST_F(wait_, duplicates_count_once) {
  run([]() -> Coro<> {
    Task<int> task = create_task(after(1ms, 1));
    auto outcome = co_await wait(std::vector<Task<int>>(2, task));
    EXPECT_EQ(outcome.done.size(), 1U);
  }());
}

TEST_F(wait_, for_nothing_is_a_value_error) {
  run([]() -> Coro<> {
    std::string text;
    try {
      (void)co_await wait(std::vector<Task<int>>());
    } catch (const ValueError& error) {
      text = error.what();
    }
    EXPECT_EQ(text, "Set of Tasks/Futures is empty.");
  }());
}

// CPython: test_tasks::BaseTaskTests::test_yield_wait_does_not_shield_cancel
// Rule 2.24
TEST_F(wait_, cancelling_it_does_not_cancel_what_it_waits_for) {
  run([]() -> Coro<> {
    auto all = tasks(after(5ms, 1));
    auto body = [&]() -> Coro<> { (void)co_await wait(all, {.timeout = 1s}); };
    Task<> waiter = create_task(body);
    co_await sleep(1ms);
    waiter.cancel();
    (void)co_await try_(waiter);
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_EQ(co_await all[0], 1);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_wait_discards_awaited_by_for_pending
// Rule 2.24
TEST_F(wait_, leaves_nothing_on_a_future_that_stays_pending) {
  run([]() -> Coro<> {
    Future<int> for_ever = create_future<int>();
    auto race = [](Future<int> long_lived) -> Coro<> {
      Future<int> quick = create_future<int>();
      quick.set_result(1);
      std::vector<Future<int>> both(1, long_lived);
      both.push_back(quick);
      auto outcome = co_await wait(std::move(both), {.return_when = FIRST_COMPLETED});
      EXPECT_EQ(outcome.pending.size(), 1U);
    };
    co_await race(for_ever);
    const long before = base::Pool::live();
    for (int i = 0; i < 100; ++i) co_await race(for_ever);
    EXPECT_EQ(base::Pool::live(), before);
    for_ever.cancel();
  }());
}

TEST_F(wait_, does_not_retrieve_exceptions) {
  run([]() -> Coro<> { (void)co_await wait(tasks(fails_after(1ms))); }());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Task exception was never retrieved"));
}

TEST_F(wait_, takes_any_range) {
  run([]() -> Coro<> {
    auto generates = []() -> Generator<Task<int>> {
      co_yield create_task(after(2ms, 1));
      co_yield create_task(after(1ms, 2));
    };
    auto outcome = co_await wait(generates());
    EXPECT_EQ(outcome.done[1].result(), 2);
    const std::list<Task<int>> listed(outcome.done.begin(), outcome.done.end());
    outcome = co_await wait(listed, {.timeout = 1s});
    EXPECT_TRUE(std::ranges::equal(outcome.done, listed));
    outcome = co_await wait(std::span(outcome.done).first(1));
    EXPECT_EQ(outcome.done.size(), 1U);
  }());
}

TEST_F(wait_, takes_tasks_of_different_types) {
  run([]() -> Coro<> {
    std::vector<AnyTask> all;
    all.push_back(create_task(after(1ms, 1)));
    all.push_back(create_task(sleep(1ms)));
    auto outcome = co_await wait(all);
    EXPECT_EQ(outcome.done.size(), 2U);
  }());
}

// A cancelled wait() hears of what ends until its error is delivered, which takes the turn that it
// takes in CPython.
TEST_F(wait_, watches_until_its_cancellation_is_delivered) {
  run([](Scheduler& of) -> Coro<> {
    auto body = []() -> Coro<> {
      auto task = create_task(at_once());
      current_task().cancel();
      std::vector tasks{task};  // named: g++ 12 takes no braced list beside co_await
      (void)co_await try_(wait(tasks));
    };
    Task<> task = create_task(body);
    const auto before = of.turns();
    co_await sleep(1s);
    EXPECT_EQ(of.turns() - before, 5U) << "two of the task, one of the notice, two of the sleep";
  }(scheduler()));
}

}  // namespace
}  // namespace asyncio::test
