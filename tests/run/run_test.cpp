// run() and Runner: in, out, and what is left behind.
#include "asyncio/run/runner.hpp"

#include <csignal>

#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

// run() makes its own loop: this gives it the virtual clock.
std::unique_ptr<EventLoop> virtual_loop() {
  return std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
}
constexpr RunOptions kVirtual{.loop_factory = &virtual_loop};

using run_ = QuietTest;
using runner = QuietTest;
using ctrl_c = QuietTest;

Coro<> turn() { co_await sleep(0s); }
Coro<int> number(int value) {
  co_await turn();
  co_return value;
}

TEST_F(run_, gives_the_result_or_the_exception_of_main) {
  EXPECT_EQ(asyncio::run(number(3), kVirtual), 3);
  EXPECT_EQ(
      *asyncio::run([]() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); }(),
                    kVirtual),
      4);
  EXPECT_EQ(thrown_by([] {
              asyncio::run(
                  []() -> Coro<> {
                    co_await turn();
                    throw ValueError("main");
                  }(),
                  kVirtual);
            }),
            "ValueError: main");
}

TEST_F(run_, takes_any_awaitable_and_functions_that_make_coroutines) {
  asyncio::run(sleep(1h), kVirtual);
  auto main = []() -> Coro<int> { co_return co_await number(2); };
  EXPECT_EQ(asyncio::run(main, kVirtual), 2);
}

TEST_F(run_, on_the_real_clock_and_backend) { EXPECT_EQ(asyncio::run(number(5)), 5); }

// CPython: test_runners::RunnerTests::test_recursive_run
// Rule 2.7
TEST_F(run_, inside_a_running_loop_is_a_runtime_error) {
  asyncio::run(
      []() -> Coro<> {
        EXPECT_EQ(thrown_by([] { asyncio::run(number(1), kVirtual); }),
                  "RuntimeError: asyncio.run() cannot be called from a running event loop");
        co_return;
      }(),
      kVirtual);
  // As in Python: the coroutine was never awaited.
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(run_, a_cancelled_main_is_a_cancelled_error) {
  EXPECT_EQ(thrown_by([] {
              asyncio::run(
                  []() -> Coro<> {
                    current_task().cancel("by itself");
                    co_await turn();
                  }(),
                  kVirtual);
            }),
            "CancelledError: by itself");
}

// CPython: test_runners::RunTests::test_asyncio_run_cancels_hanging_tasks
// Rule 2.53
TEST_F(run_, cancels_what_is_left_and_waits_for_its_cleanup) {
  Trace trace;
  asyncio::run(
      [](Trace& out) -> Coro<> {
        auto left = [](Trace& t) -> Coro<> {
          Result<void> slept = co_await try_(sleep(1h));
          co_await sleep(1ms);
          t(describe(slept.exception()));
        };
        (void)create_task(left(out));
        co_await turn();
        out("main ends");
      }(trace),
      kVirtual);
  EXPECT_EQ(trace, (Trace{"main ends", "CancelledError"}));
}

TEST_F(run_, cancels_what_is_left_when_main_fails_too) {
  Trace trace;
  EXPECT_EQ(thrown_by([&] {
              asyncio::run(
                  [](Trace& out) -> Coro<> {
                    auto left = [](Trace& t) -> Coro<> {
                      const Noted local(t, "left");
                      co_await sleep(1h);
                    };
                    (void)create_task(left(out));
                    co_await turn();
                    throw SystemExit(4);
                  }(trace),
                  kVirtual);
            }),
            "SystemExit: 4");
  EXPECT_EQ(trace, (Trace{"~left"}));
}

// CPython: test_runners::RunTests::test_asyncio_run_reports_hanging_tasks_errors
TEST_F(run_, reports_what_the_left_ones_fail_with) {
  asyncio::run(
      []() -> Coro<> {
        auto left = []() -> Coro<> {
          (void)co_await try_(sleep(1h));
          co_await raise<ValueError>("cleanup");
        };
        (void)create_task(left());
        co_await turn();
      }(),
      kVirtual);
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              ::testing::StartsWith("unhandled exception during asyncio.run() shutdown\nfuture: "));
}

TEST_F(run_, debug_is_that_of_the_loop) {
  RunOptions options = kVirtual;
  options.debug = true;
  asyncio::run(
      []() -> Coro<> {
        EXPECT_TRUE(get_running_loop().get_debug());
        co_return;
      }(),
      options);
}

// --- Runner -------------------------------------------------------------------------------------

TEST_F(runner, runs_several_mains_in_one_loop_and_tasks_live_from_one_to_the_next) {
  Trace trace;
  Runner runner_of_both(kVirtual);
  EventLoop& loop = runner_of_both.get_loop();
  runner_of_both.run([](Trace& out) -> Coro<> {
    auto background = [](Trace& t) -> Coro<> {
      co_await sleep(1ms);
      t("background");
    };
    (void)create_task(background(out));
    co_return;
  }(trace));
  EXPECT_EQ(runner_of_both.run(number(1)), 1);
  runner_of_both.run(sleep(2ms));
  EXPECT_EQ(&runner_of_both.get_loop(), &loop);
  EXPECT_EQ(trace, (Trace{"background"}));
}

// CPython: test_runners::RunnerTests::test_run_keeps_context
// Rule 2.55
TEST_F(runner, has_one_context_for_all_its_runs) {
  const ContextVar<int> var("var", -1);
  auto get_then_set = [](ContextVar<int> v, int value) -> Coro<int> {
    const int before = v.get();
    v.set(value);
    co_return before;
  };
  Runner of_three(kVirtual);
  EXPECT_EQ(of_three.run(get_then_set(var, 1)), -1);
  EXPECT_EQ(of_three.run(get_then_set(var, 2)), 1);
  EXPECT_EQ(var.get(), -1);
  const Context own;
  EXPECT_EQ(of_three.run(get_then_set(var, 3), {.context = &own}), -1);
  EXPECT_EQ(own[var], 3);
  EXPECT_EQ(of_three.run(get_then_set(var, 4)), 2);
}

TEST_F(runner, its_context_is_a_copy_of_that_in_which_its_loop_was_made) {
  const ContextVar<int> var("var", -1);
  auto get = [](ContextVar<int> v) -> Coro<int> { co_return v.get(); };
  Runner of_one(kVirtual);
  Context().run([&] {
    var.set(1);
    (void)of_one.get_loop();
    var.set(2);
  });
  EXPECT_EQ(of_one.run(get(var)), 1);
}

TEST_F(runner, after_close_refuses_to_run) {
  Runner closed(kVirtual);
  EXPECT_EQ(closed.run(number(1)), 1);
  closed.close();
  closed.close();
  EXPECT_EQ(thrown_by([&] { (void)closed.get_loop(); }), "RuntimeError: Runner is closed");
  EXPECT_EQ(thrown_by([&] { closed.run(number(1)); }), "RuntimeError: Runner is closed");
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(runner, an_exit_of_the_program_during_the_shutdown_still_closes_the_loop) {
  Runner leaving(kVirtual);
  leaving.run([]() -> Coro<> {
    auto left = []() -> Coro<> {
      (void)co_await try_(sleep(1h));
      throw SystemExit(5);
    };
    (void)create_task(left());
    co_await turn();
  }());
  EventLoop& loop = leaving.get_loop();
  EXPECT_EQ(thrown_by([&] { leaving.close(); }), "SystemExit: 5");
  EXPECT_TRUE(loop.is_closed());
}

// --- Ctrl-C -------------------------------------------------------------------------------------

// CPython: test_runners::RunnerTests::test_interrupt_call_soon
// CPython: test_runners::RunnerTests::test_interrupt_wait
// Rule 2.52
// Fault L16
TEST_F(ctrl_c, cancels_main_and_is_a_keyboard_interrupt_when_main_ends_by_it) {
  Trace trace;
  EXPECT_EQ(thrown_by([&] {
              asyncio::run(
                  [](Trace& out) -> Coro<> {
                    get_running_loop().call_later(1ms, [] { std::raise(SIGINT); });
                    Result<void> slept = co_await try_(sleep(1h));
                    out(describe(slept.exception()));
                    if (!slept.ok()) co_await raise(slept.exception());
                  }(trace),
                  kVirtual);
            }),
            "KeyboardInterrupt");
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

// CPython: test_runners::RunnerTests::test_interrupt_cancelled_task
TEST_F(ctrl_c, a_main_that_swallows_it_gives_its_result) {
  EXPECT_EQ(asyncio::run(
                []() -> Coro<int> {
                  std::raise(SIGINT);
                  (void)co_await try_(sleep(1h));
                  co_return 6;
                }(),
                kVirtual),
            6);
}

TEST_F(ctrl_c, a_main_that_others_cancelled_as_well_is_a_cancelled_error) {
  EXPECT_EQ(thrown_by([] {
              asyncio::run(
                  []() -> Coro<> {
                    std::raise(SIGINT);
                    const AnyTask self = current_task();
                    get_running_loop().call_soon([self] { self.cancel("others"); });
                    co_await sleep(1h);
                  }(),
                  kVirtual);
            }).substr(0, 14),
            "CancelledError");
}

// Fault L16
TEST_F(ctrl_c, a_second_one_leaves_at_once_and_the_rest_is_still_cancelled) {
  Trace trace;
  EXPECT_EQ(thrown_by([&] {
              asyncio::run(
                  [](Trace& out) -> Coro<> {
                    for (int i = 0; i < 3; ++i) {
                      if (i < 2) get_running_loop().call_soon([] { std::raise(SIGINT); });
                      Result<void> slept = co_await try_(sleep(1h));
                      out(std::to_string(i) + " " + describe(slept.exception()));
                    }
                  }(trace),
                  kVirtual);
            }),
            "KeyboardInterrupt");
  // The second await ends in the shutdown, which cancels main once more and waits for it.
  EXPECT_EQ(trace, (Trace{"0 CancelledError", "1 CancelledError", "2 no exception"}));
}

TEST_F(ctrl_c, the_default_is_back_after_the_run_and_a_handler_of_the_program_stays) {
  asyncio::run(number(1), kVirtual);
  static volatile std::sig_atomic_t seen = 0;
  const auto before = std::signal(SIGINT, [](int) { seen = 1; });
  EXPECT_EQ(before, SIG_DFL);
  asyncio::run(
      []() -> Coro<> {
        std::raise(SIGINT);
        co_await sleep(1ms);
      }(),
      kVirtual);
  EXPECT_EQ(seen, 1);
  std::signal(SIGINT, SIG_DFL);
}

Coro<> fails_inside() { co_await raise<ValueError>("nobody listens"); }
Coro<> fails_outside() { co_await fails_inside(); }

TEST(run_death, an_error_that_nobody_catches_prints_the_coroutines_it_came_through) {
  const auto program = []() noexcept { asyncio::run(fails_outside(), kVirtual); };
  EXPECT_DEATH(program(),
               "Traceback \\(most recent call last\\):\n.*in [^\n]*fails_outside\n"
               ".*in [^\n]*fails_inside\nValueError: nobody listens");
}

}  // namespace
}  // namespace asyncio::test
