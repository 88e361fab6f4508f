#include "asyncio/coro/generator.hpp"

#include <memory>
#include <string>

#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using generator = QuietTest;

Generator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

// The generator of the first article: next(gen) gives the greeting, the next one StopIteration.
Generator<std::string> greet() { co_yield "Hello, generator!"; }

TEST_F(generator, next_gives_each_value_and_then_stop_iteration) {
  auto gen = greet();
  EXPECT_EQ(next(gen), "Hello, generator!");
  EXPECT_THROW(next(gen), StopIteration);
  EXPECT_THROW(next(gen), StopIteration);
  EXPECT_EQ(gen.next(), std::nullopt);
}

TEST_F(generator, nothing_runs_before_the_first_next) {
  Trace trace;
  auto gen = [](Trace& out) -> Generator<int> {
    out("begin");
    co_yield 1;
    out("end");
  }(trace);
  EXPECT_EQ(trace, (Trace{}));
  EXPECT_EQ(gen.next(), 1);
  EXPECT_EQ(trace, (Trace{"begin"}));
  EXPECT_EQ(gen.next(), std::nullopt);
  EXPECT_EQ(trace, (Trace{"begin", "end"}));
}

TEST_F(generator, a_for_loop_takes_all_values_and_an_empty_one_none) {
  int sum = 0;
  for (const int value : count_to(4)) sum += value;
  EXPECT_EQ(sum, 10);
  for (const int value : count_to(0)) ADD_FAILURE() << value;
}

TEST_F(generator, a_for_loop_goes_on_where_next_has_stopped) {
  auto gen = count_to(4);
  EXPECT_EQ(gen.next(), 1);
  std::vector<int> rest;
  for (const int value : gen) rest.push_back(value);
  EXPECT_EQ(rest, (std::vector<int>{2, 3, 4}));
}

TEST_F(generator, next_takes_nothing_away_from_a_variable_that_is_yielded) {
  auto gen = []() -> Generator<std::string> {
    std::string text = "a long text that does not fit into the string itself";
    co_yield text;
    co_yield text;
    const std::string fixed = "fixed";
    co_yield fixed;
    co_yield fixed;
  }();
  EXPECT_EQ(next(gen), "a long text that does not fit into the string itself");
  EXPECT_EQ(next(gen), "a long text that does not fit into the string itself");
  EXPECT_EQ(next(gen), "fixed");
  EXPECT_EQ(next(gen), "fixed");
}

TEST_F(generator, move_only_values_move_out) {
  auto gen = []() -> Generator<std::unique_ptr<int>> { co_yield std::make_unique<int>(5); }();
  EXPECT_EQ(*next(gen), 5);
}

TEST_F(generator, an_exception_comes_out_of_next_and_ends_it) {
  Trace trace;
  auto gen = [](Trace& out) -> Generator<int> {
    const Noted local(out, "local");
    co_yield 1;
    throw ValueError("broken");
  }(trace);
  EXPECT_EQ(gen.next(), 1);
  EXPECT_EQ(thrown_by([&] { (void)gen.next(); }), "ValueError: broken");
  EXPECT_EQ(trace, (Trace{"~local"}));
  EXPECT_EQ(gen.next(), std::nullopt);
}

TEST_F(generator, one_that_runs_cannot_be_asked_for_its_next_value) {
  struct Own {
    Generator<int> generator;
    std::string outcome;
  } own;
  own.generator = [](Own& self) -> Generator<int> {
    co_yield 1;
    self.outcome = thrown_by([&] { (void)self.generator.next(); });
    co_yield 2;
    // As in Python, what is not caught ends it and comes out of the outer call.
    for (const int value : self.generator) co_yield 10 * value;
  }(own);
  EXPECT_EQ(next(own.generator), 1);
  EXPECT_EQ(next(own.generator), 2);
  EXPECT_EQ(own.outcome, "ValueError: generator already executing");
  EXPECT_EQ(thrown_by([&] { (void)own.generator.next(); }),
            "ValueError: generator already executing");
  EXPECT_EQ(own.generator.next(), std::nullopt);
}

TEST(generator_death, one_that_runs_cannot_be_closed) {
  static Generator<int> generator;
  generator = []() -> Generator<int> {
    generator.close();
    co_yield 1;
  }();
  EXPECT_DEATH((void)generator.next(), "a generator that runs was closed, or let go of");
}

TEST_F(generator, close_ends_it_where_it_stands) {
  Trace trace;
  auto gen = [](Trace& out) -> Generator<int> {
    const Noted local(out, "local");
    co_yield 1;
    out("not reached");
  }(trace);
  EXPECT_EQ(gen.next(), 1);
  gen.close();
  EXPECT_EQ(trace, (Trace{"~local"}));
  EXPECT_EQ(gen.next(), std::nullopt);
}

TEST_F(generator, one_that_is_dropped_ends_where_it_stands) {
  Trace trace;
  {
    auto gen = [](Trace& out, Noted) -> Generator<int> {
      const Noted local(out, "local");
      co_yield 1;
    }(trace, Noted(trace, "argument"));
    (void)gen.next();
  }
  EXPECT_EQ(trace, (Trace{"~local", "~argument"}));
}

}  // namespace
}  // namespace asyncio::test
