// Whose context variables a task, a callback and a thread see. Rules 2.55 and 2.9.
#include "asyncio/base/contextvars.hpp"

#include "asyncio/coro/with.hpp"
#include "asyncio/run/runner.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using context = LoopTest;
using context_of_handlers = LoopTest;

Coro<> turn() { co_await sleep(0s); }

// A variable per test: the test's own thread has a context too.
Coro<> sets(ContextVar<int> var, int value) {
  var.set(value);
  co_return;
}

// CPython: test_tasks::BaseTaskTests::test_context_1
// Rule 2.55
TEST_F(context, a_task_sees_what_its_creator_had_set_and_keeps_what_it_sets) {
  const ContextVar<std::string> var("var", "nope");
  run([](ContextVar<std::string> cvar) -> Coro<> {
    auto sub = [](ContextVar<std::string> v) -> Coro<> {
      co_await turn();
      EXPECT_EQ(v.get(), "nope");
      v.set("something else");
    };
    Task<> task = create_task(sub(cvar));
    cvar.set("yes");
    EXPECT_EQ(cvar.get(), "yes");
    co_await task;
    EXPECT_EQ(cvar.get(), "yes");
  }(var));
}

// CPython: test_tasks::BaseTaskTests::test_context_2
// Rule 2.55
TEST_F(context, a_coroutine_that_is_awaited_directly_shares_that_of_its_caller) {
  const ContextVar<int> var("var", 0);
  run([](ContextVar<int> v) -> Coro<> {
    co_await sets(v, 1);
    EXPECT_EQ(v.get(), 1);
    co_await wait_for(sets(v, 2), 1s);
    EXPECT_EQ(v.get(), 2);
    auto block = [v] { return sets(v, 3); };
    co_await with(timeout(1s), block);
    EXPECT_EQ(v.get(), 3);
    co_await gather(sets(v, 4), sets(v, 5));
    EXPECT_EQ(v.get(), 3);
  }(var));
  EXPECT_EQ(var.get(), 0);
}

// CPython: test_tasks::BaseTaskTests::test_context_3
// Rule 2.55
TEST_F(context, a_hundred_tasks_that_take_turns_keep_theirs_apart) {
  const ContextVar<int> var("var", -1);
  run([](ContextVar<int> cvar) -> Coro<> {
    auto sub = [](ContextVar<int> v, int number) -> Coro<> {
      for (int i = 0; i < 10; ++i) {
        v.set(number + i);
        const auto delay = std::chrono::milliseconds((number * 7 + i * 3) % 11);
        co_await sleep(delay);
        EXPECT_EQ(v.get(), number + i);
      }
    };
    std::vector<Coro<>> all;
    for (int i = 0; i < 100; ++i) all.push_back(sub(cvar, i * 100));
    co_await gather(std::move(all));
    EXPECT_EQ(cvar.get(), -1);
  }(var));
}

// CPython: test_tasks::BaseTaskTests::test_context_4
// CPython: test_tasks::BaseTaskTests::test_context_5
// Rule 2.55
TEST_F(context, a_task_can_be_given_one_and_the_callers_stays_as_it_is) {
  const ContextVar<int> var("var", 0);
  run([](ContextVar<int> v) -> Coro<> {
    v.set(1);
    const Context given = copy_context();
    EXPECT_EQ(given[v], 1);
    v.set(2);
    Task<> task = create_task(sets(v, 3), {.context = &given});
    EXPECT_TRUE(task.get_context() == given);
    co_await task;
    EXPECT_EQ(given[v], 3);
    EXPECT_EQ(v.get(), 2);
  }(var));
}

// CPython: test_tasks::BaseTaskTests::test_context_6
TEST_F(context, two_tasks_may_take_turns_in_one) {
  const ContextVar<int> var("var", 0);
  run([](ContextVar<int> v) -> Coro<> {
    const Context shared;
    auto adds = [](ContextVar<int> of) -> Coro<> {
      for (int i = 0; i < 5; ++i) {
        of.set(of.get() + 1);
        co_await turn();
      }
    };
    Task<> one = create_task(adds(v), {.context = &shared});
    Task<> other = create_task(adds(v), {.context = &shared});
    co_await one;
    co_await other;
    EXPECT_EQ(shared[v], 10);
  }(var));
}

TEST_F(context, get_context_gives_the_one_that_a_task_runs_in) {
  const ContextVar<int> var("var", 0);
  run([](ContextVar<int> v) -> Coro<> {
    const Context own = current_task().get_context();
    v.set(1);
    EXPECT_EQ(own[v], 1);
    EXPECT_TRUE(own == current_task().get_context());
    EXPECT_EQ(thrown_by([&] { own.run([] {}); }),
              "RuntimeError: cannot enter context: <Context> is already entered");
    auto waits = [](ContextVar<int> of) -> Coro<int> {
      co_await sleep(1ms);
      co_return of.get();
    };
    Task<int> child = create_task(waits(v));
    co_await turn();
    child.get_context().run([&] { v.set(5); });
    EXPECT_EQ(co_await child, 5);
    EXPECT_EQ(v.get(), 1);
  }(var));
}

// Rule 2.55
TEST_F(context, callbacks_run_in_a_copy_made_when_they_are_scheduled) {
  const ContextVar<int> var("var", 0);
  Trace trace;
  auto noting = [&](std::string name) {
    return [&, name] {
      trace(name + std::to_string(var.get()));
      var.set(99);
    };
  };
  run([](EventLoop& of, ContextVar<int> v, decltype(noting)& note) -> Coro<> {
    v.set(1);
    of.call_soon(note("soon"));
    of.call_later(1ms, note("later"));
    of.call_at(of.time() + 1ms, note("at"));
    of.call_soon_threadsafe(note("threadsafe"));
    Future<> future = of.create_future();
    future.add_done_callback([&note](AnyFuture) { note("done")(); });
    v.set(2);
    const Handle handle = of.call_soon(note("second"));
    EXPECT_EQ(handle.get_context()[v], 2);
    future.set_result();
    co_await sleep(2ms);
    EXPECT_EQ(v.get(), 2);
  }(loop(), var, noting));
  EXPECT_EQ(trace, (Trace{"soon1", "second2", "done1", "threadsafe1", "later1", "at1"}));
  EXPECT_EQ(var.get(), 0);
}

TEST_F(context, callbacks_can_be_given_one) {
  const ContextVar<int> var("var", 0);
  const Context given;
  const CallbackOptions in_given{.context = &given};
  auto adds = [&] { var.set(var.get() + 1); };
  loop().call_soon(adds, in_given);
  loop().call_later(1ms, adds, in_given);
  loop().call_at(now() + 1ms, adds, in_given);
  loop().call_soon_threadsafe(adds, in_given);
  Future<> future = loop().create_future();
  future.add_done_callback([&](AnyFuture) { adds(); }, in_given);
  future.set_result();
  run(sleep(2ms));
  EXPECT_EQ(given[var], 5);
}

TEST_F(context, a_callback_whose_context_is_entered_is_reported_and_not_called) {
  const Context given;
  Trace trace;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& error) {
    trace(error.message + ": " + describe(error.exception));
  });
  loop().call_soon([] { ADD_FAILURE() << "called"; }, {.context = &given});
  given.run([&] { run(turn()); });
  EXPECT_EQ(trace, (Trace{"Exception in callback: RuntimeError: cannot enter context: <Context> is "
                          "already entered"}));
}

// In CPython the step is lost and who awaits the task waits for ever (gh-157301).
TEST_F(context, a_task_whose_context_is_entered_fails_instead_of_hanging) {
  const std::string refusal = "RuntimeError: cannot enter context: <Context> is already entered";
  Trace trace;
  const Context given;
  auto body = [](Trace& out, Noted) -> Coro<int> {
    const Noted local(out, "local");
    co_await sleep(2ms);
    co_return 1;
  };
  Task<int> unstarted;
  Task<int> begun = loop().create_task(body(trace, Noted(trace, "argument")), {.context = &given});
  run(sleep(1ms));
  given.run([&] {
    unstarted = loop().create_task(body(trace, Noted(trace, "argument")), {.context = &given});
    run(sleep(5ms));
  });
  EXPECT_EQ(describe(unstarted.exception()), refusal);
  EXPECT_EQ(describe(begun.exception()), refusal);
  EXPECT_EQ(trace, (Trace{"~argument", "~local", "~argument"}));
}

// CPython: test_threads::ToThreadTests::test_to_thread_contextvars
// Rule 2.55
TEST(context_of_a_thread, to_thread_runs_its_function_in_a_copy) {
  const ContextVar<int> var("var", 0);
  asyncio::run([](ContextVar<int> v) -> Coro<> {
    v.set(8);
    auto in_thread = [v] {
      const int before = v.get();
      v.set(9);
      return before;
    };
    EXPECT_EQ(co_await to_thread(in_thread), 8);
    EXPECT_EQ(v.get(), 8);
    EXPECT_EQ(co_await to_thread(in_thread), 8);
  }(var));
}

TEST_F(context, what_a_task_has_set_goes_with_it) {
  const ContextVar<std::shared_ptr<Noted>> var("var");
  Trace trace;
  run([](ContextVar<std::shared_ptr<Noted>> cvar, Trace& out) -> Coro<> {
    auto body = [](ContextVar<std::shared_ptr<Noted>> v, Trace& t) -> Coro<> {
      v.set(std::make_shared<Noted>(t, "value"));
      co_await turn();
      t("end");
    };
    co_await create_task(body(cvar, out));
    out("after");
  }(var, trace));
  EXPECT_EQ(trace, (Trace{"end", "~value", "after"}));
}

// The task is freed inside its last step, whose context it was.
TEST_F(context, a_value_that_goes_with_its_task_may_look_at_variables) {
  struct Curious {
    explicit Curious(ContextVar<int> of, Trace& out) : var(std::move(of)), trace(out) {}
    Curious(const Curious&) = delete;
    ~Curious() { trace("saw " + std::to_string(var.get())); }
    ContextVar<int> var;
    Trace& trace;
  };
  const ContextVar<int> number("number", -1);
  const ContextVar<std::shared_ptr<Curious>> curious("curious");
  Trace trace;
  run([](ContextVar<int> n, ContextVar<std::shared_ptr<Curious>> c, Trace& out) -> Coro<> {
    auto body = [](ContextVar<int> in, ContextVar<std::shared_ptr<Curious>> ic,
                   Trace& t) -> Coro<> {
      in.set(1);
      ic.set(std::make_shared<Curious>(in, t));
      co_return;
    };
    (void)create_task(body(n, c, out));
    co_await turn();
  }(number, curious, trace));
  EXPECT_EQ(trace, (Trace{"saw -1"}));
}

// --- exception handlers -------------------------------------------------------------------------

// CPython: test_futures2::FutureTests::test_task_exc_handler_correct_context
// Rule 2.9
TEST_F(context_of_handlers, is_that_of_the_task_that_failed) {
  const ContextVar<std::string> var("var", "?");
  Trace trace;
  loop().set_exception_handler(
      [&](EventLoop&, const ExceptionContext& error) { trace(error.message + " " + var.get()); });
  run([](ContextVar<std::string> cvar) -> Coro<> {
    auto fails = [](ContextVar<std::string> v) -> Coro<> {
      v.set("of the task");
      co_await raise<ValueError>("x");
    };
    (void)create_task(fails(cvar));
    co_await turn();
  }(var));
  EXPECT_EQ(trace, (Trace{"Task exception was never retrieved of the task"}));
}

// CPython: test_futures2::FutureTests::test_handle_exc_handler_correct_context
// Rule 2.9
TEST_F(context_of_handlers, is_that_of_the_callback_that_failed) {
  const ContextVar<std::string> var("var", "?");
  Trace trace;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& error) {
    EXPECT_NE(error.handle, nullptr);
    trace(error.message + " " + var.get());
  });
  auto fails = [var] {
    var.set("of the callback");
    throw ValueError("x");
  };
  loop().call_soon(fails);
  loop().call_later(1ms, fails);
  run(sleep(2ms));
  const std::string line = "Exception in callback of the callback";
  EXPECT_EQ(trace, (Trace{line, line}));
}

TEST_F(context_of_handlers, is_the_current_one_when_the_task_itself_calls) {
  const ContextVar<int> var("var", 0);
  Trace trace;
  loop().set_exception_handler(
      [&](EventLoop&, const ExceptionContext&) { trace(std::to_string(var.get())); });
  run([](EventLoop& of, ContextVar<int> v) -> Coro<> {
    v.set(1);
    const AnyTask self = current_task();
    of.call_exception_handler(ExceptionContext("message", nullptr, self.block()));
    co_return;
  }(loop(), var));
  EXPECT_EQ(trace, (Trace{"1"}));
}

}  // namespace
}  // namespace asyncio::test
