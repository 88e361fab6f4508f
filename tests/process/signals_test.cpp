#include "asyncio/process/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/types.h>
#include <unistd.h>

#include <thread>

#include "asyncio/asyncio.hpp"
#include "asyncio/testing.hpp"
#include "support/loop_test.hpp"

namespace asyncio {
namespace {

using test::thrown_by;
using namespace std::chrono_literals;

void (*disposition(int signal))(int) {
  struct sigaction now = {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

// The real kernel's signals; no sleep, no clock.
class signals : public test::QuietTest {
 protected:
  EventLoop& loop() { return *loop_; }
  void TearDown() override {
    loop_.reset();
    QuietTest::TearDown();
  }
  std::unique_ptr<EventLoop> loop_ = new_event_loop();
};

// CPython: test_unix_events::SelectorEventLoopSignalTests::test_add_signal_handler
TEST_F(signals, call_back_in_the_loop_and_not_in_the_signal) {
  std::vector<std::string> trace;
  loop().add_signal_handler(SIGUSR1, [&] {
    trace.emplace_back("handler");
    loop().stop();
  });
  loop().call_soon([&] {
    std::raise(SIGUSR1);
    trace.emplace_back("raised");
  });
  loop().run_forever();
  EXPECT_EQ(trace, (std::vector<std::string>{"raised", "handler"}));
}

// Rule 2.61
// CPython's trace: the signal is read in the next turn, its callback runs in the one after.
TEST_F(signals, take_a_pass_before_their_callback_runs) {
  std::vector<std::string> trace;
  loop().add_signal_handler(SIGUSR1, [&] {
    trace.emplace_back("handler");
    loop().stop();
  });
  loop().call_soon([&] {
    std::raise(SIGUSR1);
    loop().call_soon([&] {
      trace.emplace_back("next turn");
      loop().call_soon([&] {
        trace.emplace_back("the turn after");
        loop().call_soon([&] { trace.emplace_back("too late"); });
      });
    });
  });
  loop().run_forever();
  EXPECT_EQ(trace, (std::vector<std::string>{"next turn", "the turn after", "handler"}));
}

// Rule 2.61
// CPython: test_events::EventLoopTestsMixin::test_signal_handling_while_selecting
TEST_F(signals, wake_a_loop_that_sleeps) {
  loop().add_signal_handler(SIGUSR1, [&] { loop().stop(); });
  std::thread other([] { ::kill(::getpid(), SIGUSR1); });
  loop().run_forever();
  other.join();
}

// Fault L16
TEST_F(signals, wake_a_loop_that_waits_for_sockets) {
  loop().run_until_complete([](EventLoop& loop) -> Coro<> {
    auto server = co_await start_server([](StreamReader, StreamWriter) -> Coro<> { co_return; },
                                        "127.0.0.1", 0);
    Event came;
    loop.add_signal_handler(SIGUSR1, [&] { came.set(); });
    std::thread other([] { ::kill(::getpid(), SIGUSR1); });
    co_await came.wait();
    other.join();
    server.close();
    loop.remove_signal_handler(SIGUSR1);
  }(loop()));
}

TEST_F(signals, that_come_again_before_the_loop_looks_are_all_delivered) {
  int calls = 0;
  loop().add_signal_handler(SIGUSR1, [&] {
    if (++calls == 3) loop().stop();
  });
  loop().call_soon([] {
    for (int i = 0; i < 3; ++i) std::raise(SIGUSR1);
  });
  loop().run_forever();
  EXPECT_EQ(calls, 3);
}

TEST_F(signals, are_called_back_in_the_order_they_came) {
  std::vector<int> came;
  for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP}) {
    loop().add_signal_handler(signal, [&, signal] {
      came.push_back(signal);
      if (came.size() == 3) loop().stop();
    });
  }
  loop().call_soon([] {
    for (const int signal : {SIGHUP, SIGUSR2, SIGUSR1}) std::raise(signal);
  });
  loop().run_forever();
  EXPECT_EQ(came, (std::vector<int>{SIGHUP, SIGUSR2, SIGUSR1}));
}

TEST_F(signals, run_their_callback_in_the_context_of_the_call_that_added_it) {
  static ContextVar<int> variable("variable");
  int seen = 0;
  Context context = copy_context();
  context.run([&] {
    variable.set(7);
    loop().add_signal_handler(SIGUSR1, [&] {
      seen = variable.get();
      loop().stop();
    });
  });
  loop().call_soon([] { std::raise(SIGUSR1); });
  loop().run_forever();
  EXPECT_EQ(seen, 7);
}

TEST_F(signals, report_what_their_callback_throws_and_live_on) {
  std::vector<std::string> reported;
  loop().set_exception_handler([&](EventLoop& of, const ExceptionContext& context) {
    reported.push_back(test::describe(context.exception));
    if (reported.size() == 2) of.stop();
  });
  loop().add_signal_handler(SIGUSR1, [] { throw ValueError("no"); });
  loop().call_soon([] {
    std::raise(SIGUSR1);
    std::raise(SIGUSR1);
  });
  loop().run_forever();
  EXPECT_EQ(reported, (std::vector<std::string>{"ValueError: no", "ValueError: no"}));
}

TEST_F(signals, that_came_before_their_handler_was_removed_are_not_told_any_more) {
  int calls = 0;
  const auto handler = [&] {
    ++calls;
    loop().remove_signal_handler(SIGUSR1);
    loop().call_soon([&] { loop().call_soon([&] { loop().stop(); }); });
  };
  loop().add_signal_handler(SIGUSR1, handler);
  loop().call_soon([] {
    std::raise(SIGUSR1);
    std::raise(SIGUSR1);
  });
  loop().run_forever();
  EXPECT_EQ(calls, 1);
}

// CPython: test_unix_events::SelectorEventLoopSignalTests::test_remove_signal_handler_2
TEST_F(signals, have_their_default_back_when_the_handler_is_removed) {
  loop().add_signal_handler(SIGHUP, [] {});
  EXPECT_NE(disposition(SIGHUP), SIG_DFL);
  EXPECT_TRUE(loop().remove_signal_handler(SIGHUP));
  EXPECT_EQ(disposition(SIGHUP), SIG_DFL);
  EXPECT_FALSE(loop().remove_signal_handler(SIGHUP));
}

TEST_F(signals, that_were_on_their_way_to_a_removed_handler_are_dropped) {
  loop().add_signal_handler(SIGUSR1, [] { FAIL(); });
  loop().call_soon([&] {
    std::raise(SIGUSR1);
    loop().remove_signal_handler(SIGUSR1);
    loop().call_soon([&] { loop().call_soon([&] { loop().stop(); }); });
  });
  loop().run_forever();
}

TEST_F(signals, have_their_default_back_when_the_loop_closes) {
  loop().add_signal_handler(SIGHUP, [] {});
  loop().close();
  EXPECT_EQ(disposition(SIGHUP), SIG_DFL);
}

// Fault L16
TEST_F(signals, that_came_just_before_the_loop_closes_are_dropped_without_harm) {
  loop().add_signal_handler(SIGUSR1, [] { FAIL(); });
  std::raise(SIGUSR1);
  loop().close();
}

TEST_F(signals, replace_their_handler) {
  std::string called;
  loop().add_signal_handler(SIGUSR1, [&] { called += "first"; });
  loop().add_signal_handler(SIGUSR1, [&] {
    called += "second";
    loop().stop();
  });
  loop().call_soon([] { std::raise(SIGUSR1); });
  loop().run_forever();
  EXPECT_EQ(called, "second");
}

TEST_F(signals, stay_with_the_loop_that_took_them_last) {
  const auto other = new_event_loop();
  loop().add_signal_handler(SIGUSR1, [] { FAIL(); });
  other->add_signal_handler(SIGUSR1, [&] { other->stop(); });
  EXPECT_TRUE(loop().remove_signal_handler(SIGUSR1));
  other->call_soon([] { std::raise(SIGUSR1); });
  other->run_forever();
}

TEST_F(signals, are_refused_with_cpythons_words) {
  EXPECT_EQ(thrown_by([&] { loop().add_signal_handler(9999, [] {}); }),
            "ValueError: invalid signal number 9999");
  EXPECT_EQ(thrown_by([&] { loop().remove_signal_handler(0); }),
            "ValueError: invalid signal number 0");
  EXPECT_EQ(thrown_by([&] { loop().add_signal_handler(SIGKILL, [] {}); }),
            "RuntimeError: sig 9 cannot be caught");
  loop().close();
  EXPECT_EQ(thrown_by([&] { loop().add_signal_handler(SIGHUP, [] {}); }),
            "RuntimeError: Event loop is closed");
}

TEST_F(signals, are_for_the_main_thread) {
  std::string said;
  std::thread([&] {
    EventLoop other;
    said = thrown_by([&] { other.add_signal_handler(SIGHUP, [] {}); });
  }).join();
  EXPECT_EQ(said, "RuntimeError: signal handlers can only be added in the main thread");
}

TEST_F(signals, of_ctrl_c_go_to_a_handler_of_the_programs_own_instead_of_to_run) {
  run([]() -> Coro<> {
    EventLoop& loop = get_running_loop();
    Event came;
    loop.add_signal_handler(SIGINT, [&] { came.set(); });
    std::raise(SIGINT);
    co_await came.wait();
  }());
  EXPECT_EQ(disposition(SIGINT), SIG_DFL);
}

TEST_F(signals, of_ctrl_c_cancel_run_again_once_the_handler_is_removed) {
  EXPECT_EQ(thrown_by([] {
              run([]() -> Coro<> {
                EventLoop& loop = get_running_loop();
                loop.add_signal_handler(SIGINT, [] { FAIL(); });
                loop.remove_signal_handler(SIGINT);
                std::raise(SIGINT);
                co_await sleep(Nanoseconds::max());
              }());
            }),
            "KeyboardInterrupt");
}

// In a simulated world the test raises them, at a time of its choosing.
TEST(simulated_signals, come_when_the_test_says) {
  testing::Simulation simulation;
  Nanoseconds came{0};
  simulation.run([&]() -> Coro<> {
    Event stop;
    EventLoop& loop = get_running_loop();
    loop.add_signal_handler(SIGTERM, [&] { stop.set(); });
    loop.call_later(3s, [&] { simulation.backend().raise_signal(SIGTERM); });
    co_await stop.wait();
    came = simulation.backend().elapsed();
    loop.remove_signal_handler(SIGTERM);
  });
  EXPECT_EQ(came, 3s);
  EXPECT_THROW(simulation.backend().raise_signal(SIGTERM), std::logic_error);
}

}  // namespace
}  // namespace asyncio
