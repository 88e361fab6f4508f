#include "asyncio/task/as_completed.hpp"

#include <set>

#include "asyncio/coro/generator.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using as_completed_ = LoopTest;

template <class T>
Coro<T> after(Delay delay, T value) {
  co_await sleep(delay);
  co_return value;
}
Coro<int> fails_after(Delay delay) {
  co_await sleep(delay);
  co_await raise<ValueError>("x");
  co_return 0;
}
template <class T, class... Cs>
std::vector<Coro<T>> coroutines(Cs... coros) {
  std::vector<Coro<T>> all;
  (all.push_back(std::move(coros)), ...);
  return all;
}
std::vector<Task<int>> tasks_after(std::vector<Delay> delays) {
  std::vector<Task<int>> all;
  for (const Delay delay : delays) {
    all.push_back(create_task(after(delay, static_cast<int>(all.size()))));
  }
  return all;
}
Coro<> cancel_all(std::vector<Task<int>> all) {
  for (auto& task : all) {
    task.cancel();
    (void)co_await try_(task);
  }
}

// CPython: test_tasks::BaseTaskTests::test_as_completed
TEST_F(as_completed_, gives_results_in_the_order_in_which_they_come) {
  const Nanoseconds before = now();
  const auto values = run([]() -> Coro<std::vector<std::string>> {
    std::vector<std::string> all;
    for (auto next : as_completed(coroutines<std::string>(after(30ms, std::string("c")),
                                                          after(10ms, std::string("a")),
                                                          after(20ms, std::string("b"))))) {
      all.push_back(co_await next);
    }
    co_return all;
  }());
  EXPECT_EQ(values, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(now() - before, 30ms);
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_same_tasks_in_as_out
// Rule 2.27
TEST_F(as_completed_, gives_the_callers_own_tasks) {
  run([]() -> Coro<> {
    std::vector<Task<int>> all = tasks_after({20ms, 10ms, 0s});
    auto finished = as_completed(all);
    std::vector<Task<int>> given;
    while (auto task = co_await finished.next()) given.push_back(*task);
    EXPECT_TRUE(given == (std::vector{all[2], all[1], all[0]}));
    auto again = co_await finished.next();
    EXPECT_FALSE(again);
  }());
}

TEST_F(as_completed_, gives_failed_ones_too_and_leaves_their_exceptions_alone) {
  run([]() -> Coro<> {
    auto finished = as_completed(coroutines<int>(fails_after(1ms), after(2ms, 5)));
    auto failed = co_await finished.next();
    EXPECT_EQ(describe(failed->exception()), "ValueError: x");
    auto good = co_await finished.next();
    EXPECT_EQ(good->result(), 5);
    Trace trace;
    for (auto next : as_completed(coroutines<int>(fails_after(1ms)))) {
      Result<int> result = co_await try_(next);
      trace(describe(result.exception()));
    }
    EXPECT_EQ(trace, (Trace{"ValueError: x"}));
  }());
}

// Rule 2.27
TEST_F(as_completed_, makes_its_tasks_at_the_call) {
  run([]() -> Coro<> {
    auto finished = as_completed(coroutines<int>(after(0s, 1), after(0s, 2)));
    EXPECT_EQ(all_tasks().size(), 3U);
    co_await sleep(5ms);
    EXPECT_EQ(all_tasks().size(), 1U);
    for (auto next : finished) (void)co_await next;
  }());
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_duplicate_coroutines
// CPython: test_tasks::BaseTaskTests::test_as_completed_coroutine_use_running_loop
TEST_F(as_completed_, takes_any_range_and_gives_duplicates_once) {
  run([]() -> Coro<> {
    Task<int> task = create_task(after(1ms, 3));
    int steps = 0;
    for (auto next : as_completed(std::vector(3, task))) {
      const int value = co_await next;
      EXPECT_EQ(value, 3);
      ++steps;
    }
    EXPECT_EQ(steps, 1);
    auto generates = []() -> Generator<Task<int>> {
      co_yield create_task(after(2ms, 1));
      co_yield create_task(after(1ms, 2));
    };
    std::vector<int> values;
    for (auto next : as_completed(generates())) values.push_back(co_await next);
    EXPECT_EQ(values, (std::vector{2, 1}));
    std::vector<AnyTask> mixed{create_task(after(2ms, 1)), create_task(sleep(1ms))};
    auto finished = as_completed(mixed);
    auto first = co_await finished.next();
    EXPECT_TRUE(*first == mixed[1]);
    first = co_await finished.next();
    for (auto next : as_completed(std::vector<Coro<int>>())) (void)co_await next;
  }());
}

TEST_F(as_completed_, moves_the_results_of_coroutines_and_copies_those_of_tasks) {
  run([]() -> Coro<> {
    for (auto next :
         as_completed(coroutines<std::unique_ptr<int>>(after(1ms, std::make_unique<int>(4))))) {
      std::unique_ptr<int> value = co_await next;
      EXPECT_EQ(*value, 4);
    }
    std::vector<Task<std::string>> all(1, create_task(after(1ms, std::string("shared"))));
    for (auto next : as_completed(all)) {
      const std::string value = co_await next;
      EXPECT_EQ(value, "shared");
    }
    EXPECT_EQ(all[0].result(), "shared");
  }());
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_with_timeout
// CPython: test_tasks::BaseTaskTests::test_as_completed_with_unused_timeout
// Rule 2.27
TEST_F(as_completed_, the_timeout_is_an_error_of_each_step_that_is_left_and_cancels_nothing) {
  for (const bool plain : {true, false}) {
    const Nanoseconds before = now();
    Trace trace;
    run([](Trace& out, bool results) -> Coro<> {
      std::vector<Task<int>> all = tasks_after({10ms, 150ms, 200ms});
      auto finished = as_completed(all, {.timeout = 120ms});
      if (results) {
        for (auto next : finished) {
          Result<int> result = co_await try_(next);
          out(result.ok() ? std::to_string(result.value()) : describe(result.exception()));
        }
      } else {
        for (int i = 0; i < 3; ++i) {
          auto result = co_await try_(finished.next());
          out(result.ok() ? std::to_string(result.value()->result())
                          : describe(result.exception()));
        }
        auto end = co_await finished.next();
        EXPECT_FALSE(end);
      }
      EXPECT_EQ(all[1].cancelling(), 0U);
      co_await cancel_all(all);
    }(trace, plain));
    EXPECT_EQ(trace, (Trace{"0", "TimeoutError", "TimeoutError"}));
    EXPECT_EQ(now() - before, 120ms);
  }
  run([]() -> Coro<> {
    for (auto next : as_completed(tasks_after({1ms}), {.timeout = 1h})) (void)co_await next;
  }());
  EXPECT_THROW(loop().run_forever(), Deadlock);  // no timer is left
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_resume_iterator
// Rule 2.27
TEST_F(as_completed_, goes_on_where_a_loop_was_left) {
  run([]() -> Coro<> {
    auto finished = as_completed(tasks_after({1ms, 2ms, 3ms, 4ms}));
    std::vector<int> values;
    for (auto next : finished) {
      values.push_back(co_await next);
      if (values.size() == 2) break;
    }
    for (auto next : finished) values.push_back(co_await next);
    EXPECT_EQ(values, (std::vector{0, 1, 2, 3}));
  }());
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_concurrent
TEST_F(as_completed_, several_tasks_may_wait_for_the_next) {
  run([]() -> Coro<> {
    auto finished = as_completed(tasks_after({1ms, 2ms, 3ms}));
    std::vector<Task<int>> steps;
    for (auto next : finished) steps.push_back(create_task(std::move(next)));
    EXPECT_EQ(steps.size(), 3U);
    std::multiset<int> values;
    for (auto& step : steps) values.insert(co_await step);
    EXPECT_EQ(values, (std::multiset{0, 1, 2}));
  }());
}

// CPython: test_tasks::BaseTaskTests::test_as_completed_async_iterator_cancelled_anext
// Rule 2.27
TEST_F(as_completed_, a_step_that_is_cancelled_loses_no_item) {
  run([]() -> Coro<> {
    auto finished = as_completed(tasks_after({20ms, 10ms}));
    auto result = co_await try_(wait_for(finished.next(), 1ms));
    EXPECT_EQ(describe(result.exception()), "TimeoutError");
    std::vector<int> values;
    while (auto task = co_await finished.next()) values.push_back(task->result());
    EXPECT_EQ(values, (std::vector{1, 0}));
  }());
}

// Rule 2.27
TEST_F(as_completed_, a_step_that_is_cancelled_when_it_was_woken_hands_its_item_on) {
  run([]() -> Coro<> {
    Future<int> future = create_future<int>();
    auto finished = as_completed(std::vector(1, future));
    auto step = [&]() -> Coro<> { (void)co_await finished.next(); };
    Task<> waits = create_task(step);
    co_await sleep(0s);
    future.set_result(1);
    co_await sleep(0s);
    waits.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(waits.cancelled());
    auto given = co_await finished.next();
    EXPECT_TRUE(given && *given == future);
  }());
}

TEST_F(as_completed_, a_step_is_awaited_once) {
  run([]() -> Coro<> {
    for (auto next : as_completed(tasks_after({1ms}))) {
      (void)co_await next;
      Result<int> again = co_await try_(next);
      EXPECT_EQ(describe(again.exception()),
                "RuntimeError: cannot reuse already awaited coroutine");
    }
  }());
}

TEST_F(as_completed_, one_that_is_dropped_leaves_nothing_on_futures_that_stay_pending) {
  run([]() -> Coro<> {
    std::vector<Future<int>> for_ever(1, create_future<int>());
    (void)as_completed(for_ever, {.timeout = 1h});
    const long before = base::Pool::live();
    for (int i = 0; i < 100; ++i) (void)as_completed(for_ever, {.timeout = 1h});
    EXPECT_EQ(base::Pool::live(), before);
    co_return;
  }());
  EXPECT_THROW(loop().run_forever(), Deadlock);  // no timer is left
}

TEST_F(as_completed_, whose_loop_closes_lets_go) {
  std::optional<AsCompleted<Future<int>, false>> outlives;
  auto body = [&]() -> Coro<> {
    const std::vector<Future<int>> for_ever(1, create_future<int>());
    outlives.emplace(as_completed(for_ever, {.timeout = 1h}));
    (void)co_await outlives->next();
  };
  (void)loop().create_task(body);
  run(sleep(1ms));
  close_loop();
  EXPECT_EQ(take_logs().size(), 1U);
  outlives.reset();
}

}  // namespace
}  // namespace asyncio::test
