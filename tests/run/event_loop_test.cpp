#include "asyncio/run/event_loop.hpp"

#include <thread>
#include <tuple>

#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using event_loop = LoopTest;
using current_loop = QuietTest;

Coro<int> number(int value) {
  co_await sleep(0s);
  co_return value;
}

TEST_F(event_loop, runs_coroutines_futures_and_awaiters_to_their_results) {
  EXPECT_EQ(loop().run_until_complete(number(1)), 1);
  loop().run_until_complete(sleep(1ms));
  Task<int> task = loop().create_task(number(2));
  EXPECT_EQ(loop().run_until_complete(task), 2);
  EXPECT_EQ(task.result(), 2);
}

TEST_F(event_loop, its_repr_tells_its_state) {
  EXPECT_EQ(loop().repr(), "<EventLoop running=False closed=False debug=False>");
  EXPECT_EQ(_get_running_loop(), nullptr);
  run([](EventLoop& self) -> Coro<> {
    EXPECT_EQ(self.repr(), "<EventLoop running=True closed=False debug=False>");
    EXPECT_EQ(_get_running_loop(), &self);
    co_return;
  }(loop()));
}

TEST_F(event_loop, get_exception_handler_gives_what_was_set) {
  EXPECT_FALSE(loop().get_exception_handler());
  loop().set_exception_handler([](EventLoop&, const ExceptionContext&) {});
  EXPECT_TRUE(loop().get_exception_handler());
  loop().set_exception_handler(nullptr);
  EXPECT_FALSE(loop().get_exception_handler());
}

TEST_F(event_loop, a_named_future_keeps_its_value_when_it_was_run_to_its_end) {
  Task<std::string> task = loop().create_task(
      []() -> Coro<std::string> { co_return "a text that needs memory of its own"; }());
  const std::string first = loop().run_until_complete(task);
  EXPECT_EQ(task.result(), first);
  EXPECT_EQ(loop().run_until_complete(task), first);
}

// CPython: test_events::EventLoopTestsMixin::test_run_until_complete_nesting
// Rule 2.7
TEST_F(event_loop, does_not_run_inside_itself_or_inside_another) {
  run([](EventLoop& self) -> Coro<> {
    EXPECT_EQ(thrown_by([&] { self.run_forever(); }),
              "RuntimeError: This event loop is already running");
    EXPECT_EQ(thrown_by([&] { self.run_until_complete(sleep(0s)); }),
              "RuntimeError: This event loop is already running");
    EXPECT_EQ(thrown_by([&] { self.close(); }), "RuntimeError: Cannot close a running event loop");
    EventLoop other(std::make_unique<VirtualBackend>());
    EXPECT_EQ(thrown_by([&] { other.run_until_complete(sleep(0s)); }),
              "RuntimeError: Cannot run the event loop while another loop is running");
    co_return;
  }(loop()));
}

TEST_F(event_loop, a_closed_one_refuses_everything) {
  close_loop();
  EXPECT_TRUE(loop().is_closed());
  const std::string closed = "RuntimeError: Event loop is closed";
  EXPECT_EQ(thrown_by([&] { loop().run_forever(); }), closed);
  EXPECT_EQ(thrown_by([&] { loop().run_until_complete(sleep(0s)); }), closed);
  EXPECT_EQ(thrown_by([&] { loop().call_soon([] {}); }), closed);
  EXPECT_EQ(thrown_by([&] { loop().call_later(1s, [] {}); }), closed);
  EXPECT_EQ(thrown_by([&] { loop().call_soon_threadsafe([] {}); }), closed);
  EXPECT_EQ(thrown_by([&] { (void)loop().create_task(number(1)); }), closed);
  EXPECT_EQ(take_logs().size(), 1U);  // number() was never awaited
  close_loop();
}

TEST_F(event_loop, one_that_was_never_closed_is_reported_in_debug_mode) {
  for (const bool closes : {true, false}) {
    EventLoop own(std::make_unique<VirtualBackend>());
    own.set_debug(true);
    if (closes) own.close();
  }
  {
    const EventLoop quiet(std::make_unique<VirtualBackend>());
  }
  EXPECT_EQ(take_logs(),
            (std::vector<std::string>{"ResourceWarning: unclosed event loop <EventLoop "
                                      "running=False closed=False debug=True>"}));
}

// CPython: test_events::EventLoopTestsMixin::test_run_until_complete_stopped
TEST_F(event_loop, stopped_before_its_future_is_done_says_so_and_its_task_is_not_reported) {
  EXPECT_EQ(thrown_by([&] {
              loop().run_until_complete([](EventLoop& self) -> Coro<> {
                self.stop();
                co_await sleep(1h);
              }(loop()));
            }),
            "RuntimeError: Event loop stopped before Future completed.");
}

// Rule 2.6
TEST_F(event_loop, stop_ends_the_turn_first) {
  Trace trace;
  loop().call_soon([&] {
    trace("stop");
    loop().stop();
    loop().call_soon([&] { trace("next run"); });
  });
  loop().call_soon([&] { trace("same turn"); });
  loop().run_forever();
  EXPECT_EQ(trace, (Trace{"stop", "same turn"}));
  run(sleep(0s));
  EXPECT_EQ(trace.back(), "next run");
}

TEST_F(event_loop, has_pythons_methods_for_callbacks_and_time) {
  Trace trace;
  const Nanoseconds start = loop().time();
  loop().call_at(start + 2ms, [&] { trace("at"); });
  loop().call_later(1ms, [&] { trace("later"); });
  loop().call_soon([&] { trace("soon"); });
  loop().call_soon([&] { trace("?"); }).cancel();
  loop().call_soon_threadsafe([&] { trace("threadsafe"); });
  run(sleep(3ms));
  EXPECT_EQ(loop().time() - start, 3ms);
  EXPECT_EQ(trace, (Trace{"soon", "threadsafe", "later", "at"}));
}

TEST_F(event_loop, an_exception_handler_is_given_the_loop_and_can_be_taken_back) {
  Trace trace;
  loop().set_exception_handler([&](EventLoop& self, const ExceptionContext& context) {
    EXPECT_EQ(&self, &loop());
    trace(context.message);
  });
  loop().call_exception_handler(ExceptionContext("custom"));
  loop().set_exception_handler(nullptr);
  loop().call_exception_handler(ExceptionContext("default"));
  EXPECT_EQ(trace, (Trace{"custom"}));
  EXPECT_EQ(take_logs(), (std::vector<std::string>{"default"}));
}

TEST_F(event_loop, makes_futures_and_tasks_before_it_runs) {
  Future<int> future = loop().create_future<int>();
  auto sets = [&future]() -> Coro<> {
    future.set_result(7);
    co_return;
  };
  Task<> task = loop().create_task(sets, {.name = "setter"});
  EXPECT_EQ(task.get_name(), "setter");
  EXPECT_EQ(loop().run_until_complete(future), 7);
}

// --- the current loop ---------------------------------------------------------------------------

TEST_F(current_loop, get_running_loop_is_the_one_that_runs) {
  EXPECT_EQ(thrown_by([] { (void)get_running_loop(); }), "RuntimeError: no running event loop");
  EventLoop loop(std::make_unique<VirtualBackend>());
  loop.run_until_complete([](EventLoop& self) -> Coro<> {
    EXPECT_EQ(&get_running_loop(), &self);
    EXPECT_EQ(&get_event_loop(), &self);
    co_return;
  }(loop));
  EXPECT_EQ(thrown_by([] { (void)get_running_loop(); }), "RuntimeError: no running event loop");
}

TEST_F(current_loop, get_event_loop_is_the_one_that_was_set) {
  EventLoop loop(std::make_unique<VirtualBackend>());
  set_event_loop(&loop);
  EXPECT_EQ(&get_event_loop(), &loop);
  set_event_loop(nullptr);
}

// The older spelling of the articles; each thread has its own, so this one is gone afterwards.
TEST_F(current_loop, get_event_loop_makes_one_and_after_it_was_closed_another) {
  std::thread([] {
    EventLoop& loop = get_event_loop();
    EXPECT_EQ(&get_event_loop(), &loop);
    EXPECT_EQ(loop.run_until_complete(number(4)), 4);
    loop.close();
    EventLoop& next = get_event_loop();
    EXPECT_FALSE(next.is_closed());
    EXPECT_EQ(next.run_until_complete(number(5)), 5);
  }).join();
}

// Article 003 makes its tasks so, before the loop runs; create_task refuses, as in Python.
TEST_F(current_loop, ensure_future_and_gather_take_the_one_that_is_set_while_none_runs) {
  EventLoop loop(std::make_unique<VirtualBackend>());
  set_event_loop(&loop);
  Task<int> task = ensure_future(number(7));
  auto both = gather(number(8), number(9));
  EXPECT_EQ(loop.run_until_complete(task), 7);
  EXPECT_EQ(loop.run_until_complete(both), std::tuple(8, 9));
  Coro<int> refused = number(10);
  EXPECT_EQ(thrown_by([&] { (void)create_task(std::move(refused)); }),
            "RuntimeError: no running event loop");
  refused.close();
  set_event_loop(nullptr);
  Coro<int> homeless = number(11);
  EXPECT_EQ(thrown_by([&] { (void)ensure_future(std::move(homeless)); }),
            "RuntimeError: no running event loop");
  homeless.close();
}

TEST_F(current_loop, a_loop_that_goes_is_no_longer_set) {
  std::thread([] {
    {
      EventLoop loop(std::make_unique<VirtualBackend>());
      set_event_loop(&loop);
    }
    EXPECT_EQ(get_event_loop().run_until_complete(number(6)), 6);
  }).join();
}

TEST_F(current_loop, new_event_loop_is_current_nowhere) {
  const auto loop = new_event_loop();
  EXPECT_NE(&get_event_loop(), loop.get());
  get_event_loop().close();
  set_event_loop(nullptr);
}

}  // namespace
}  // namespace asyncio::test
