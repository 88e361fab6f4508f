#include "asyncio/loop/interrupt.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio {
namespace {

void (*disposition())(int) {
  struct sigaction now = {};
  ::sigaction(SIGINT, nullptr, &now);
  return now.sa_handler;
}

TEST(interrupt, ctrl_c_runs_the_handler_in_the_loop_not_in_the_signal) {
  Scheduler loop;
  bool in_handler = false;
  bool seen_in_signal = true;
  {
    const InterruptGuard guard(loop, [&] {
      in_handler = true;
      loop.stop();
    });
    ASSERT_TRUE(guard.installed());
    loop.call_soon([&] {
      std::raise(SIGINT);
      seen_in_signal = in_handler;
    });
    loop.run_forever();
  }
  EXPECT_TRUE(in_handler);
  EXPECT_FALSE(seen_in_signal);
  EXPECT_EQ(disposition(), SIG_DFL);
}

// Fault L16
TEST(interrupt, ctrl_c_wakes_a_loop_that_sleeps) {
  Scheduler loop;
  const InterruptGuard guard(loop, [&] { loop.stop(); });
  const pthread_t main_thread = ::pthread_self();
  std::thread other([&] { ::pthread_kill(main_thread, SIGINT); });
  loop.run_forever();
  other.join();
}

// CPython: test_runners::RunnerTests::test_signal_install_not_supported_ok
TEST(interrupt, a_handler_of_the_programs_own_is_left_alone) {
  void (*own)(int) = [](int) {};
  std::signal(SIGINT, own);
  {
    Scheduler loop;
    const InterruptGuard guard(loop, [] { FAIL(); });
    EXPECT_FALSE(guard.installed());
    EXPECT_EQ(disposition(), own);
  }
  EXPECT_EQ(disposition(), own);
  std::signal(SIGINT, SIG_DFL);
}

TEST(interrupt, is_installed_from_the_main_thread_only_and_once) {
  Scheduler loop;
  const InterruptGuard guard(loop, [] {});
  EXPECT_TRUE(guard.installed());
  const InterruptGuard second(loop, [] { FAIL(); });
  EXPECT_FALSE(second.installed());
  std::thread([] {
    Scheduler other;
    const InterruptGuard theirs(other, [] {});
    EXPECT_FALSE(theirs.installed());
  }).join();
}

TEST(interrupt, an_exception_of_the_handler_leaves_the_loop) {
  Scheduler loop;
  const InterruptGuard guard(loop,
                             [&] { loop.set_fatal(std::make_exception_ptr(KeyboardInterrupt())); });
  loop.call_soon([] { std::raise(SIGINT); });
  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);
}

// Fault L16: the second Ctrl-C must not need the loop's help
TEST(interrupt_death, a_second_ctrl_c_that_finds_the_first_unnoticed_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        Scheduler loop;
        const InterruptGuard guard(loop, [] {});
        loop.call_soon([] {
          std::raise(SIGINT);
          std::raise(SIGINT);
        });
        loop.run_forever();
      },
      ::testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace asyncio
