// Debug mode: what is looked for, and the words it is told with. It has no file of its own in the
// library: the scheduler and the tasks each do their part.
#include <cstdlib>
#include <source_location>
#include <thread>

#include "asyncio/run/runner.hpp"
#include "asyncio/task/as_completed.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/shield.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class debug_mode : public LoopTest {
 protected:
  debug_mode() { loop().set_debug(true); }
  /// Computes: the clock runs on.
  void work(Nanoseconds how_long) {
    static_cast<VirtualBackend&>(scheduler().backend()).advance(how_long);
  }
};

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_log_slow_callbacks
// Rule 2.56
// Fault L14
TEST_F(debug_mode, a_slow_callback_and_a_slow_step_are_logged) {
  EXPECT_EQ(loop().slow_callback_duration(), 100ms);
  loop().call_soon([this] { work(1s); });
  auto slow = [this]() -> Coro<> {
    co_await sleep(1ms);
    work(123ms);
    co_await sleep(1ms);
  };
  auto task = loop().create_task(slow, {.name = "t"});
  loop().call_later(5s, [this] { work(2s); });
  run(sleep(10s));
  EXPECT_THAT(
      take_logs(),
      ElementsAre(
          MatchesRegex("Executing <Handle .*> took 1\\.000 seconds"),
          MatchesRegex("Executing <Task pending name='t' coro=<<lambda>\\(\\) running at "
                       ".*debug_test.cpp:[0-9]+> created at .*debug_test.cpp:[0-9]+> \\(from "
                       ".*debug_test.cpp:[0-9]+ to .*debug_test.cpp:[0-9]+\\) took 0\\.123 "
                       "seconds"),
          MatchesRegex("Executing <TimerHandle .*> took 2\\.000 seconds")));
  loop().set_slow_callback_duration(10s);
  loop().call_soon([this] { work(1s); });
  run(sleep(1s));
}

// CPython: test_tasks::BaseTaskTests::test_task_source_traceback
TEST_F(debug_mode, a_task_remembers_where_it_was_made) {
  const unsigned line = std::source_location::current().line() + 1;
  auto task = loop().create_task(sleep(1h));
  EXPECT_THAT(
      task.repr(),
      MatchesRegex("<Task pending .* created at .*debug_test.cpp:" + std::to_string(line) + ">"));
  task.cancel();
  detail::cancel_and_join_all(scheduler());
}

TEST_F(debug_mode, tasks_that_others_make_of_coroutines_remember_the_call) {
  const auto hour = [] { return Coro<>(sleep(1h)); };
  const auto two = [&] {
    std::vector<Coro<>> both;
    both.push_back(hour());
    both.push_back(hour());
    return both;
  };
  auto main = [&]() -> Coro<> {
    std::vector<unsigned> lines;
    auto ensured = ensure_future(hour());
    lines.push_back(std::source_location::current().line() - 1);
    auto shielded = shield(hour());
    lines.push_back(std::source_location::current().line() - 1);
    auto gathered = gather(two());
    lines.insert(lines.end(), 2, std::source_location::current().line() - 1);
    auto completed = as_completed(two());
    lines.insert(lines.end(), 2, std::source_location::current().line() - 1);
    std::vector<AnyTask> tasks = all_tasks();
    tasks.erase(tasks.begin());  // main
    EXPECT_EQ(tasks.size(), lines.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      EXPECT_THAT(tasks[i].repr(), HasSubstr("debug_test.cpp:" + std::to_string(lines[i]) + ">"));
    }
    for (const AnyTask& task : tasks) task.cancel();
    (void)co_await try_(gathered);
    co_await sleep(1ms);
  };
  run(main());
}

// CPython: test_tasks::BaseTaskTests::test_log_destroyed_pending_task
TEST_F(debug_mode, reports_of_a_task_tell_where_it_was_made) {
  {
    (void)loop().create_task(sleep(1h), {.name = "lost"});
  }
  run(sleep(1s));
  close_loop();
  EXPECT_THAT(
      take_logs(),
      ElementsAre(MatchesRegex(
          "Task was destroyed but it is pending!\n"
          "future: <Task pending name='lost' coro=<.*> created at .*debug_test.cpp:[0-9]+>\n"
          "source_traceback: Object created at \\(most recent call last\\):\n"
          "  File \".*debug_test.cpp\", line [0-9]+, in .*TestBody")));
}

TEST_F(debug_mode, a_cancellation_that_is_swallowed_is_told) {
  auto swallows = []() -> Coro<int> {
    try {
      co_await sleep(1h);
    } catch (...) {
    }
    co_return 1;
  };
  auto task = loop().create_task(swallows, {.name = "t"});
  loop().call_later(1s, [task] { task.cancel(); });
  EXPECT_EQ(run(task), 1);
  EXPECT_THAT(take_logs(),
              ElementsAre(MatchesRegex("<Task cancelling name='t' .*> was cancelled and returned a "
                                       "result all the same: .*")));
  auto takes_back = []() -> Coro<> {
    try {
      co_await sleep(1h);
    } catch (const CancelledError&) {
      current_task().uncancel();
    }
  };
  auto polite = loop().create_task(takes_back);
  loop().call_later(1s, [polite] { polite.cancel(); });
  run(polite);
}

TEST_F(debug_mode, tasks_that_come_to_wait_for_each_other_are_told_when_they_do) {
  Task<> first;
  auto second = loop().create_task(
      [&first]() -> Coro<> {
        co_await sleep(1ms);
        co_await first;
      },
      {.name = "second"});
  first = loop().create_task([second]() -> Coro<> { co_await second; }, {.name = "first"});
  run(sleep(1s));
  EXPECT_THAT(take_logs(),
              ElementsAre(MatchesRegex("Tasks wait for each other: second -> first -> second; none "
                                       "can go on unless one is cancelled. The last: <Task pending "
                                       "name='second' .*>")));
  first.cancel();
  second.cancel();
  detail::cancel_and_join_all(scheduler());
  first = {};
}

TEST_F(debug_mode, all_tasks_from_another_thread_is_refused) {
  std::string outcome;
  auto main = [&]() -> Coro<> {
    std::thread([&] { outcome = thrown_by([&] { return all_tasks(scheduler()); }); }).join();
    EXPECT_EQ(all_tasks(scheduler()).size(), 1U);
    co_return;
  };
  run(main());
  EXPECT_THAT(outcome, ::testing::StartsWith("RuntimeError: Non-thread-safe operation"));
}

// CPython: test_base_events::BaseEventLoopTests::test_call_soon_non_thread_safe
TEST_F(debug_mode, a_call_from_another_thread_is_refused) {
  std::string outcome;
  auto main = [&]() -> Coro<> {
    std::thread([&] { outcome = thrown_by([&] { loop().call_soon([] {}); }); }).join();
    co_return;
  };
  run(main());
  EXPECT_EQ(
      outcome,
      "RuntimeError: Non-thread-safe operation invoked on an event loop other than the current "
      "one");
}

using debug_environment = QuietTest;

// CPython: test_base_events::BaseEventLoopTests::test_env_var_debug
TEST_F(debug_environment, chooses_the_mode_of_new_loops_and_options_choose_over_it) {
  const auto debug_of = [](RunOptions options) {
    auto main = []() -> Coro<bool> { co_return get_running_loop().get_debug(); };
    return asyncio::run(main(), options);
  };
  EXPECT_FALSE(debug_of({}));
  EXPECT_TRUE(debug_of({.debug = true}));
  ::setenv("ASYNCIO_DEBUG", "1", 1);
  EXPECT_TRUE(debug_of({}));
  EXPECT_FALSE(debug_of({.debug = false}));
  ::setenv("ASYNCIO_DEBUG", "", 1);
  EXPECT_FALSE(debug_of({}));
  ::unsetenv("ASYNCIO_DEBUG");
}

}  // namespace
}  // namespace asyncio::test
