// nest_asyncio::apply(): the same loop, run from inside.
#include "asyncio/run/nested.hpp"

#include "asyncio/run/runner.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

class nested : public LoopTest {
 protected:
  nested() { nest_asyncio::apply(loop()); }
};

Coro<int> number(int value, Nanoseconds delay = 0s) {
  co_await sleep(delay);
  co_return value;
}

TEST_F(nested, a_task_runs_its_loop_and_gets_the_result) {
  EXPECT_EQ(run([](EventLoop& loop) -> Coro<int> {
              const AnyTask self = current_task();
              const int first = loop.run_until_complete(number(1, 1s));
              EXPECT_EQ(current_task(), self);
              co_await sleep(1s);
              co_return first + loop.run_until_complete(number(2));
            }(loop())),
            3);
}

TEST_F(nested, run_uses_the_loop_that_runs_and_leaves_it_open) {
  run([](EventLoop& loop) -> Coro<> {
    EXPECT_EQ(asyncio::run(number(5)), 5);
    EXPECT_FALSE(loop.is_closed());
    EXPECT_EQ(thrown_by([] { asyncio::run([]() -> Coro<> { throw ValueError("inner"); }()); }),
              "ValueError: inner");
    co_await sleep(0s);
  }(loop()));
}

TEST_F(nested, the_other_tasks_make_progress_meanwhile) {
  Trace trace;
  run([](EventLoop& loop, Trace& out) -> Coro<> {
    auto beside = [](Trace& t) -> Coro<> {
      for (int i = 0; i < 3; ++i) {
        t("beside " + std::to_string(i));
        co_await sleep(1s);
      }
    };
    Task<> other = create_task(beside(out));
    loop.run_until_complete(sleep(1500ms));
    out("inner done");
    co_await other;
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"beside 0", "beside 1", "inner done", "beside 2"}));
}

TEST_F(nested, what_stood_behind_in_the_turn_is_run_inside_and_once) {
  Trace trace;
  loop().call_soon([&] {
    trace("outer begins");
    loop().run_until_complete(number(1));
    trace("outer ends");
  });
  loop().call_soon([&] { trace("behind"); });
  loop().call_soon([&] {
    trace("last");
    loop().call_soon([&] { trace("next turn"); });
  });
  run(sleep(1s));
  EXPECT_EQ(trace, (Trace{"outer begins", "behind", "last", "next turn", "outer ends"}));
}

TEST_F(nested, timers_that_were_due_with_it_are_run_inside_and_once) {
  Trace trace;
  loop().call_later(1s, [&] {
    trace("first begins");
    loop().run_until_complete(sleep(1s));
    trace("first ends");
  });
  loop().call_later(1s, [&] { trace("second"); });
  loop().call_later(3s, [&] { trace("third"); });
  run(sleep(4s));
  EXPECT_EQ(trace, (Trace{"first begins", "second", "first ends", "third"}));
}

TEST_F(nested, runs_may_be_inside_each_other_and_end_in_order) {
  Trace trace;
  run([](EventLoop& loop, Trace& out) -> Coro<> {
    auto middle = [](EventLoop& of, Trace& t) -> Coro<> {
      of.run_until_complete(sleep(2s));
      t("innermost");
      co_await sleep(1s);
      t("middle");
    };
    loop.run_until_complete(middle(loop, out));
    out("outer");
    co_await sleep(0s);
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"innermost", "middle", "outer"}));
}

TEST_F(nested, callbacks_inside_are_in_no_task) {
  run([](EventLoop& loop) -> Coro<> {
    loop.call_soon([] { EXPECT_FALSE(current_task()); });
    loop.run_until_complete(sleep(0s));
    EXPECT_TRUE(current_task());
    co_return;
  }(loop()));
}

TEST_F(nested, stop_ends_the_innermost_run_only) {
  Trace trace;
  run([](EventLoop& loop, Trace& out) -> Coro<> {
    loop.call_later(1s, [&] { loop.stop(); });
    EXPECT_EQ(thrown_by([&] { loop.run_until_complete(sleep(1h)); }),
              "RuntimeError: Event loop stopped before Future completed.");
    loop.call_later(1s, [&] { loop.stop(); });
    loop.run_forever();
    co_await sleep(1s);
    out("the outer run goes on");
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"the outer run goes on"}));
}

TEST_F(nested, a_stop_before_the_inner_run_is_that_of_the_outer) {
  Trace trace;
  loop().call_soon([&] {
    loop().stop();
    EXPECT_EQ(loop().run_until_complete(number(1, 1s)), 1);
    trace("inner done");
  });
  loop().run_forever();
  EXPECT_EQ(trace, (Trace{"inner done"}));
}

// The outer run has what it waited for, and still has to let the inner one end.
TEST_F(nested, an_outer_future_that_is_done_first_waits_for_the_inner_run) {
  Trace trace;
  Future<int> outer = loop().create_future<int>();
  loop().call_soon([&] {
    loop().call_later(1s, [&] { outer.set_result(7); });
    loop().run_until_complete(sleep(5s));
    trace("inner done");
  });
  const Nanoseconds start = now();
  EXPECT_EQ(run(outer), 7);
  EXPECT_EQ(now() - start, 5s);
  EXPECT_EQ(trace, (Trace{"inner done"}));
}

TEST_F(nested, cancelling_the_task_that_runs_the_loop_comes_at_its_next_await) {
  EXPECT_EQ(thrown_by([&] {
              run([](EventLoop& loop) -> Coro<> {
                const AnyTask self = current_task();
                loop.call_soon([self] { self.cancel("from inside"); });
                loop.run_until_complete(sleep(1s));
                co_await sleep(1h);
              }(loop()));
            }),
            "CancelledError: from inside");
}

TEST_F(nested, an_exit_of_the_program_leaves_all_runs) {
  EXPECT_EQ(thrown_by([&] {
              run([](EventLoop& loop) -> Coro<> {
                loop.call_soon([] { throw SystemExit(3); });
                loop.run_until_complete(sleep(1s));
                co_return;
              }(loop()));
            }),
            "SystemExit: 3");
  EXPECT_EQ(run(number(1)), 1);
}

Coro<int> deeper(EventLoop& loop, int level) {
  if (level == 0) co_return 0;
  const int below = loop.run_until_complete(deeper(loop, level - 1));
  co_return below + 1;
}

TEST_F(nested, has_a_limit) {
  EXPECT_EQ(run(deeper(loop(), 99)), 99);
  EXPECT_EQ(thrown_by([&] { run(deeper(loop(), 100)); }),
            "RecursionError: maximum recursion depth exceeded: 100 runs of the event loop inside "
            "each other");
  EXPECT_EQ(take_logs().size(), 1U);  // the coroutine that could not be run was never awaited
}

TEST_F(nested, another_loop_inside_is_still_refused) {
  run([]() -> Coro<> {
    EventLoop other(std::make_unique<VirtualBackend>());
    nest_asyncio::apply(other);
    EXPECT_EQ(thrown_by([&] { other.run_until_complete(sleep(0s)); }),
              "RuntimeError: Cannot run the event loop while another loop is running");
    co_return;
  }());
}

}  // namespace
}  // namespace asyncio::test
