#include "asyncio/task/call_graph.hpp"

#include <sstream>

#include "asyncio/coro/with.hpp"
#include "asyncio/task/as_completed.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/shield.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

using call_graph = LoopTest;

std::string last_word(const std::string& function) {
  return function.substr(function.rfind(':') + 1);
}

// "T1[c5 c4]<T2[..]>": a task, its coroutines from the innermost on, who awaits it.
std::string text_of(const FutureCallGraph& graph) {
  const auto* task = dynamic_cast<const detail::TaskBase*>(graph.future.block());
  std::string text = (task != nullptr ? task->name() : "Future") + "[";
  for (const auto& entry : graph.call_stack) {
    text += (text.back() == '[' ? "" : " ") + last_word(entry.function);
  }
  text += "]";
  for (const auto& parent : graph.awaited_by) text += "<" + text_of(parent) + ">";
  return text;
}

// Notes its graph, from a coroutine within another one.
Coro<> c5(std::string& out) {
  auto graph = co_await capture_call_graph();
  out = text_of(*graph);
}
Coro<> c4(std::string& out) {
  co_await sleep(0s);
  co_await c5(out);
}
Coro<> c2(std::string& out) { co_await c4(out); }

// CPython: test_graph::CallStackTestBase::test_stack_tgroup
// Rule 2.64
TEST_F(call_graph, of_a_task_group_shows_the_child_and_the_task_that_runs_the_block) {
  std::string out;
  struct Root {
    static Coro<> main(std::string& out) {
      auto block = [&out](TaskGroup& group) -> Coro<> {
        (void)group.create_task(c2(out), {.name = "child"});
        co_return;
      };
      co_await with(TaskGroup{}, block);
    }
  };
  run(loop().create_task(Root::main(out), {.name = "root"}));
  EXPECT_EQ(out, "child[c5 c4 c2]<root[with_block main]>");
}

// CPython: test_graph::CallStackTestBase::test_stack_gather
TEST_F(call_graph, of_a_gathered_task_leads_to_the_task_that_awaits_the_gather) {
  std::string out;
  auto main = [&out]() -> Coro<> { co_await gather(c2(out), sleep(1s)); };
  run(loop().create_task(main, {.name = "root"}));
  EXPECT_THAT(out, MatchesRegex("Task-[0-9]+\\[c5 c4 c2\\]<root\\[<lambda>\\]>"));
}

// CPython: test_graph::CallStackTestBase::test_stack_gather_survivor
TEST_F(call_graph, one_that_outlives_its_gather_is_awaited_by_nobody) {
  std::string out;
  auto late = [](std::string& text) -> Coro<> {
    co_await sleep(1s);
    co_await c5(text);
  };
  auto main = [&]() -> Coro<> {
    auto fails = []() -> Coro<> { co_await raise<ValueError>("x"); };
    auto survivor = create_task(late(out), {.name = "survivor"});
    (void)co_await try_(gather(fails(), survivor));
    co_await sleep(2s);
  };
  run(main());
  EXPECT_EQ(out, "survivor[c5 <lambda>]");
}

// CPython: test_graph::CallStackTestBase::test_stack_shield
TEST_F(call_graph, of_a_shielded_task_leads_to_the_task_that_awaits_the_shield) {
  std::string out;
  auto main = [&out]() -> Coro<> {
    auto inner = create_task(c2(out), {.name = "inner"});
    co_await shield(inner);
  };
  run(loop().create_task(main, {.name = "root"}));
  EXPECT_EQ(out, "inner[c5 c4 c2]<root[<lambda>]>");
}

// CPython: test_graph::CallStackTestBase::test_stack_as_completed
// CPython: test_graph::CallStackTestBase::test_stack_as_completed_timeout
TEST_F(call_graph, as_completed_leads_to_the_task_that_waits_for_the_next_one_until_its_timeout) {
  std::string during;
  std::string after;
  auto main = [&]() -> Coro<> {
    auto slow = create_task(sleep(1h), {.name = "slow"});
    auto looks = [&during, slow]() -> Coro<> {
      co_await sleep(1ms);
      during = text_of(capture_call_graph(slow, {.limit = 0}));
    };
    auto watcher = create_task(looks);
    std::vector<Task<>> tasks{slow};
    for (auto next : as_completed(tasks, {.timeout = 10ms})) {
      auto outcome = co_await try_(std::move(next));
      EXPECT_EQ(describe(outcome.exception()), "TimeoutError");
    }
    after = text_of(capture_call_graph(slow, {.limit = 0}));
    slow.cancel();
    co_await watcher;
  };
  run(loop().create_task(main, {.name = "root"}));
  EXPECT_EQ(during, "slow[]<root[]>");
  EXPECT_EQ(after, "slow[]");
}

TEST_F(call_graph, of_an_awaited_task_is_a_chain) {
  std::string out;
  auto main = [&]() -> Coro<> {
    auto middle = [&]() -> Coro<> { co_await create_task(c2(out), {.name = "inner"}); };
    co_await create_task(middle, {.name = "middle"});
  };
  run(loop().create_task(main, {.name = "root"}));
  EXPECT_EQ(out, "inner[c5 c4 c2]<middle[<lambda>]<root[<lambda>]>>");
}

// CPython: test_graph::CallStackTestBase::test_stack_timeout
TEST_F(call_graph, wait_leads_to_its_task_until_it_has_ended_and_wait_for_is_no_edge) {
  std::string during;
  std::string after;
  auto main = [&]() -> Coro<> {
    auto slow = create_task(sleep(1h), {.name = "slow"});
    auto looks = [&during, slow]() -> Coro<> {
      co_await sleep(1ms);
      during = text_of(capture_call_graph(slow, {.limit = 0}));
    };
    auto watcher = create_task(looks);
    std::vector<AnyTask> tasks{slow};
    (void)co_await asyncio::wait(tasks, {.timeout = 10ms});
    after = text_of(capture_call_graph(slow, {.limit = 0}));
    (void)co_await try_(wait_for(slow, 1ms));
    co_await watcher;
  };
  run(loop().create_task(main, {.name = "root"}));
  EXPECT_EQ(during, "slow[]<root[]>");
  EXPECT_EQ(after, "slow[]");
}

// CPython: test_graph::CallStackTestBase::test_capture_call_graph_positive_limit
// CPython: test_graph::CallStackTestBase::test_capture_call_graph_negative_limit
// CPython: test_graph::CallStackTestBase::test_capture_call_graph_zero_limit
TEST_F(call_graph, limits_count_from_the_innermost_or_from_the_outermost) {
  Trace trace;
  struct Nest {
    static Coro<> c1(Trace& out) {
      for (const int limit : {2, -2, 0, 9}) {
        auto graph = co_await capture_call_graph({.limit = limit});
        out(text_of(*graph));
      }
    }
    static Coro<> c2(Trace& out) { co_await c1(out); }
    static Coro<> c3(Trace& out) { co_await c2(out); }
  };
  run(loop().create_task(Nest::c3(trace), {.name = "t"}));
  EXPECT_EQ(trace, (Trace{"t[c1 c2]", "t[c2 c3]", "t[]", "t[c1 c2 c3]"}));
}

// CPython: test_graph::CallStackTestBase::test_capture_call_graph_outside_loop
TEST_F(call_graph, of_a_parked_task_and_of_a_bare_future) {
  struct Parks {
    static Coro<> inner() { co_await sleep(1h); }
    static Coro<> outer() { co_await inner(); }
  };
  Future<> future = loop().create_future();
  auto waits = [future]() -> Coro<> { co_await future; };
  auto task = loop().create_task(Parks::outer(), {.name = "parked"});
  auto waiter = loop().create_task(waits, {.name = "waiter"});
  run(sleep(1s));
  EXPECT_EQ(text_of(capture_call_graph(task)), "parked[inner outer]");
  EXPECT_EQ(text_of(capture_call_graph(future)), "Future[]<waiter[<lambda>]>");
  EXPECT_EQ(thrown_by([] { (void)capture_call_graph(AnyFuture()); }).substr(0, 9), "TypeError");
  detail::cancel_and_join_all(scheduler());
}

TEST_F(call_graph, is_printed_as_python_prints_it) {
  auto task = loop().create_task([]() -> Coro<> { co_await sleep(1h); }, {.name = "inner"});
  auto waiter = loop().create_task([task]() -> Coro<> { co_await task; }, {.name = "outer"});
  run(sleep(1s));
  std::ostringstream out;
  print_call_graph(task, out);
  EXPECT_THAT(
      out.str(),
      MatchesRegex("\\* Task\\(name='inner', id=0x[0-9a-f]+\\)\n"
                   "  \\+ Call stack:\n"
                   "  \\|   File '.*call_graph_test.cpp', line [0-9]+, in async <lambda>\\(\\)\n"
                   "  \\+ Awaited by:\n"
                   "    \\* Task\\(name='outer', id=0x[0-9a-f]+\\)\n"
                   "      \\+ Call stack:\n"
                   "      \\|   File '.*', line [0-9]+, in async <lambda>\\(\\)\n"));
  const std::string all = format_tasks(scheduler());
  EXPECT_THAT(all, HasSubstr("* Task(name='inner'"));
  EXPECT_THAT(all, HasSubstr("\n* Task(name='outer'"));
  detail::cancel_and_join_all(scheduler());
}

TEST_F(call_graph, finds_tasks_that_wait_for_each_other) {
  Task<> first;
  auto second = loop().create_task(
      [&first]() -> Coro<> {
        co_await sleep(0s);
        co_await first;
      },
      {.name = "second"});
  first = loop().create_task([second]() -> Coro<> { co_await second; }, {.name = "first"});
  run(sleep(1s));
  const auto cycles = find_await_cycles(scheduler());
  ASSERT_EQ(cycles.size(), 1U);
  EXPECT_EQ(cycles[0].size(), 2U);
  EXPECT_THAT(format_tasks(scheduler()), HasSubstr("cycle: second -> first -> second\n"));
  EXPECT_EQ(text_of(capture_call_graph(first)),
            "first[<lambda>]<second[<lambda>]<first[<lambda>]>>");
  first.cancel();
  second.cancel();
  detail::cancel_and_join_all(scheduler());
  first = {};
}

// CPython: test_pep492::CoroutineTests::test_task_print_stack
TEST_F(call_graph, get_stack_and_print_stack_show_where_a_task_waits) {
  struct Parks {
    static Coro<> inner() { co_await sleep(1h); }
    static Coro<> outer() { co_await inner(); }
  };
  auto task = loop().create_task(Parks::outer(), {.name = "t"});
  run(sleep(1s));
  const auto stack = task.get_stack();
  ASSERT_EQ(stack.size(), 2U);
  EXPECT_EQ(last_word(stack[0].function), "outer");
  EXPECT_EQ(last_word(stack[1].function), "inner");
  EXPECT_EQ(last_word(task.get_stack(1).at(0).function), "inner");
  std::ostringstream out;
  task.print_stack(out);
  EXPECT_THAT(out.str(),
              MatchesRegex("Stack for <Task pending name='t' coro=<.*> \\(most recent "
                           "call last\\):\n  File .*, in .*outer\n  File .*, in .*inner\n"));
  detail::cancel_and_join_all(scheduler());
  std::ostringstream none;
  task.print_stack(none);
  EXPECT_THAT(none.str(), MatchesRegex("No stack for <Task cancelled name='t' coro=<.*done>>\n"));
}

}  // namespace
}  // namespace asyncio::test
