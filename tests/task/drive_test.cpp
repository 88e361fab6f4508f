#include "asyncio/task/drive.hpp"

#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using run_until_done = LoopTest;
using cancel_and_join_all = LoopTest;

Coro<> turn() { co_await sleep(0s); }

// CPython: test_tasks::BaseTaskTests::test_stop_while_run_in_complete
// Rule 2.6
TEST_F(run_until_done, stopped_too_early_is_a_runtime_error_and_the_task_can_go_on) {
  Task<> task = loop().create_task(sleep(1h));
  loop().call_later(1ms, [&] { loop().stop(); });
  EXPECT_EQ(thrown_by([&] { detail::run_until_done(scheduler(), task); }),
            "RuntimeError: Event loop stopped before Future completed.");
  EXPECT_FALSE(task.done());
  detail::run_until_done(scheduler(), task);
  EXPECT_TRUE(task.done());
}

TEST_F(run_until_done, what_stopped_a_run_that_was_torn_down_does_not_stop_the_next) {
  Future<> future = loop().create_future();
  loop().call_soon([&] {
    future.set_result();
    throw KeyboardInterrupt();
  });
  EXPECT_EQ(thrown_by([&] { detail::run_until_done(scheduler(), future); }), "KeyboardInterrupt");
  Task<> task = loop().create_task(sleep(5ms));
  detail::run_until_done(scheduler(), task);
  EXPECT_TRUE(task.done());
}

// Where we go further than CPython: what comes up while the others unwind is joined too.
// Rule 2.53
TEST_F(cancel_and_join_all, waits_for_every_cleanup_and_for_tasks_made_meanwhile) {
  Trace trace;
  auto late = [](Trace& out) -> Coro<> {
    Result<void> slept = co_await try_(sleep(1h));
    out(slept.ok() ? "?" : "late one cancelled");
  };
  auto body = [&](Trace& out) -> Coro<> {
    (void)co_await try_(sleep(1h));
    (void)create_task(late(out));
    co_await sleep(5ms);
    out("cleaned up");
  };
  (void)loop().create_task(body(trace));
  run(turn());
  detail::cancel_and_join_all(scheduler());
  EXPECT_EQ(trace, (Trace{"cleaned up", "late one cancelled"}));
  EXPECT_TRUE(all_tasks(scheduler()).empty());
}

// CPython: test_runners::RunTests::test_asyncio_run_reports_hanging_tasks_errors
TEST_F(cancel_and_join_all, reports_what_a_cleanup_fails_with) {
  auto body = []() -> Coro<> {
    (void)co_await try_(sleep(1h));
    co_await raise<ValueError>("cleanup");
  };
  (void)loop().create_task(body(), {.name = "n"});
  run(turn());
  detail::cancel_and_join_all(scheduler());
  EXPECT_THAT(take_logs(), ::testing::ElementsAre(::testing::MatchesRegex(
                               "unhandled exception during asyncio.run\\(\\) shutdown\n"
                               "future: <Task finished name='n' coro=<<lambda>\\(\\) done> "
                               "exception=ValueError: cleanup>\n"
                               "Traceback \\(most recent call last\\):\n"
                               "  File \".*drive_test.cpp\", line [0-9]+, in <lambda>\n"
                               "ValueError: cleanup")));
}

}  // namespace
}  // namespace asyncio::test
