// Rules 2.1 to 2.10 of asyncio's loop. The ids are CPython 3.15's tests of the same rule.
#include "asyncio/loop/scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "loop/manual_backend.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What the library logs while it lives.
class LogCatcher {
 public:
  LogCatcher() : before_(set_log_handler(&catch_one)) { lines().clear(); }
  ~LogCatcher() { set_log_handler(before_); }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }

 private:
  static void catch_one(LogLevel, std::string_view message) { lines().emplace_back(message); }
  LogHandler before_;
};

class scheduler : public ::testing::Test {
 protected:
  scheduler()
      : owned_(std::make_unique<test::ManualBackend>()),
        backend(*owned_),
        loop(std::move(owned_)) {}

  void note(const std::string& what) { trace.push_back(what); }
  auto noting(std::string what) {
    return [this, what = std::move(what)] { note(what); };
  }
  // One turn, as stop() before run_forever() makes it.
  void turn() {
    loop.stop();
    loop.run_forever();
  }

 private:
  std::unique_ptr<test::ManualBackend> owned_;

 protected:
  test::ManualBackend& backend;
  Scheduler loop;
  std::vector<std::string> trace;
};

// CPython: test_base_events::BaseEventLoopTests::test_run_once
// CPython: test_base_events::BaseEventLoopTests::test__run_once
// Rule 2.1
TEST_F(scheduler, call_soon_is_first_in_first_out_and_one_turn_deep) {
  loop.call_soon([this] {
    note("a");
    loop.call_soon(noting("a2"));
  });
  loop.call_soon(noting("b"));
  turn();
  EXPECT_THAT(trace, ElementsAre("a", "b"));
  turn();
  EXPECT_THAT(trace, ElementsAre("a", "b", "a2"));
}

// CPython: test_events::EventLoopTestsMixin::test_call_soon
// Rule 2.1
TEST_F(scheduler, a_cancelled_handle_is_skipped_and_drops_its_callback_at_once) {
  auto token = std::make_shared<int>(1);
  Handle handle = loop.call_soon([token] { FAIL(); });
  EXPECT_EQ(token.use_count(), 2);
  handle.cancel();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_TRUE(handle.cancelled());
  turn();
}

TEST_F(scheduler, a_handle_that_is_dropped_does_not_cancel) {
  {
    const Handle handle = loop.call_soon(noting("ran"));
  }
  turn();
  EXPECT_THAT(trace, ElementsAre("ran"));
}

TEST_F(scheduler, a_callback_may_cancel_its_own_handle) {
  Handle handle;
  handle = loop.call_soon([&] {
    handle.cancel();
    note("still here");
  });
  turn();
  EXPECT_THAT(trace, ElementsAre("still here"));
}

// Measured: call_soon before the poll, then what the poll brings, then timers.
// Rule 2.2
TEST_F(scheduler, in_one_turn_ready_handles_come_before_events_and_those_before_timers) {
  backend.watch_something();
  loop.call_later(-1s, noting("timer"));
  loop.call_soon(noting("soon"));
  backend.during_wait = [this] { loop.call_soon(noting("event")); };
  turn();
  EXPECT_THAT(trace, ElementsAre("soon", "event", "timer"));
}

// What a callback makes ready waits for the next turn, after the timers of this one.
// Rule 2.2
TEST_F(scheduler, due_timers_run_before_what_this_turn_has_scheduled) {
  loop.call_later(-1s, noting("timer"));
  loop.call_soon([this] { loop.call_soon(noting("next turn")); });
  turn();
  EXPECT_THAT(trace, ElementsAre("timer"));
  turn();
  EXPECT_THAT(trace, ElementsAre("timer", "next turn"));
}

// CPython: test_events::EventLoopTestsMixin::test_timeout_rounding
// Rule 2.3
TEST_F(scheduler, a_timer_takes_one_wait_to_its_very_deadline) {
  const Nanoseconds due = backend.clock + 1500us;
  loop.call_later(1500us, [this] { loop.stop(); });
  loop.run_forever();
  EXPECT_THAT(backend.waits, ElementsAre(due));
  EXPECT_EQ(loop.time(), due);
}

// CPython: test_base_events::BaseEventLoopTests::test_time_and_call_at
// Rule 2.3
TEST_F(scheduler, with_something_ready_a_turn_waits_for_nothing) {
  loop.call_later(1h, noting("late"));
  turn();  // stopping
  loop.call_soon(noting("soon"));
  turn();
  EXPECT_THAT(backend.waits, IsEmpty()) << "without a descriptor it does not even look";
  backend.watch_something();
  turn();
  EXPECT_THAT(backend.waits, ElementsAre(Nanoseconds::min())) << "with one it only looks";
}

TEST_F(scheduler, a_busy_turn_makes_one_look_with_a_descriptor_and_no_system_call_without) {
  constexpr std::size_t kTurns = 10'000;
  std::size_t left = kTurns;
  std::function<void()> again = [&] { --left == 0 ? loop.stop() : void(loop.call_soon(again)); };
  loop.call_soon(again);
  loop.run_forever();
  EXPECT_THAT(backend.waits, IsEmpty());
  EXPECT_EQ(backend.clock_reads, 0U) << "without a timer nobody asks for the time";
  EXPECT_EQ(backend.wakes, 0);

  backend.watch_something();
  left = kTurns;
  loop.call_soon(again);
  loop.run_forever();
  EXPECT_EQ(backend.waits.size(), kTurns);
  EXPECT_EQ(backend.clock_reads, 0U);
}

// Many at once go another way through the heap than a few.
// Fault L12
TEST_F(scheduler, ten_thousand_timers_of_one_turn_run_in_order_and_leave_the_later_ones) {
  constexpr int kMany = 10'000;
  std::vector<int> ran;
  std::vector<TimerHandle> handles;
  for (int i = 0; i < kMany; ++i) {
    const int rank = i * 7919 % kMany;
    handles.push_back(loop.call_later(rank * 1us, [&ran, rank] { ran.push_back(rank); }));
  }
  backend.clock += 9'000us;
  handles[0].cancel();  // rank 0
  turn();
  ASSERT_EQ(ran.size(), 9'000U);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
  EXPECT_EQ(ran.front(), 1);
  EXPECT_EQ(loop.armed_timers(), 999U);
  backend.clock += 1s;
  turn();
  EXPECT_EQ(ran.size(), 9'999U);
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(scheduler, timers_that_are_due_may_cancel_those_behind_them) {
  constexpr std::size_t kMany = 1'000;
  std::vector<TimerHandle> handles;
  std::size_t ran = 0;
  for (std::size_t i = 0; i < kMany; ++i) {
    handles.push_back(loop.call_later(1s, [&, i] {
      ++ran;
      if (i % 2 == 0) handles[i + 1].cancel();
      if (i == 0) handles.back().cancel();
    }));
  }
  backend.clock += 2s;
  turn();
  EXPECT_EQ(ran, kMany / 2);
  EXPECT_EQ(loop.armed_timers(), 0U);
}

// Ours: CPython promises nothing here.
// Rule 2.4
// Fault L12
TEST_F(scheduler, timers_of_one_instant_run_in_order_of_their_making) {
  const Nanoseconds when = loop.time() + 1s;
  for (int i = 0; i < 10; ++i) loop.call_at(when, noting(std::to_string(i)));
  loop.call_at(when - 1ns, noting("before"));
  loop.call_at(when + 1ns, [this] { loop.stop(); });
  loop.run_forever();
  EXPECT_THAT(trace, ElementsAre("before", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
}

// CPython: test_base_events::BaseEventLoopTests::test__run_once_cancelled_event_cleanup
// Rule 2.5
TEST_F(scheduler, a_cancelled_timer_is_gone_at_once_and_delays_nobody) {
  auto token = std::make_shared<int>(1);
  TimerHandle early = loop.call_later(1s, [token] { FAIL(); });
  loop.call_later(2s, [this] { loop.stop(); });
  const Nanoseconds begin = loop.time();
  early.cancel();
  EXPECT_EQ(token.use_count(), 1);
  loop.run_forever();
  EXPECT_THAT(backend.waits, ElementsAre(begin + 2s));
}

TEST_F(scheduler, a_timer_cancelled_in_its_own_turn_does_not_run) {
  TimerHandle second;
  const Nanoseconds when = loop.time() + 1s;
  loop.call_at(when, [&] {
    second.cancel();
    loop.stop();
  });
  second = loop.call_at(when, [] { FAIL(); });
  EXPECT_EQ(second.when(), when);
  loop.run_forever();
}

// Fault L12
TEST_F(scheduler, a_delay_of_zero_or_less_runs_in_the_next_turn) {
  loop.call_later(0s, noting("zero"));
  loop.call_later(-5s, noting("past"));
  turn();
  EXPECT_THAT(trace, ElementsAre("past", "zero"));
}

TEST_F(scheduler, a_delay_beyond_all_bounds_is_for_ever) {
  const TimerHandle handle = loop.call_later(std::chrono::hours::max(), [] { FAIL(); });
  EXPECT_EQ(handle.when(), Nanoseconds::max());
  loop.call_later(1s, [this] { loop.stop(); });
  loop.run_forever();
}

// CPython: test_base_events::BaseEventLoopTests::test_run_forever_pre_stopped
// Rule 2.6
// Fault L3
TEST_F(scheduler, stop_before_run_makes_exactly_one_turn) {
  loop.call_soon([this] {
    note("first");
    loop.call_soon(noting("second"));
  });
  const auto before = loop.turns();
  turn();
  EXPECT_EQ(loop.turns(), before + 1);
  EXPECT_THAT(trace, ElementsAre("first"));
}

// CPython: test_tasks::BaseTaskTests::test_stop_while_run_in_complete
// Rule 2.6
TEST_F(scheduler, stop_finishes_the_turn_and_leaves_offspring_for_the_next_run) {
  loop.call_soon([this] {
    loop.stop();
    loop.call_soon(noting("offspring"));
  });
  loop.call_soon(noting("already queued"));
  loop.run_forever();
  EXPECT_THAT(trace, ElementsAre("already queued"));
  turn();
  EXPECT_THAT(trace, ElementsAre("already queued", "offspring"));
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const RuntimeError& error) {
    return error.what();
  }
  return "no error";
}

// CPython: test_base_events::RunningLoopTests::test_running_loop_within_a_loop
// Rule 2.7
// Fault L3
TEST_F(scheduler, no_loop_runs_inside_another) {
  Scheduler other(std::make_unique<test::ManualBackend>());
  std::string own;
  std::string others;
  loop.call_soon([&] {
    own = message_of([&] { loop.run_forever(); });
    others = message_of([&] { other.run_forever(); });
  });
  turn();
  EXPECT_EQ(own, "This event loop is already running");
  EXPECT_EQ(others, "Cannot run the event loop while another loop is running");
  EXPECT_EQ(Scheduler::running(), nullptr);
  EXPECT_FALSE(other.is_running());
}

// CPython: test_events::EventLoopTestsMixin::test_close_running_event_loop
// Rule 2.7
// Fault L3
TEST_F(scheduler, a_running_loop_cannot_be_closed) {
  std::string message;
  loop.call_soon([&] { message = message_of([&] { loop.close(); }); });
  turn();
  EXPECT_EQ(message, "Cannot close a running event loop");
  EXPECT_FALSE(loop.is_closed());
}

// Rule 2.7
TEST_F(scheduler, a_closed_loop_takes_nothing_and_drops_what_it_had) {
  auto token = std::make_shared<int>(1);
  loop.call_soon([token] { FAIL(); });
  loop.call_later(1s, [token] { FAIL(); });
  loop.call_soon_threadsafe([token] { FAIL(); });
  loop.close();
  loop.close();  // again: no effect
  EXPECT_EQ(token.use_count(), 1);
  const std::string closed = "Event loop is closed";
  EXPECT_EQ(message_of([&] { loop.call_soon([] {}); }), closed);
  EXPECT_EQ(message_of([&] { loop.call_later(1s, [] {}); }), closed);
  EXPECT_EQ(message_of([&] { loop.call_soon_threadsafe([] {}); }), closed);
  EXPECT_EQ(message_of([&] { loop.run_forever(); }), closed);
}

// CPython: test_events::HandleTests::test_callback_with_exception
// Rule 2.8
// Fault L1
TEST_F(scheduler, a_callbacks_exception_goes_to_the_handler_and_the_loop_goes_on) {
  std::vector<std::string> seen;
  loop.set_exception_handler([&](Scheduler&, const ExceptionContext& context) {
    seen.push_back(context.message + "; " + base::describe(context.exception));
  });
  loop.call_soon([] { throw ValueError("soon"); });
  loop.call_later(-1s, [] { throw ValueError("timer"); });
  loop.call_soon(noting("after"));
  turn();
  EXPECT_THAT(trace, ElementsAre("after"));
  EXPECT_THAT(seen, ElementsAre("Exception in callback; ValueError: soon",
                                "Exception in callback; ValueError: timer"));
}

// CPython: test_base_events::BaseEventLoopTests::test_run_forever_keyboard_interrupt
// Rule 2.8
TEST_F(scheduler, system_exit_and_keyboard_interrupt_leave_at_once_and_the_loop_can_run_again) {
  loop.call_soon([] { throw SystemExit(3); });
  loop.call_soon(noting("the rest of that turn"));
  EXPECT_THROW(loop.run_forever(), SystemExit);
  EXPECT_FALSE(loop.is_running());
  EXPECT_THAT(trace, IsEmpty());
  loop.call_later(-1s, [] { throw KeyboardInterrupt(); });
  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);
  turn();
  EXPECT_THAT(trace, ElementsAre("the rest of that turn"));
}

// CPython: test_base_events::BaseEventLoopTests::test_set_exc_handler_broken
// Rule 2.9
// Fault L2
TEST_F(scheduler, a_handler_that_fails_is_reported_itself_with_what_it_was_told) {
  const LogCatcher log;
  loop.set_exception_handler(
      [](Scheduler&, const ExceptionContext&) { throw ValueError("handler"); });
  loop.call_soon([] { throw ValueError("callback"); });
  turn();
  ASSERT_EQ(log.lines().size(), 2U);
  EXPECT_THAT(log.lines()[0], HasSubstr("Unhandled error in exception handler"));
  EXPECT_THAT(log.lines()[0], HasSubstr("ValueError: handler"));
  EXPECT_THAT(log.lines()[1], HasSubstr("ValueError: callback"));
}

// CPython: test_base_events::BaseEventLoopTests::test_default_exc_handler_broken
// Rule 2.9
// Fault L2
TEST_F(scheduler, when_the_default_handler_fails_too_a_log_line_is_the_last_resort) {
  struct Broken : Describable {
    [[nodiscard]] std::string repr() const override { throw ValueError("repr"); }
  } const broken;
  const LogCatcher log;
  const ExceptionContext context("message", nullptr, &broken);
  loop.call_exception_handler(context);
  EXPECT_THAT(log.lines(), ElementsAre("Exception in default exception handler"));
  log.lines().clear();
  loop.set_exception_handler(
      [](Scheduler&, const ExceptionContext&) { throw ValueError("handler"); });
  loop.call_exception_handler(context);
  EXPECT_THAT(log.lines(),
              ElementsAre(HasSubstr("Unhandled error in exception handler"),
                          "Exception in default exception handler while handling an unexpected "
                          "error in custom exception handler"));
}

// CPython: test_events::HandleTests::test_handle_repr
TEST_F(scheduler, handles_tell_what_they_call_or_that_they_were_cancelled) {
  Handle soon = loop.call_soon([] {});
  EXPECT_THAT(soon.repr(), ::testing::MatchesRegex("<Handle .*<lambda>\\(\\)>"));
  soon.cancel();
  EXPECT_EQ(soon.repr(), "<Handle cancelled>");
  TimerHandle timer = loop.call_at(1500ms, [] {});
  EXPECT_THAT(timer.repr(), ::testing::MatchesRegex("<TimerHandle when=1.5 .*<lambda>\\(\\)>"));
  timer.cancel();
  EXPECT_EQ(timer.repr(), "<TimerHandle when=1.5 cancelled>");
}

TEST_F(scheduler, a_handler_may_replace_itself_and_null_restores_the_default) {
  const LogCatcher log;
  int calls = 0;
  loop.set_exception_handler([&](Scheduler& of, const ExceptionContext&) {
    ++calls;
    of.set_exception_handler(nullptr);
  });
  loop.call_exception_handler(ExceptionContext("one"));
  loop.call_exception_handler(ExceptionContext("two"));
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(log.lines(), ElementsAre("two"));
}

// CPython: test_events::EventLoopTestsMixin::test_call_soon_threadsafe
// Rule 2.10
TEST(scheduler_with_threads, call_soon_threadsafe_wakes_a_loop_that_sleeps) {
  Scheduler loop;
  std::thread::id ran_in;
  std::thread other([&] {
    loop.call_soon_threadsafe([&] {
      ran_in = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run_forever();
  other.join();
  EXPECT_EQ(ran_in, std::this_thread::get_id());
}

// Rule 2.10
// Fault L13
TEST(scheduler_with_threads, callbacks_of_many_threads_all_run_in_the_order_of_each) {
  Scheduler loop;
  constexpr int kThreads = 8;
  constexpr int kEach = 2000;
  std::vector<int> last(kThreads, -1);
  int left = kThreads * kEach;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&loop, &last, &left, t] {
      for (int i = 0; i < kEach; ++i) {
        loop.call_soon_threadsafe([&loop, &last, &left, t, i] {
          EXPECT_EQ(last[static_cast<std::size_t>(t)], i - 1);
          last[static_cast<std::size_t>(t)] = i;
          if (--left == 0) loop.stop();
        });
      }
    });
  }
  loop.run_forever();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
}

TEST_F(scheduler, many_calls_of_other_threads_wake_the_loop_once) {
  for (int i = 0; i < 10; ++i) loop.call_soon_threadsafe(noting(std::to_string(i)));
  EXPECT_EQ(backend.wakes, 1);
  turn();
  EXPECT_EQ(trace.size(), 10U);
}

TEST_F(scheduler, a_resource_is_closed_with_the_loop_unless_it_went_before) {
  struct Resource : LoopResource {
    explicit Resource(int* count) : closed(count) {}
    void on_loop_close() noexcept override { ++*closed; }
    int* closed;
  };
  int closed = 0;
  Resource stays(&closed);
  loop.attach(stays);
  {
    Resource goes(&closed);
    loop.attach(goes);
  }
  loop.close();
  EXPECT_EQ(closed, 1);
}

TEST_F(scheduler, the_scratch_buffer_makes_its_tenant_move_out_for_another) {
  struct Tenant : ScratchTenant {
    void vacate_scratch() noexcept override { ++moved; }
    int moved = 0;
  } one;
  Tenant two;
  EXPECT_EQ(loop.scratch(&one).size(), 256U * 1024);
  (void)loop.scratch(&one);
  EXPECT_EQ(one.moved, 0);
  (void)loop.scratch(&two);
  EXPECT_EQ(one.moved, 1);
  loop.leave_scratch(one);  // not the tenant any more: no effect
  (void)loop.scratch();
  EXPECT_EQ(two.moved, 1);
  (void)loop.scratch();
  EXPECT_EQ(two.moved, 1);
}

}  // namespace
}  // namespace asyncio
