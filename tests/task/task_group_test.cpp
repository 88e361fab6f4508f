// TaskGroup: what its tasks and its block do to each other. Its cancel() is tested next door.
#include "asyncio/task/task_group.hpp"

#include <functional>

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using task_group = LoopTest;
using task_group_errors = LoopTest;
using task_group_outside_cancel = LoopTest;
using task_group_base_errors = LoopTest;
using task_group_nested = LoopTest;
using task_group_misuse = LoopTest;
using task_group_eager = LoopTest;

Coro<int> after(Delay delay, int value) {
  co_await sleep(delay);
  co_return value;
}
Coro<> fails_after(Delay delay, std::string text = "x") {
  co_await sleep(delay);
  co_await raise<ValueError>(std::move(text));
}
// Notes how it ended: "name", or "name cancelled".
Coro<> sleeps(Trace& trace, std::string name, Delay delay = 10s) {
  Result<void> slept = co_await try_(sleep(delay));
  trace(slept.ok() ? name : name + " cancelled");
  if (!slept.ok()) co_await raise(slept.exception());
}
// Throws `E` where it is cancelled.
template <class E>
Coro<> fails_when_cancelled(std::string text) {
  (void)co_await try_(sleep(10s));
  co_await raise<E>(std::move(text));
}
template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

constexpr auto kErrors = "ExceptionGroup: unhandled errors in a TaskGroup ";

// --- what it is for -----------------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_01
TEST_F(task_group, its_block_ends_when_all_its_tasks_have) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    Task<int> a;
    Task<int> b;
    co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
      a = tg.create_task(after(100ms, 42));
      b = tg.create_task(after(200ms, 11));
      co_return;
    });
    EXPECT_EQ(a.result(), 42);
    EXPECT_EQ(b.result(), 11);
  }());
  EXPECT_EQ(now() - before, 200ms);
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_02
TEST_F(task_group, tasks_may_be_added_while_the_block_runs) {
  run([]() -> Coro<> {
    Task<int> a;
    Task<int> b;
    co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
      a = tg.create_task(after(100ms, 42));
      co_await sleep(150ms);
      b = tg.create_task(after(200ms, 11));
    });
    EXPECT_EQ(a.result(), 42);
    EXPECT_EQ(b.result(), 11);
  }());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_03
// Rule 2.31
TEST_F(task_group, a_task_that_is_cancelled_alone_is_no_failure) {
  run([]() -> Coro<> {
    Task<int> a;
    Task<int> b;
    co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
      a = tg.create_task(after(1s, 42));
      co_await sleep(150ms);
      a.cancel();
      b = tg.create_task(after(200ms, 11));
    });
    EXPECT_TRUE(a.cancelled());
    EXPECT_EQ(b.result(), 11);
  }());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_23
TEST_F(task_group, forgets_the_tasks_that_have_ended) {
  run([]() -> Coro<> {
    co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
      for (int count = 0; count < 10; ++count) {
        co_await sleep(100ms);
        tg.create_task(sleep(250ms));
        if (count == 5) {
          EXPECT_EQ(tg.repr(), "<TaskGroup tasks=3 entered>");
        }
      }
      co_await sleep(1350ms);
      EXPECT_EQ(tg.repr(), "<TaskGroup entered>");
    });
  }());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_24
// Rule 2.36
TEST_F(task_group, a_task_may_start_others_while_the_end_is_awaited) {
  const Nanoseconds before = now();
  run([]() -> Coro<> {
    co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
      tg.create_task([&tg]() -> Coro<> {
        co_await sleep(100ms);
        tg.create_task(sleep(100ms));
        tg.create_task(sleep(200ms));
      });
      co_return;
    });
  }());
  EXPECT_EQ(now() - before, 300ms);
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_25
TEST_F(task_group, stops_tasks_that_multiply) {
  Trace trace;
  int heads = 0;
  const std::function<Coro<>(TaskGroup&)> hydra = [&](TaskGroup& tg) -> Coro<> {
    ++heads;
    co_await sleep(10ms);
    tg.create_task(hydra(tg));
    tg.create_task(hydra(tg));
  };
  auto hercules = [&]() -> Coro<> {
    while (heads < 10) co_await sleep(15ms);
    co_await raise<ValueError>("done");
  };
  run(noted(trace, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
              tg.create_task(hydra(tg));
              tg.create_task(hercules);
              co_return;
            })));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: done")}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_task_name
TEST_F(task_group, takes_what_create_task_takes) {
  run([]() -> Coro<> {
    co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
      auto text = std::make_unique<std::string>("kept with the task");
      Task<std::string> from_callable =
          tg.create_task([text = std::move(text)]() -> Coro<std::string> {
            co_await sleep(0s);
            co_return *text;
          });
      Task<int> from_awaiter = tg.create_task(sleep(1ms, 5), {.name = "yolo"});
      Coro<int> coroutine = after(1ms, 6);
      Task<int> from_lvalue = tg.create_task(coroutine);
      EXPECT_EQ(from_awaiter.get_name(), "yolo");
      EXPECT_EQ(co_await from_callable, "kept with the task");
      EXPECT_EQ(co_await from_awaiter, 5);
      EXPECT_EQ(co_await from_lvalue, 6);
    });
  }());
}

TEST_F(task_group, cancels_in_order_of_creation) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    co_await noted(out, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                     for (const char* name : {"a", "b", "c"}) tg.create_task(sleeps(out, name));
                     co_await sleep(1ms);
                     co_await raise<ValueError>("x");
                   }));
  }(trace));
  EXPECT_EQ(trace, (Trace{"a cancelled", "b cancelled", "c cancelled",
                          kErrors + std::string("(1 sub-exception)\n  ValueError: x")}));
}

// --- errors -------------------------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancel_children_on_child_error
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_04
// Rule 2.30
// Rule 2.31
TEST_F(task_group_errors, a_task_that_fails_cancels_the_others_and_the_block) {
  Trace trace;
  const Nanoseconds before = now();
  run([](Trace& out) -> Coro<> {
    Task<> sibling;
    auto block = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task(fails_after(100ms, "1"));
      tg.create_task(fails_after(100ms, "2"));
      sibling = tg.create_task(sleeps(out, "sibling"));
      co_await sleeps(out, "block");
      out("not here");
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_TRUE(sibling.cancelled());
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace,
            (Trace{"sibling cancelled", "block cancelled",
                   kErrors + std::string("(2 sub-exceptions)\n  ValueError: 1\n  ValueError: 2")}));
  EXPECT_EQ(now() - before, 100ms);
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_09
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_10
TEST_F(task_group_errors, an_exception_of_the_block_cancels_all_and_is_grouped_too) {
  for (const Delay delay : {Delay(100ms), Delay(0s)}) {
    Trace trace;
    Task<> never;
    run([](Trace& out, Task<>& child, Delay wait) -> Coro<> {
      auto block = [&](TaskGroup& tg) -> Coro<> {
        child = tg.create_task(sleep(1s));
        if (wait.value().count() > 0) co_await sleep(wait);
        co_await raise<ValueError>("block");
      };
      co_await noted(out, with(TaskGroup{}, block));
    }(trace, never, delay));
    EXPECT_TRUE(never.cancelled());
    EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: block")}));
  }
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_19
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_context_manager_exit_raises
// Rule 2.31
TEST_F(task_group_errors, that_of_the_block_comes_last) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [](TaskGroup& tg) -> Coro<> {
      tg.create_task(fails_after(100ms, "task"));
      co_await fails_when_cancelled<RuntimeError>("block");
    };
    co_await noted(out, with(TaskGroup{}, block));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(2 sub-exceptions)\n  ValueError: task\n"
                                                "  RuntimeError: block")}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_20a
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_21a
TEST_F(task_group_errors, any_other_base_exception_is_a_member_like_all) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    co_await noted(out, with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
                     tg.create_task(fails_after(100ms));
                     co_await fails_when_cancelled<BaseException>("base");
                   }));
    auto fails_badly = []() -> Coro<> { co_await raise<BaseException>("base"); };
    co_await noted(out, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                     tg.create_task(fails_badly);
                     co_await fails_when_cancelled<TypeError>("y");
                   }));
  }(trace));
  EXPECT_EQ(
      trace,
      (Trace{kErrors + std::string("(2 sub-exceptions)\n  ValueError: x\n  BaseException: base"),
             kErrors + std::string("(2 sub-exceptions)\n  BaseException: base\n  TypeError: y")}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancellation_does_not_leak_out_of_tg
// Rule 2.30
TEST_F(task_group_errors, the_cancellation_of_the_block_does_not_leak_out) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto fails = []() -> Coro<> { co_await raise<ValueError>("x"); };
    co_await noted(out, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                     tg.create_task(fails);
                     co_return;
                   }));
    co_await sleep(0s);
    out("went on");
  }(trace));
  EXPECT_EQ(trace.back(), "went on");
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancelling_level_preserved
TEST_F(task_group_errors, leave_the_count_as_it_was) {
  run([]() -> Coro<> {
    Trace trace;
    co_await noted(trace, with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
                     tg.create_task(fails_after(0s));
                     co_return;
                   }));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }());
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_no_create_task_after_failure
// Rule 2.36
TEST_F(task_group_errors, no_task_is_taken_after_one) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&](TaskGroup& tg) -> Coro<> {
      auto tries = [&]() -> Coro<> {
        (void)co_await try_(sleep(1s));
        out(thrown_by([&] { (void)tg.create_task(fails_after(1ms)); }));
      };
      tg.create_task(fails_after(1ms));
      tg.create_task(tries);
      co_await sleep(1s);
    };
    co_await noted(out, with(TaskGroup{}, block));
  }(trace));
  EXPECT_EQ(
      trace,
      (Trace{"RuntimeError: TaskGroup <TaskGroup tasks=1 errors=1 cancelling> is shutting down",
             kErrors + std::string("(1 sub-exception)\n  ValueError: x")}));
}

// CPython: test_timeouts::TimeoutTests::test_timeout_taskgroup
TEST_F(task_group_errors, in_a_timeout_what_the_cleanup_fails_with_wins) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto group = []() -> Coro<> {
      co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
        tg.create_task(fails_when_cancelled<ValueError>("cleanup"));
        co_return;
      });
    };
    co_await noted(out, with(timeout(10ms), group));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: cleanup")}));
}

TEST_F(task_group_errors, go_to_the_default_handler_with_their_members) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      co_await with(TaskGroup{}, [](TaskGroup& tg) -> Coro<> {
        tg.create_task(fails_after(0s, "lost"));
        co_return;
      });
    };
    (void)create_task(body);
    co_await sleep(1ms);
  }());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Task exception was never retrieved\n"));
  EXPECT_THAT(lines[0], ::testing::EndsWith("\nExceptionGroup: unhandled errors in a TaskGroup "
                                            "(1 sub-exception)\n  ValueError: lost"));
}

// --- cancelled from outside
// -----------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancellation
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_07
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_22
// Rule 2.33
TEST_F(task_group_outside_cancel, cancels_all_and_leaves_with_the_same_message) {
  for (const bool in_block : {true, false}) {
    Trace trace;
    run([](Trace& out, bool waits) -> Coro<> {
      auto runner = [&]() -> Coro<> {
        co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
          tg.create_task(sleeps(out, "a"));
          tg.create_task(sleeps(out, "b"));
          if (waits) co_await sleeps(out, "block");
        });
      };
      Task<> task = create_task(runner);
      co_await sleep(100ms);
      task.cancel("test");
      co_await noted(out, task);
      EXPECT_TRUE(task.cancelled());
    }(trace, in_block));
    const Trace waiting{"a cancelled", "b cancelled", "CancelledError: test"};
    const Trace blocked{"block cancelled", "a cancelled", "b cancelled", "CancelledError: test"};
    EXPECT_EQ(trace, in_block ? blocked : waiting);
  }
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_08
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_11
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_12
// Rule 2.33
TEST_F(task_group_outside_cancel, reaches_through_nested_groups) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto inner = [&](TaskGroup& tg) -> Coro<> {
      for (int i = 0; i < 5; ++i) tg.create_task(fails_after(200ms));
      co_await sleeps(out, "block");
    };
    auto outer = [&](TaskGroup& tg) -> Coro<> {
      tg.create_task(sleeps(out, "outer's"));
      co_await with(TaskGroup{}, inner);
    };
    auto runner = [&]() -> Coro<> { co_await with(TaskGroup{}, outer); };
    Task<> task = create_task(runner);
    co_await sleep(100ms);
    task.cancel("test");
    co_await noted(out, task);
  }(trace));
  EXPECT_EQ(trace, (Trace{"block cancelled", "outer's cancelled", "CancelledError: test"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_15
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_16
// Rule 2.33
TEST_F(task_group_outside_cancel, again_and_again_cannot_hurry_the_wait) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto cleans_up = [&]() -> Coro<> {
      Result<void> slept = co_await try_(sleep(10s));
      co_await sleep(500ms);
      out("cleaned up");
      if (!slept.ok()) co_await raise(slept.exception());
    };
    auto runner = [&]() -> Coro<> {
      co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
        tg.create_task(cleans_up);
        co_return;
      });
    };
    Task<> task = create_task(runner);
    co_await sleep(100ms);
    for (int i = 0; i < 3; ++i) {
      task.cancel("number " + std::to_string(i));
      co_await sleep(100ms);
      EXPECT_FALSE(task.done());
    }
    co_await noted(out, task);
    EXPECT_EQ(task.cancelling(), 3U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"cleaned up", "CancelledError: number 0"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_17
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_18
TEST_F(task_group_outside_cancel, of_a_block_without_tasks_is_what_the_block_makes_of_it) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto passes = [&]() -> Coro<> {
      co_await with(TaskGroup{}, [&](TaskGroup&) -> Coro<> { co_await sleeps(out, "block"); });
    };
    auto replaces = []() -> Coro<> {
      co_await with(TaskGroup{},
                    []() -> Coro<> { co_await fails_when_cancelled<ValueError>("x"); });
    };
    Task<> first = create_task(passes);
    Task<> second = create_task(replaces);
    co_await sleep(100ms);
    first.cancel();
    co_await noted(out, first);
    second.cancel();
    co_await noted(out, second);
  }(trace));
  EXPECT_EQ(trace, (Trace{"block cancelled", "CancelledError",
                          kErrors + std::string("(1 sub-exception)\n  ValueError: x")}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_error_and_cancel
// Rule 2.34
TEST_F(task_group_outside_cancel, with_errors_throws_them_and_strikes_at_the_next_await) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Future<> begun = create_future();
    auto inner = [&]() -> Coro<> {
      auto fails = [&]() -> Coro<> {
        begun.set_result();
        co_await sleep(0s);
        co_await raise<ValueError>("x");
      };
      co_await noted(out, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                       tg.create_task(fails);
                       co_await sleep(1s);
                     }));
      EXPECT_EQ(current_task().cancelling(), 1U);
      co_await sleeps(out, "next await");
    };
    Task<> task = create_task(inner);
    co_await begun;
    EXPECT_EQ(task.cancelling(), 0U);
    task.cancel();
    EXPECT_EQ(task.cancelling(), 1U);
    co_await noted(out, task);
    EXPECT_TRUE(task.cancelled());
  }(trace));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: x"),
                          "next await cancelled", "CancelledError"}));
}

// --- SystemExit and KeyboardInterrupt ------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_20
// Rule 2.32
TEST_F(task_group_base_errors, of_the_block_come_out_as_they_are) {
  EXPECT_THROW(run(with(TaskGroup{},
                        [](TaskGroup& tg) -> Coro<> {
                          tg.create_task(fails_after(100ms, "dropped"));
                          co_await fails_when_cancelled<KeyboardInterrupt>("");
                        })),
               KeyboardInterrupt);
  // Deliberately not as CPython 3.15, which drops it in silence.
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(
      lines[0],
      "TaskGroup task exception was not propagated because the TaskGroup body is being closed "
      "with a BaseException\nValueError: dropped");
}

// Rule 2.32
TEST_F(task_group_base_errors, of_a_task_leave_the_loop_and_then_the_group) {
  Trace trace;
  Task<> parent;
  auto main = [&]() -> Coro<> {
    auto exits = []() -> Coro<> { co_await raise<SystemExit>(3); };
    co_await noted(trace, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                     tg.create_task(exits);
                     co_await sleeps(trace, "block");
                   }));
  };
  parent = loop().create_task(main);
  EXPECT_THROW(loop().run_forever(), SystemExit);
  EXPECT_FALSE(parent.done());
  run(parent);
  EXPECT_EQ(trace, (Trace{"block cancelled", "SystemExit: 3"}));
}

// --- nested groups
// --------------------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_13
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_14
// Rule 2.35
TEST_F(task_group_nested, the_inner_ones_error_is_a_group_in_the_outer_ones) {
  Trace trace;
  run([](Trace& out, Delay outer_fails, Delay inner_fails) -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      auto outer = [&](TaskGroup& first) -> Coro<> {
        first.create_task(fails_after(outer_fails, "outer"));
        co_await with(TaskGroup{}, [&](TaskGroup& second) -> Coro<> {
          second.create_task(fails_after(inner_fails, "inner"));
          co_return;
        });
      };
      co_await noted(out, with(TaskGroup{}, outer));
      std::swap(outer_fails, inner_fails);
    }
  }(trace, 100ms, 10s));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: outer"),
                          kErrors + std::string("(1 sub-exception)\n  ") + kErrors +
                              "(1 sub-exception)\n    ValueError: inner"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_nested_groups_both_cancelled
// Rule 2.35
TEST_F(task_group_nested, that_fail_in_one_turn_report_one_after_the_other) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto outer = [&](TaskGroup& first) -> Coro<> {
      co_await noted(out, with(TaskGroup{}, [&](TaskGroup& second) -> Coro<> {
                       second.create_task(fails_after(0s, "inner"));
                       first.create_task(fails_after(0s, "outer"));
                       co_return;
                     }));
      EXPECT_EQ(current_task().cancelling(), 1U);
    };
    co_await noted(out, with(TaskGroup{}, outer));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{kErrors + std::string("(1 sub-exception)\n  ValueError: inner"),
                          kErrors + std::string("(1 sub-exception)\n  ValueError: outer")}));
}

// --- misuse
// ---------------------------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_not_entered
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_finished
// CPython: test_taskgroups::BaseTestTaskGroup::test_coro_closed_when_tg_closed
// Rule 2.36
TEST_F(task_group_misuse, a_coroutine_that_is_refused_is_closed_in_silence) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto takes = [](Noted) -> Coro<> { co_return; };
    TaskGroup tg;
    out(thrown_by([&] { (void)tg.create_task(takes(Noted(out, "before"))); }));
    co_await with(tg, []() -> Coro<> { co_return; });
    Coro<> named = takes(Noted(out, "after"));
    out(thrown_by([&] { (void)tg.create_task(named); }));
  }(trace));
  EXPECT_EQ(trace, (Trace{"~before", "RuntimeError: TaskGroup <TaskGroup> has not been entered",
                          "~after", "RuntimeError: TaskGroup <TaskGroup entered> is finished"}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_already_entered
// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_double_enter
// Rule 2.36
TEST_F(task_group_misuse, it_is_entered_once) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto nothing = []() -> Coro<> { co_return; };
    TaskGroup tg;
    auto block = [&]() -> Coro<> { co_await noted(out, with(tg, nothing)); };
    co_await with(tg, block);
    co_await noted(out, with(tg, nothing));
  }(trace));
  const char* text = "RuntimeError: TaskGroup <TaskGroup entered> has already been entered";
  EXPECT_EQ(trace, (Trace{text, text}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_without_parent_task
TEST_F(task_group_misuse, it_needs_a_task) {
  Trace trace;
  loop().call_soon([&] {
    TaskGroup tg;
    trace(thrown_by([&] { (void)tg.aenter(); }));
  });
  run(sleep(1ms));
  EXPECT_EQ(trace, (Trace{"RuntimeError: TaskGroup <TaskGroup> cannot determine the parent task"}));
}

template <class R>
concept Enterable = !detail::NeedsBlock<R> && requires { enter<R>(); };
static_assert(!Enterable<TaskGroup>);

TEST_F(task_group_misuse, one_whose_exit_is_never_awaited_reports_its_tasks_and_cancels_them) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    {
      TaskGroup tg;
      co_await tg.aenter();
      tg.create_task(sleeps(out, "task"));
      tg.create_task(fails_when_cancelled<ValueError>("its own report"));
      co_await sleep(1ms);
    }
    co_await sleep(1ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"task cancelled"}));
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0],
              ::testing::StartsWith("TaskGroup was destroyed but it is pending! Its tasks are "
                                    "cancelled: <TaskGroup tasks=2 entered>\nfuture: <Task "));
  EXPECT_THAT(lines[1], ::testing::StartsWith("Task exception was never retrieved\n"));
}

// --- eager tasks
// ----------------------------------------------------------------------------------

// Rule 2.37
TEST_F(task_group_eager, one_that_fails_in_the_call_cancels_the_block_in_the_next_turn) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto fails = []() -> Coro<> { co_await raise<ValueError>("x"); };
    co_await noted(out, with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
                     Task<> failed = tg.create_task(fails, {.eager_start = true});
                     EXPECT_TRUE(failed.done());
                     tg.create_task(sleeps(out, "never begins"));
                     out("block goes on");
                     co_await sleeps(out, "block");
                   }));
    EXPECT_EQ(current_task().cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"block goes on", "block cancelled",
                          kErrors + std::string("(1 sub-exception)\n  ValueError: x")}));
}

// CPython: test_taskgroups::BaseTestTaskGroup::test_cancels_task_if_created_during_creation
// Rule 2.37
TEST_F(task_group_eager, a_task_is_cancelled_that_was_created_while_another_one_was) {
  for (const bool eager : {true, false}) {
    Trace trace;
    run([](Trace& out, bool eager_start) -> Coro<> {
      auto third = []() -> Coro<> { co_await raise<ValueError>("third"); };
      auto block = [&](TaskGroup& tg) -> Coro<> {
        auto second = [&]() -> Coro<> {
          tg.create_task(third, {.eager_start = eager_start});
          Result<void> slept = co_await try_(sleep(0s));
          if (slept.ok()) slept = co_await try_(sleep(0s));
          out(describe(slept.exception()));
        };
        tg.create_task(second, {.eager_start = eager_start});
        co_return;
      };
      co_await noted(out, with(TaskGroup{}, block));
    }(trace, eager));
    EXPECT_EQ(trace, (Trace{"CancelledError", kErrors + std::string("(1 sub-exception)\n"
                                                                    "  ValueError: third")}));
  }
}

// Rule 2.37
TEST_F(task_group_eager, one_that_is_done_in_the_call_belongs_to_the_group_until_it_is_told) {
  run([](Scheduler& of) -> Coro<> {
    const auto before = of.turns();
    Task<int> child;
    auto block = [&](TaskGroup& tg) -> Coro<> {
      child = tg.create_task([]() -> Coro<int> { co_return 7; }, {.eager_start = true});
      EXPECT_TRUE(child.done());
      EXPECT_EQ(tg.repr(), "<TaskGroup tasks=1 entered>");
      co_return;
    };
    co_await with(TaskGroup{}, block);
    EXPECT_EQ(child.result(), 7);
    EXPECT_EQ(of.turns(), before + 2) << "one to be told, one to go on";
  }(scheduler()));
}

// --- contexts -----------------------------------------------------------------------------------

// CPython: test_taskgroups::BaseTestTaskGroup::test_taskgroup_task_context
// Rule 2.55
TEST_F(task_group, runs_a_task_in_the_context_it_is_given) {
  const ContextVar<int> var("var");
  run([](ContextVar<int> cvar) -> Coro<> {
    auto sets = [cvar](int value) -> Coro<> {
      cvar.set(value);
      co_return;
    };
    const Context given = copy_context();
    auto block = [&](TaskGroup& tg) -> Coro<> {
      EXPECT_EQ(given.get(cvar), std::nullopt);
      EXPECT_EQ(cvar.get(0), 0);
      auto sets_1 = [&] { return sets(1); };
      auto sets_2 = [&] { return sets(2); };
      co_await tg.create_task(sets_1, {.context = &given});
      EXPECT_EQ(given.get(cvar), 1);
      EXPECT_EQ(cvar.get(0), 0);
      co_await tg.create_task(sets_2, {.context = &given});
      EXPECT_EQ(given.get(cvar), 2);
      EXPECT_EQ(cvar.get(0), 0);
    };
    co_await with(TaskGroup{}, block);
  }(var));
}

// --- a loop that closes
// ---------------------------------------------------------------------------

TEST_F(task_group, whose_loop_closes_leaves_its_tasks_safe) {
  Trace trace;
  for (const bool in_block : {true, false}) {
    auto own = std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
    Task<> child;
    auto main = [&]() -> Coro<> {
      co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
        child = tg.create_task(sleep(1h));
        tg.create_task(sleep(2h));
        if (in_block) co_await sleep(1h);
      });
    };
    Task<> parent = own->create_task(main);
    own->run_until_complete(sleep(1ms));
    own->close();
    EXPECT_TRUE(parent.cancelled());
    EXPECT_TRUE(child.cancelled());
    EXPECT_EQ(take_logs().size(), 3U);  // each of the tasks, and nothing of the group
  }
}

}  // namespace
}  // namespace asyncio::test
