// The fixture of tests that need a loop: a virtual clock, what was logged, and a check that nothing
// was left behind.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/log.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/run/event_loop.hpp"
#include "support/trace.hpp"
#include "support/virtual_backend.hpp"

namespace asyncio::test {

/// Keeps what the library logs while it lives.
class LogCapture {
 public:
  LogCapture() : before_(set_log_handler(&LogCapture::keep)) { lines().clear(); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  ~LogCapture() { set_log_handler(before_); }

  /// What was logged since the last call.
  static std::vector<std::string> take() { return std::exchange(lines(), {}); }

 private:
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
  static void keep(LogLevel, std::string_view message) {
    // Whether this machine has it is no affair of the test's.
    if (!message.starts_with("io_uring cannot be used")) lines().emplace_back(message);
  }

  LogHandler before_;
};

/// Every log line must be expected (take_logs) and every pooled block given back.
class QuietTest : public ::testing::Test {
 protected:
  std::vector<std::string> take_logs() { return LogCapture::take(); }

  void TearDown() override {
    EXPECT_EQ(LogCapture::take(), std::vector<std::string>()) << "logged and not expected";
    if (blocks_migrate_) return;
    EXPECT_EQ(base::Pool::live(), live_before_) << "pooled blocks leaked or were freed twice";
  }

  /// Other threads make coroutines that end here, so this thread's count proves nothing.
  void let_blocks_migrate() { blocks_migrate_ = true; }

 private:
  LogCapture capture_;
  long live_before_ = base::Pool::live();
  bool blocks_migrate_ = false;
};

/// A test with an EventLoop on a virtual clock.
class LoopTest : public QuietTest {
 protected:
  LoopTest() : loop_(make_loop()) {}

  EventLoop& loop() { return *loop_; }
  Scheduler& scheduler() { return loop_->scheduler(); }
  std::uint64_t turns() { return scheduler().turns(); }
  Nanoseconds now() { return loop_->time(); }

  /// Runs `main` to its end. When nothing can ever run, that throws Deadlock with the list of
  /// tasks.
  template <class A>
  auto run(A&& main) {
    return loop_->run_until_complete(std::forward<A>(main));
  }

  /// How many turns the await of `make()` takes, whatever its outcome.
  template <class F>
  std::uint64_t passes(F make) {
    return run([](Scheduler& of, F maker) -> Coro<std::uint64_t> {
      const std::uint64_t before = of.turns();
      auto awaitable = maker();
      auto outcome = co_await try_(std::move(awaitable));
      (void)outcome;
      co_return of.turns() - before;
    }(scheduler(), std::move(make)));
  }

  void close_loop() { loop_->close(); }

  void TearDown() override {
    loop_->close();
    loop_.reset();
    QuietTest::TearDown();
  }

 private:
  static std::unique_ptr<EventLoop> make_loop() {
    return std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
  }
  std::unique_ptr<EventLoop> loop_;
};

/// The type and text of an exception: "ValueError: no".
inline std::string describe(const std::exception_ptr& error) { return base::describe(error); }

/// What `call()` throws, described; "nothing" when it does not.
template <class F>
std::string thrown_by(F&& call) {
  try {
    (void)call();
  } catch (...) {
    return describe(std::current_exception());
  }
  return "nothing";
}
}  // namespace asyncio::test
