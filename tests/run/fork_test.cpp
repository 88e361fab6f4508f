// fork() while a loop runs: the child is outside of it.
#include <sys/wait.h>
#include <unistd.h>

#include "asyncio/run/runner.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using fork_ = QuietTest;

/// Forks; the child ends with 0 when `check()` is true. Gives whether it did.
template <class F>
bool true_in_child(F check) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool passed = false;
    try {
      passed = check();
    } catch (...) {
      passed = false;
    }
    ::_exit(passed ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

// CPython: test_unix_events::TestFork::test_fork_not_share_event_loop
// Rule 2.62
TEST_F(fork_, the_child_has_no_running_loop) {
  asyncio::run([]() -> Coro<> {
    EventLoop& loop = get_running_loop();
    EXPECT_TRUE(true_in_child([] {
      return thrown_by([] { (void)get_running_loop(); }) == "RuntimeError: no running event loop";
    }));
    EXPECT_EQ(&get_running_loop(), &loop);
    co_return;
  }());
}

// CPython: test_unix_events::TestFork::test_fork_not_share_current_task
// Rule 2.62
TEST_F(fork_, the_child_has_no_current_task) {
  asyncio::run([]() -> Coro<> {
    EXPECT_TRUE(true_in_child([] {
      const bool refused =
          thrown_by([] { (void)current_task(); }) == "RuntimeError: no running event loop";
      return refused && detail::TaskBase::current() == nullptr;
    }));
    EXPECT_TRUE(current_task());
    co_return;
  }());
}

// CPython: test_unix_events::TestFork::test_fork_asyncio_run
// Rule 2.62
TEST_F(fork_, the_child_may_run_a_loop_of_its_own) {
  // In real time: it is the kernel that each of them waits in.
  auto child_main = []() -> Coro<int> {
    co_await sleep(1ms);
    co_return 42;
  };
  EXPECT_TRUE(true_in_child([&] { return asyncio::run(child_main()) == 42; }));
  asyncio::run([](auto main) -> Coro<> {
    EXPECT_TRUE(true_in_child([&] { return asyncio::run(main()) == 42; }));
    co_await sleep(1ms);  // and the parent's goes on
  }(child_main));
}

}  // namespace
}  // namespace asyncio::test
