#include "asyncio/task/task.hpp"

#include <memory>

#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using task = LoopTest;
using system_exit = LoopTest;

Coro<> turn() { co_await sleep(0s); }
Coro<int> number(int value) {
  co_await turn();
  co_return value;
}

// Rule 2.14
TEST_F(task, create_task_runs_nothing_before_the_next_turn) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      out("child");
      co_return;
    };
    Task<> child = create_task(body);
    out("created");
    co_await turn();
    out("turn");
    EXPECT_TRUE(child.done());
  }(trace));
  EXPECT_EQ(trace, (Trace{"created", "child", "turn"}));
}

TEST_F(task, its_result_can_be_awaited_many_times) {
  run([]() -> Coro<> {
    Task<std::string> child = create_task([]() -> Coro<std::string> {
      co_await turn();
      co_return "a text that needs memory of its own";
    }());
    const std::string first = co_await child;
    const std::string second = co_await child;
    EXPECT_EQ(first, second);
    EXPECT_EQ(child.result(), first);
  }());
}

TEST_F(task, a_lambda_and_its_captures_live_as_long_as_its_coroutine) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<> child;
    {
      auto noted = std::make_shared<Noted>(out, "capture");
      auto body = [noted, &out]() -> Coro<> {
        co_await turn();
        out(noted != nullptr ? "alive" : "gone");
      };
      noted.reset();
      child = create_task(std::move(body));
    }
    co_await turn();
    out("body is out of scope");
    co_await child;
    out("done");
  }(trace));
  EXPECT_EQ(trace, (Trace{"body is out of scope", "alive", "~capture", "done"}));
}

TEST_F(task, its_arguments_go_when_it_ends_while_handles_live_on) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [](Noted) -> Coro<> { co_await turn(); };
    Task<> child = create_task(body(Noted(out, "argument")));
    co_await child;
    out("handle lives");
  }(trace));
  EXPECT_EQ(trace, (Trace{"~argument", "handle lives"}));
}

TEST_F(task, one_that_nobody_holds_runs_to_its_end) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [](Trace& t) -> Coro<> {
      co_await sleep(1ms);
      t("end");
    };
    (void)create_task(body(out));
    co_await sleep(2ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"end"}));
}

TEST_F(task, has_the_name_given_or_a_number) {
  run([]() -> Coro<> {
    Task<int> named = create_task(number(1), {.name = "first"});
    EXPECT_EQ(named.get_name(), "first");
    Task<int> a = create_task(number(1));
    Task<int> b = create_task(number(1));
    EXPECT_THAT(a.get_name(), ::testing::MatchesRegex("Task-[0-9]+"));
    EXPECT_EQ(std::stoi(a.get_name().substr(5)) + 1, std::stoi(b.get_name().substr(5)));
    const std::string before = a.get_name();
    a.cancel("a message does not change it");
    EXPECT_EQ(a.get_name(), before);
    b.set_name("second");
    EXPECT_EQ(b.get_name(), "second");
    (void)co_await try_(gather(return_exceptions, named, a, b));
  }());
}

TEST_F(task, its_repr_tells_state_name_and_where_it_is) {
  run([]() -> Coro<> {
    Task<int> child = create_task(number(1), {.name = "n"});
    EXPECT_THAT(child.repr(),
                ::testing::MatchesRegex("<Task pending name='n' coro=<asyncio::test::number\\(\\) "
                                        "running at .*task_test.cpp:[0-9]+>>"));
    co_await turn();
    child.cancel();
    EXPECT_THAT(child.repr(), ::testing::StartsWith("<Task cancelling name='n'"));
    (void)co_await try_(child);
    EXPECT_EQ(child.repr(), "<Task cancelled name='n' coro=<asyncio::test::number() done>>");
    Task<int> finished = create_task(number(7), {.name = "m"});
    co_await finished;
    EXPECT_EQ(finished.repr(),
              "<Task finished name='m' coro=<asyncio::test::number() done> result=7>");
  }());
}

TEST_F(task, its_repr_tells_what_it_waits_for_and_who_waits_for_it) {
  run([]() -> Coro<> {
    Future<> future = create_future();
    auto waits = [&]() -> Coro<> { co_await future; };
    Task<> inner = create_task(waits, {.name = "inner"});
    auto waits_for_it = [&]() -> Coro<> { co_await inner; };
    Task<> outer = create_task(waits_for_it, {.name = "outer"});
    co_await turn();
    EXPECT_THAT(inner.repr(),
                ::testing::EndsWith(" wait_for=<Future pending cb=[Task.task_wakeup()]> "
                                    "cb=[Task.task_wakeup()]>"));
    EXPECT_THAT(outer.repr(), ::testing::HasSubstr(" wait_for=<Task pending name='inner' coro="));
    future.set_result();
    co_await outer;
  }());
}

TEST_F(task, get_coro_tells_its_coroutine_unless_that_was_done_at_once) {
  run([]() -> Coro<> {
    Task<int> child = create_task(number(1));
    EXPECT_EQ(child.get_coro()->name, "asyncio::test::number");
    EXPECT_TRUE(child.get_coro()->running.has_value());
    co_await child;
    EXPECT_EQ(child.get_coro()->name, "asyncio::test::number");
    EXPECT_FALSE(child.get_coro()->running.has_value());
    auto at_once = []() -> Coro<> { co_return; };
    EXPECT_FALSE(create_task(at_once, {.eager_start = true}).get_coro().has_value());
  }());
}

TEST_F(task, ensure_future_refuses_a_future_of_another_loop) {
  EventLoop other(std::make_unique<VirtualBackend>());
  Future<int> foreign = other.create_future<int>();
  EXPECT_EQ(thrown_by([&] { (void)ensure_future(foreign, scheduler()); }),
            "ValueError: The future belongs to a different loop than the one specified as the loop "
            "argument");
  EXPECT_TRUE(ensure_future(foreign, other.scheduler()) == foreign);
}

// CPython: test_tasks::BaseTaskTests::test_current_task_with_interleaving_tasks
TEST_F(task, current_task_is_the_one_whose_code_runs) {
  EXPECT_EQ(thrown_by([] { (void)current_task(); }), "RuntimeError: no running event loop");
  loop().call_soon([] { EXPECT_FALSE(current_task()); });
  run([]() -> Coro<> {
    const AnyTask self = current_task();
    auto in_self = [&self]() -> Coro<bool> {
      const bool before = current_task() == self;
      co_await turn();
      co_return before&& current_task() == self;
    };
    EXPECT_TRUE(co_await in_self());
    Task<bool> child = create_task(in_self);
    co_await turn();
    EXPECT_TRUE(current_task() == self);
    EXPECT_FALSE(co_await child);
    EXPECT_TRUE(current_task() == self);
  }());
}

TEST_F(task, all_tasks_are_the_unfinished_ones_in_order_of_creation) {
  run([]() -> Coro<> {
    Task<int> a = create_task(number(1));
    Task<int> b = create_task(number(2));
    std::vector<AnyTask> all = all_tasks();
    EXPECT_EQ(all.size(), 3U);
    EXPECT_TRUE(all[0] == current_task() && all[1] == a && all[2] == b);
    co_await a;
    co_await b;
    EXPECT_EQ(all_tasks().size(), 1U);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_task_awaits_on_itself
// Rule 2.57
TEST_F(task, one_that_awaits_itself_is_told_so_in_the_next_turn) {
  run([]() -> Coro<> {
    Task<> self;
    auto body = [&self]() -> Coro<> { co_await self; };
    self = create_task(body());
    Result<void> result = co_await try_(self);
    EXPECT_THAT(describe(result.exception()),
                ::testing::StartsWith("RuntimeError: Task cannot await on itself: <Task pending"));
    self = Task<>();
  }());
}

TEST_F(task, an_exception_of_an_awaited_task_is_that_of_the_await) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      co_await turn();
      throw ValueError("child");
    };
    Task<> child = create_task(fails);
    for (int i = 0; i < 2; ++i) {
      Result<void> result = co_await try_(child);
      EXPECT_EQ(describe(result.exception()), "ValueError: child");
    }
    EXPECT_FALSE(child.cancelled());
  }());
}

TEST_F(task, ensure_future_keeps_futures_and_makes_tasks_of_the_rest) {
  run([]() -> Coro<> {
    Future<int> f = create_future<int>();
    EXPECT_TRUE(ensure_future(f) == f);
    f.set_result(1);
    Task<int> made = ensure_future(number(2));
    EXPECT_TRUE(ensure_future(made) == made);
    Task<> pause = ensure_future(sleep(0s));
    EXPECT_EQ(co_await made, 2);
    co_await pause;
  }());
}

struct Answer {
  bool await_ready() const { return true; }
  void await_suspend(std::coroutine_handle<>) const {}
  int await_resume() const { return 42; }
};

// CPython: the task's first step raises it.
TEST_F(task, of_a_coroutine_that_was_awaited_before_fails) {
  run([]() -> Coro<> {
    Coro<int> coroutine = number(1);
    co_await coroutine;
    Task<int> again = create_task(std::move(coroutine));
    EXPECT_FALSE(again.done());
    Result<int> result = co_await try_(again);
    EXPECT_EQ(describe(result.exception()), "RuntimeError: cannot reuse already awaited coroutine");
  }());
}

TEST_F(task, create_task_takes_any_awaitable_and_awaiters_become_coroutines) {
  run([]() -> Coro<> {
    Task<int> answer = create_task(Answer());
    EXPECT_EQ(co_await answer, 42);
    std::vector<Coro<>> pauses;
    pauses.push_back(sleep(1ms));
    pauses.push_back(sleep(2ms));
    co_await gather(std::move(pauses));
    Coro<std::string> later = sleep(1ms, std::string("later"));
    EXPECT_EQ(co_await std::move(later), "later");
    Future<int> f = create_future<int>();
    f.set_result(9);
    Coro<int> of_future = f.operator co_await();
    EXPECT_EQ(co_await std::move(of_future), 9);
  }());
}

TEST_F(task, create_task_without_a_loop_is_refused_and_the_coroutine_was_never_awaited) {
  EXPECT_EQ(thrown_by([] { (void)create_task(number(1)); }), "RuntimeError: no running event loop");
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::HasSubstr("'asyncio::test::number' was never awaited"));
}

// --- KeyboardInterrupt and SystemExit -----------------------------------------------------------

// CPython: test_base_events::BaseEventLoopTests::test_run_until_complete_baseexception
// Rule 2.8
TEST_F(system_exit, in_a_task_leaves_the_loop_at_once_and_the_loop_can_run_again) {
  Trace trace;
  EXPECT_EQ(thrown_by([&] {
              run([](Trace& out) -> Coro<> {
                get_running_loop().call_soon([&out] { out("soon"); });
                co_await turn();
                throw SystemExit(3);
              }(trace));
            }),
            "SystemExit: 3");
  EXPECT_FALSE(loop().is_running());
  EXPECT_EQ(run(number(2)), 2);
  EXPECT_EQ(trace, (Trace{"soon"}));
}

TEST_F(system_exit, in_the_main_task_does_not_stop_the_next_run) {
  EXPECT_EQ(thrown_by([&] {
              run([]() -> Coro<> {
                throw SystemExit(3);
                co_return;
              }());
            }),
            "SystemExit: 3");
  auto long_one = []() -> Coro<int> {
    for (int i = 0; i < 10; ++i) co_await turn();
    co_return 1;
  };
  EXPECT_EQ(run(long_one()), 1);
}

TEST_F(system_exit, of_a_child_is_not_thrown_into_its_parent_but_is_the_childs_exception) {
  Task<> child = loop().create_task([]() -> Coro<> {
    throw KeyboardInterrupt();
    co_return;
  }());
  Task<int> other = loop().create_task(number(1));
  EXPECT_EQ(thrown_by([&] { run(other); }), "KeyboardInterrupt");
  EXPECT_TRUE(child.done());
  EXPECT_EQ(describe(child.exception()), "KeyboardInterrupt");
  EXPECT_EQ(run(other), 1);
}

}  // namespace
}  // namespace asyncio::test
