#include "asyncio/task/future.hpp"

#include <memory>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using future = LoopTest;
using done_callback = LoopTest;
using never_retrieved = LoopTest;

Coro<> turn() { co_await sleep(0s); }

TEST_F(future, settles_once_with_a_value) {
  Future<int> f = loop().create_future<int>();
  EXPECT_FALSE(f.done());
  EXPECT_EQ(f.repr(), "<Future pending>");
  EXPECT_EQ(thrown_by([&] { (void)f.result(); }), "InvalidStateError: Result is not set.");
  EXPECT_EQ(thrown_by([&] { (void)f.exception(); }), "InvalidStateError: Exception is not set.");
  f.set_result(3);
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
  EXPECT_EQ(f.result(), 3);
  EXPECT_EQ(f.exception(), nullptr);
  EXPECT_EQ(f.repr(), "<Future finished result=3>");
  EXPECT_EQ(thrown_by([&] { f.set_result(4); }), "InvalidStateError: invalid state");
  EXPECT_EQ(thrown_by([&] { f.set_exception(ValueError("x")); }),
            "InvalidStateError: invalid state");
  EXPECT_EQ(f.result(), 3);
}

// CPython: test_futures::BaseFutureTests::test_cancel
TEST_F(future, cancelling_settles_it_and_only_once) {
  Future<> f = loop().create_future();
  EXPECT_TRUE(f.cancel("why"));
  EXPECT_TRUE(f.done() && f.cancelled());
  EXPECT_FALSE(f.cancel());
  EXPECT_EQ(thrown_by([&] { f.result(); }), "CancelledError: why");
  EXPECT_EQ(thrown_by([&] { (void)f.exception(); }), "CancelledError: why");
  EXPECT_EQ(thrown_by([&] { f.set_result(); }), "InvalidStateError: invalid state");
}

TEST_F(future, holds_an_exception) {
  Future<int> f = loop().create_future<int>();
  f.set_exception(ValueError("broken"));
  EXPECT_EQ(describe(f.exception()), "ValueError: broken");
  EXPECT_EQ(thrown_by([&] { (void)f.result(); }), "ValueError: broken");
  EXPECT_EQ(f.repr(), "<Future finished exception=ValueError: broken>");
}

TEST_F(future, an_await_copies_the_value_and_an_await_of_a_moved_handle_moves_it) {
  run([](EventLoop& of) -> Coro<> {
    auto shared = of.create_future<std::string>();
    shared.set_result("a text that needs memory of its own");
    const std::string copy = co_await shared;
    const std::string again = co_await shared;
    EXPECT_EQ(copy, again);
    auto owned = of.create_future<std::unique_ptr<int>>();
    owned.set_result(std::make_unique<int>(2));
    const std::unique_ptr<int> moved = co_await std::move(owned);
    EXPECT_EQ(*moved, 2);
  }(loop()));
}

TEST_F(future, its_repr_counts_its_callbacks) {
  Future<> f = loop().create_future();
  const auto callback = [](AnyFuture) {};
  f.add_done_callback(callback);
  EXPECT_THAT(f.repr(), ::testing::MatchesRegex("<Future pending cb=\\[.*<lambda>\\(\\)\\]>"));
  f.add_done_callback(callback);
  EXPECT_THAT(f.repr(), ::testing::MatchesRegex("<Future pending cb=\\[.*\\(\\), .*\\(\\)\\]>"));
  f.add_done_callback(callback);
  f.add_done_callback(callback);
  EXPECT_THAT(f.repr(), ::testing::HasSubstr(", <2 more>, "));
  f.set_result();
  EXPECT_EQ(f.repr(), "<Future finished result=None>");
}

TEST_F(future, knows_its_loop_while_that_is_open) {
  Future<> f = loop().create_future();
  EXPECT_EQ(&f.get_loop(), &loop());
  close_loop();
  EXPECT_EQ(thrown_by([&] { (void)f.get_loop(); }), "RuntimeError: Event loop is closed");
}

TEST_F(future, isfuture_tells_futures_and_tasks_from_the_rest) {
  EXPECT_TRUE(isfuture(loop().create_future()));
  EXPECT_FALSE(isfuture(turn));
  EXPECT_FALSE(iscoroutine(loop().create_future()));
  Coro<> coroutine = turn();
  EXPECT_TRUE(iscoroutine(coroutine));
  coroutine.close();
}

TEST_F(future, holds_a_reference) {
  int place = 1;
  Future<int&> f = loop().create_future<int&>();
  f.set_result(place);
  f.result() = 5;
  EXPECT_EQ(place, 5);
}

TEST_F(future, wakes_all_tasks_that_await_it_in_order) {
  Trace trace;
  run([](EventLoop& of, Trace& out) -> Coro<> {
    auto f = of.create_future<int>();
    auto waiter = [](Future<int> on, Trace& t, std::string name) -> Coro<> {
      const int value = co_await on;
      t(name + std::to_string(value));
    };
    Task<> a = create_task(waiter(f, out, "a"));
    Task<> b = create_task(waiter(f, out, "b"));
    co_await turn();
    f.set_result(1);
    out("set");
    co_await a;
    co_await b;
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"set", "a1", "b1"}));
}

// CPython: test_tasks::BaseTaskTests::test_other_loop_future
// Rule 2.57
TEST_F(future, one_of_another_loop_cannot_be_awaited_while_it_is_pending) {
  EventLoop other(std::make_unique<VirtualBackend>());
  Future<int> foreign = other.create_future<int>();
  std::string text;
  run([](Future<int> f, std::string& out) -> Coro<> {
    Result<int> result = co_await try_(f);
    out = describe(result.exception());
  }(foreign, text));
  EXPECT_THAT(text, ::testing::MatchesRegex("RuntimeError: Task <Task pending .*> got Future "
                                            "<Future pending> attached to a different loop"));
}

TEST_F(future, create_future_needs_a_running_loop) {
  EXPECT_EQ(thrown_by([] { (void)create_future<int>(); }), "RuntimeError: no running event loop");
}

// --- done-callbacks -----------------------------------------------------------------------------

// CPython: test_futures::BaseFutureDoneCallbackTests::test_callbacks_invoked_on_set_result
// Rule 2.11
TEST_F(done_callback, is_called_in_the_next_turn_in_order_of_registration) {
  Trace trace;
  run([](EventLoop& of, Trace& out) -> Coro<> {
    auto f = of.create_future<int>();
    for (const char* name : {"a", "b"}) {
      f.add_done_callback([&out, name, f](AnyFuture done) {
        EXPECT_TRUE(done == f);
        out(name);
      });
    }
    f.set_result(1);
    out("set");
    co_await turn();
    out("turn");
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"set", "a", "b", "turn"}));
}

TEST_F(done_callback, added_to_a_done_future_is_scheduled_at_once) {
  Trace trace;
  run([](EventLoop& of, Trace& out) -> Coro<> {
    auto f = of.create_future();
    f.cancel();
    f.add_done_callback([&out](AnyFuture) { out("called"); });
    out("added");
    co_await turn();
    out("turn");
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"added", "called", "turn"}));
}

// CPython: test_futures::BaseFutureDoneCallbackTests::test_schedule_callbacks_list_mutation_1
// Rule 2.11
TEST_F(done_callback, those_that_are_added_or_removed_by_one_that_runs_do_not_disturb_the_rest) {
  Trace trace;
  run([](EventLoop& of, Trace& out) -> Coro<> {
    Future<> f = of.create_future();
    CallbackToken third;
    f.add_done_callback([&](AnyFuture done) {
      out("first");
      EXPECT_EQ(done.remove_done_callback(third), 0) << "scheduled already";
      done.add_done_callback([&out](AnyFuture) { out("added"); });
    });
    f.add_done_callback([&](AnyFuture) { out("second"); });
    third = f.add_done_callback([&](AnyFuture) { out("third"); });
    f.set_result();
    co_await turn();
    out("turn");
    co_await turn();
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"first", "second", "third", "turn", "added"}));
}

// CPython: test_futures::BaseFutureDoneCallbackTests::test_remove_done_callback
TEST_F(done_callback, its_token_removes_it_once_until_it_is_scheduled) {
  Trace trace;
  run([](EventLoop& of, Trace& out) -> Coro<> {
    auto f = of.create_future();
    const CallbackToken a = f.add_done_callback([&out](AnyFuture) { out("a"); });
    const CallbackToken b = f.add_done_callback([&out](AnyFuture) { out("b"); });
    EXPECT_EQ(f.remove_done_callback(a), 1);
    EXPECT_EQ(f.remove_done_callback(a), 0);
    EXPECT_EQ(f.remove_done_callback(CallbackToken()), 0);
    f.set_result();
    EXPECT_EQ(f.remove_done_callback(b), 0);
    co_await turn();
  }(loop(), trace));
  EXPECT_EQ(trace, (Trace{"b"}));
}

// Rule 2.8
TEST_F(done_callback, an_exception_in_one_goes_to_the_exception_handler) {
  Trace trace;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
    trace(context.message + ", " + describe(context.exception) + ", " + context.future->repr());
  });
  run([](EventLoop& of) -> Coro<> {
    auto f = of.create_future();
    f.add_done_callback([](AnyFuture) { throw ValueError("callback"); });
    f.set_result();
    co_await turn();
  }(loop()));
  EXPECT_EQ(trace,
            (Trace{"Exception in callback, ValueError: callback, <Future finished result=None>"}));
}

TEST_F(done_callback, goes_with_a_future_that_is_dropped_while_pending) {
  Trace trace;
  {
    Future<> f = loop().create_future();
    f.add_done_callback([noted = std::make_shared<Noted>(trace, "callback")](AnyFuture) {});
  }
  EXPECT_EQ(trace, (Trace{"~callback"}));
}

// --- never retrieved ----------------------------------------------------------------------------

Future<int> failed(EventLoop& of) {
  auto f = of.create_future<int>();
  f.set_exception(ValueError("lost"));
  return f;
}

// CPython: test_futures::BaseFutureTests::test_tb_logger_exception_unretrieved
// Rule 2.13
TEST_F(never_retrieved, an_exception_nobody_looked_at_is_reported_when_the_last_handle_goes) {
  {
    Future<int> f = failed(loop());
    const AnyFuture other = f;
    f = Future<int>();
    EXPECT_EQ(take_logs(), std::vector<std::string>());
  }
  EXPECT_EQ(take_logs(),
            (std::vector<std::string>{"Future exception was never retrieved\n"
                                      "future: <Future finished exception=ValueError: lost>\n"
                                      "ValueError: lost"}));
}

// CPython: test_futures::BaseFutureTests::test_tb_logger_exception_retrieved
// CPython: test_futures::BaseFutureTests::test_tb_logger_not_called_after_cancel
TEST_F(never_retrieved, result_exception_await_and_cancel_disarm_it) {
  thrown_by([f = failed(loop())] { (void)f.result(); });
  (void)failed(loop()).exception();
  EXPECT_FALSE(failed(loop()).cancel());
  run([](Future<int> f) -> Coro<> { (void)co_await try_(f); }(failed(loop())));
}

TEST_F(never_retrieved, a_task_is_named_with_its_exception) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> { co_await raise<ValueError>("lost"); };
    (void)create_task(fails(), {.name = "loser"});
    co_await sleep(1ms);
  }());
  EXPECT_THAT(take_logs(), ::testing::ElementsAre(::testing::MatchesRegex(
                               "Task exception was never retrieved\n"
                               "future: <Task finished name='loser' coro=<<lambda>\\(\\) done> "
                               "exception=ValueError: lost>\n"
                               "Traceback \\(most recent call last\\):\n"
                               "  File \".*future_test.cpp\", line [0-9]+, in <lambda>\n"
                               "ValueError: lost")));
}

// As CPython 3.11: only cancelling what has failed already disarms it.
TEST_F(never_retrieved, what_a_task_fails_with_in_spite_of_being_cancelled_is_reported) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      (void)co_await try_(sleep(1h));
      co_await raise<ValueError>("cleanup");
    };
    create_task(fails).cancel();
    Task<> begun = create_task(fails);
    co_await turn();
    begun.cancel();
    begun = Task<>();
    co_await turn();
    co_await turn();
  }());
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(never_retrieved, a_value_or_a_cancellation_is_nothing_to_report) {
  loop().create_future<int>().set_result(1);
  loop().create_future<int>().cancel();
}

}  // namespace
}  // namespace asyncio::test
