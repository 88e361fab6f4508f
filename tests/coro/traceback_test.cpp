#include "asyncio/coro/traceback.hpp"

#include <source_location>

#include "asyncio/run/runner.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

using traceback = LoopTest;

unsigned here(std::source_location at = std::source_location::current()) { return at.line(); }

struct Lines {
  unsigned inner = 0;
  unsigned outer = 0;
};

Coro<> inner(Lines& lines) {
  co_await sleep(1ms), lines.inner = here();
  throw ValueError("no");
}
Coro<> outer(Lines& lines) { lines.outer = here(), co_await inner(lines); }
Coro<> quiet_inner() {
  co_await sleep(1ms);
  co_await raise<ValueError>("no");
}
Coro<> quiet_outer() { co_await pass(quiet_inner()); }

std::vector<std::string> functions(const std::vector<FrameCallGraphEntry>& stack) {
  std::vector<std::string> names;
  for (const auto& entry : stack) {
    names.push_back(entry.function.substr(entry.function.rfind(':') + 1));
  }
  return names;
}

TEST_F(traceback, a_task_that_failed_knows_the_coroutines_its_error_has_left_and_their_lines) {
  Lines lines;
  auto task = loop().create_task(outer(lines));
  EXPECT_EQ(thrown_by([&] { run(task); }), "ValueError: no");
  const auto stack = task.get_stack();
  EXPECT_THAT(functions(stack), ElementsAre("outer", "inner"));
  EXPECT_EQ(stack[0].line, lines.outer);
  EXPECT_EQ(stack[1].line, lines.inner);
  EXPECT_THAT(stack[0].file, ::testing::EndsWith("traceback_test.cpp"));
}

TEST_F(traceback, errors_that_pass_without_a_throw_leave_one_too) {
  auto task = loop().create_task(quiet_outer());
  EXPECT_EQ(thrown_by([&] { run(task); }), "ValueError: no");
  EXPECT_THAT(functions(task.get_stack()), ElementsAre("quiet_outer", "quiet_inner"));
}

TEST_F(traceback, it_goes_on_through_the_task_that_awaits_one_that_failed) {
  auto awaits = []() -> Coro<> { co_await create_task(quiet_outer()); };
  auto gathers = []() -> Coro<> { co_await gather(quiet_outer(), sleep(1s)); };
  for (int i = 0; i < 2; ++i) {
    auto task = i == 0 ? loop().create_task(awaits) : loop().create_task(gathers);
    EXPECT_EQ(thrown_by([&] { run(task); }), "ValueError: no");
    EXPECT_THAT(functions(task.get_stack()), ElementsAre("<lambda>", "quiet_outer", "quiet_inner"));
  }
  detail::cancel_and_join_all(scheduler());
}

TEST_F(traceback, two_that_await_the_same_failure_each_have_their_own_way) {
  auto fails = loop().create_task(quiet_inner());
  auto first = [](Task<> t) -> Coro<> { co_await t; };
  struct Second {
    static Coro<> second(Task<> t) { co_await t; }
  };
  auto a = loop().create_task(first(fails));
  auto b = loop().create_task(Second::second(fails));
  EXPECT_EQ(thrown_by([&] { run(a); }), "ValueError: no");
  EXPECT_EQ(thrown_by([&] { run(b); }), "ValueError: no");
  EXPECT_THAT(functions(a.get_stack()), ElementsAre("<lambda>", "quiet_inner"));
  EXPECT_THAT(functions(b.get_stack()), ElementsAre("second", "quiet_inner"));
}

TEST_F(traceback, an_error_that_was_caught_is_not_part_of_the_next_one) {
  auto body = []() -> Coro<> {
    for (int i = 0; i < 3; ++i) {
      bool caught = false;
      try {
        co_await quiet_outer();
      } catch (const ValueError&) {
        caught = true;
      }
      EXPECT_TRUE(caught);
    }
    throw RuntimeError("other");
  };
  auto task = loop().create_task(body);
  EXPECT_EQ(thrown_by([&] { run(task); }), "RuntimeError: other");
  EXPECT_THAT(functions(task.get_stack()), ElementsAre("<lambda>"));
}

TEST_F(traceback, of_a_long_chain_the_ends_are_kept) {
  struct Deep {
    static Coro<> down(int depth) {
      if (depth == 0) co_await raise<ValueError>("deep");
      co_await pass(down(depth - 1));
    }
  };
  auto task = loop().create_task(Deep::down(200));
  EXPECT_EQ(thrown_by([&] { run(task); }), "ValueError: deep");
  EXPECT_EQ(task.get_stack().size(), 64U);
}

// CPython: test_futures::BaseFutureTests::test_tb_logger_exception_unretrieved
TEST_F(traceback, an_exception_that_nobody_retrieves_is_reported_with_it) {
  {
    (void)loop().create_task(quiet_outer());
  }
  run(sleep(1s));
  const auto logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0],
              MatchesRegex("Task exception was never retrieved\n"
                           "future: <Task finished name='Task-[0-9]+' coro=<.*> exception=.*>\n"
                           "Traceback \\(most recent call last\\):\n"
                           "  File \".*traceback_test.cpp\", line [0-9]+, in .*quiet_outer\n"
                           "  File \".*traceback_test.cpp\", line [0-9]+, in .*quiet_inner\n"
                           "ValueError: no"));
}

TEST_F(traceback, being_cancelled_leaves_none) {
  auto task = loop().create_task(sleep(1h));
  loop().call_later(1s, [task] { task.cancel(); });
  EXPECT_EQ(thrown_by([&] { run(task); }), "CancelledError");
  EXPECT_TRUE(task.get_stack().empty());
}

TEST_F(traceback, format_exception_knows_the_way_of_what_run_has_thrown) {
  std::string text;
  try {
    asyncio::run(quiet_outer());
  } catch (const ValueError&) {
    text = format_exception();
  }
  EXPECT_THAT(text, MatchesRegex("Traceback \\(most recent call last\\):\n"
                                 "  File .*, in .*quiet_outer\n  File .*, in .*quiet_inner\n"
                                 "ValueError: no"));
  EXPECT_EQ(format_exception(std::make_exception_ptr(ValueError("x"))), "ValueError: x");
}

}  // namespace
}  // namespace asyncio::test
