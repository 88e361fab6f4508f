// TaskGroup::cancel(): the end of a block without an error.
#include "asyncio/coro/with.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using task_group_cancel = LoopTest;

template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}
// Notes how it ended: "name", or "name cancelled".
Coro<> sleeps(Trace& trace, std::string name, Delay delay = 10s) {
  Result<void> slept = co_await try_(sleep(delay));
  trace(slept.ok() ? name : name + " cancelled");
  if (!slept.ok()) co_await raise(slept.exception());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_body
// Rule 2.38
TEST_F(task_group_cancel, ends_block_and_tasks_without_an_error) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    auto block = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task(sleeps(out, "task"));
      get_running_loop().call_later(10ms, [&tg] { tg.cancel(); });
      co_await sleeps(out, "block");
      out("not here");
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_EQ(current_task().cancelling(), 0U);
    co_await sleep(0s);
    out("went on");
  }(trace));
  EXPECT_EQ(trace, (Trace{"task cancelled", "block cancelled", "ok", "went on"}));
  EXPECT_EQ(now() - before, 10ms);
}

// Rule 2.38
TEST_F(task_group_cancel, while_the_end_is_awaited_ends_the_tasks) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task(sleeps(out, "task"));
      tg.create_task([&tg]() -> Coro<> {
        co_await sleep(10ms);
        tg.cancel();
        tg.cancel();
      });
      co_return;
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"task cancelled", "ok"}));
}

TEST_F(task_group_cancel, by_the_block_itself_strikes_at_its_next_await_or_not_at_all) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    for (const bool waits : {true, false}) {
      for (const bool has_task : {true, false}) {
        auto block = [&](TaskGroup& tg) -> Coro<> {
          if (has_task) tg.create_task(sleep(1h));
          tg.cancel();
          if (waits) co_await sleeps(out, "block");
        };
        co_await noted(out, with(TaskGroup{}, block));
        EXPECT_EQ(current_task().cancelling(), 0U);
        co_await sleep(0s);  // nothing is left to be delivered
      }
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"block cancelled", "ok", "block cancelled", "ok", "ok", "ok"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_before_enter
// Rule 2.38
TEST_F(task_group_cancel, before_the_block_begins_cancels_it_when_it_does) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    TaskGroup named;
    named.cancel();
    auto block = [&](TaskGroup& tg) -> Coro<> {
      out(thrown_by([&] { (void)tg.create_task(sleep(1s)); }));
      co_await sleeps(out, "block");
    };
    co_await noted(out, with(named, block));
    TaskGroup moved;
    moved.cancel();
    co_await noted(out, with(std::move(moved), block));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  const char* refused = "RuntimeError: TaskGroup <TaskGroup cancelling> is shutting down";
  EXPECT_EQ(trace, (Trace{refused, "block cancelled", "ok", refused, "block cancelled", "ok"}));
}

// Rule 2.38
TEST_F(task_group_cancel, after_the_end_does_nothing) {
  run([]() -> Coro<> {
    TaskGroup tg;
    co_await with(tg, []() -> Coro<> { co_return; });
    tg.cancel();
    EXPECT_EQ(current_task().cancelling(), 0U);
    co_await sleep(0s);
  }());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_from_child_before_first_suspension
// Rule 2.37
TEST_F(task_group_cancel, by_an_eager_task_in_its_first_step_reaches_that_task_too) {
  for (const bool eager : {true, false}) {
    Trace trace;
    run([](Trace& out, bool eager_start) -> Coro<> {
      auto block = [&](TaskGroup& tg) -> Coro<> {
        auto cancels = [&]() -> Coro<> {
          tg.cancel();
          co_await sleeps(out, "task");
        };
        tg.create_task(cancels, {.eager_start = eager_start});
        co_return;
      };
      co_await noted(out, with(TaskGroup{}, block));
      EXPECT_EQ(current_task().cancelling(), 0U);
    }(trace, eager));
    EXPECT_EQ(trace, (Trace{"task cancelled", "ok"}));
  }
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_keeps_outer_cancellation
// Rule 2.38
TEST_F(task_group_cancel, keeps_a_cancellation_from_outside) {
  for (const bool group_first : {true, false}) {
    for (const bool in_block : {true, false}) {
      run([](bool tg_first, bool waits) -> Coro<> {
        TaskGroup tg;
        auto block = [&]() -> Coro<> {
          tg.create_task(sleep(1h));
          if (waits) co_await sleep(1h);
        };
        auto runner = [&]() -> Coro<> { co_await with(tg, block); };
        Task<> task = create_task(runner);
        co_await sleep(1ms);
        if (tg_first) tg.cancel();
        task.cancel("outside");
        if (!tg_first) tg.cancel();
        Result<void> result = co_await try_(task);
        EXPECT_TRUE(base::exception_is<CancelledError>(result.exception()));
        EXPECT_TRUE(task.cancelled());
        EXPECT_EQ(task.cancelling(), 1U);
      }(group_first, in_block));
    }
  }
}

// Rule 2.38
TEST_F(task_group_cancel, keeps_a_timeout_around_it) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = []() -> Coro<> {
      co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
        tg.create_task([&tg]() -> Coro<> {
          (void)co_await try_(sleep(1h));
          tg.cancel();
          (void)co_await try_(sleep(1h));
        });
        co_return;
      });
    };
    co_await noted(out, with(timeout(10ms), body));
  }(trace));
  EXPECT_EQ(trace, (Trace{"TimeoutError"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_after_exception
// Rule 2.38
TEST_F(task_group_cancel, after_a_failure_changes_nothing) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task([]() -> Coro<> { co_await raise<ValueError>("x"); });
      Result<void> slept = co_await try_(sleep(1h));
      tg.cancel();
      co_await raise(slept.exception());
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n"
                          "  ValueError: x"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_body_cancel_before_exception
// Rule 2.38
TEST_F(task_group_cancel, does_not_hide_what_fails_in_the_unwinding) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task([]() -> Coro<> {
        (void)co_await try_(sleep(1h));
        co_await raise<ValueError>("task");
      });
      co_await sleep(1ms);
      tg.cancel();
      co_await raise<RuntimeError>("block");
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_EQ(current_task().cancelling(), 0U);
    co_await sleep(0s);
  }(trace));
  EXPECT_EQ(trace, (Trace{"ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)\n"
                          "  ValueError: task\n  RuntimeError: block"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_cancel_one_winner
// Rule 2.38
TEST_F(task_group_cancel, is_how_the_first_of_several_wins) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
      auto races = [](TaskGroup& group, Trace& to, std::string name, Delay delay) -> Coro<> {
        co_await sleep(delay);
        to(name + " wins");
        group.cancel();
      };
      tg.create_task(races(tg, out, "slow", 30ms));
      tg.create_task(races(tg, out, "quick", 10ms));
      tg.create_task(races(tg, out, "slower", 50ms));
      co_return;
    });
    out("ok");
  }(trace));
  EXPECT_EQ(trace, (Trace{"quick wins", "ok"}));
  EXPECT_EQ(now() - before, 10ms);
}

}  // namespace
}  // namespace asyncio::test
