// Context variables by themselves; how tasks, callbacks and threads hand them on is in
// tests/task/context_test.cpp.
#include "asyncio/base/contextvars.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace asyncio {
namespace {

using ::testing::ElementsAre;

std::string thrown_by(const std::function<void()>& call) {
  try {
    call();
  } catch (...) {
    return base::describe(std::current_exception());
  }
  return "nothing";
}

TEST(context_var, has_a_name_and_no_value_before_it_is_set) {
  const ContextVar<int> var("var");
  EXPECT_EQ(var.name(), "var");
  EXPECT_EQ(var.repr(), "<ContextVar name='var'>");
  EXPECT_EQ(thrown_by([&] { (void)var.get(); }), "LookupError: <ContextVar name='var'>");
  EXPECT_EQ(var.get(5), 5);
}

TEST(context_var, a_default_is_its_value_until_it_is_set) {
  const ContextVar<std::string> var("var", "default");
  EXPECT_EQ(var.get(), "default");
  EXPECT_EQ(var.get("of the call"), "of the call");
  Context().run([&] {
    var.set("set");
    EXPECT_EQ(var.get(), "set");
    EXPECT_EQ(var.get("of the call"), "set");
  });
  EXPECT_EQ(var.get(), "default");
}

TEST(context_var, one_of_the_same_name_is_another_and_a_copy_is_the_same) {
  const ContextVar<int> one("var");
  const ContextVar<int> other("var");
  const ContextVar<int> copy = one;
  EXPECT_TRUE(copy == one);
  EXPECT_FALSE(other == one);
  Context().run([&] {
    one.set(1);
    EXPECT_EQ(copy.get(), 1);
    EXPECT_EQ(other.get(0), 0);
  });
}

TEST(context_var, lives_on_in_contexts_when_it_goes) {
  Context context;
  {
    const ContextVar<std::string> gone("gone");
    context.run([&] { gone.set("a text that needs memory of its own"); });
  }
  EXPECT_THAT(context.keys(), ElementsAre("gone"));
}

TEST(token, undoes_what_set_did_once) {
  const ContextVar<int> var("var");
  Context().run([&] {
    const Token<int> first = var.set(1);
    const Token<int> second = var.set(2);
    EXPECT_EQ(first.old_value(), std::nullopt);
    EXPECT_EQ(second.old_value(), 1);
    EXPECT_TRUE(second.var() == var);
    var.reset(second);
    EXPECT_EQ(var.get(), 1);
    EXPECT_EQ(thrown_by([&] { var.reset(second); }),
              "RuntimeError: <Token used var=<ContextVar name='var'>> has already been used once");
    var.reset(first);
    EXPECT_EQ(var.get(7), 7);
  });
}

TEST(token, of_another_variable_or_context_is_refused_and_stays_good) {
  const ContextVar<int> var("var");
  const ContextVar<int> other("other");
  Context().run([&] {
    const Token<int> token = var.set(1);
    EXPECT_EQ(thrown_by([&] { other.reset(token); }),
              "ValueError: <Token var=<ContextVar name='var'>> was created by a different "
              "ContextVar");
    EXPECT_EQ(thrown_by([&] { copy_context().run([&] { var.reset(token); }); }),
              "ValueError: <Token var=<ContextVar name='var'>> was created in a different Context");
    var.reset(token);
    EXPECT_EQ(var.get(0), 0);
  });
}

TEST(context, keeps_what_its_functions_set_and_hides_it_from_others) {
  const ContextVar<int> var("var");
  const Context context;
  EXPECT_EQ(context.run([&](int value) { return var.set(value), value + 1; }, 3), 4);
  EXPECT_EQ(var.get(0), 0);
  EXPECT_EQ(context.run([&] { return var.get(); }), 3);
  const Context same = context;
  EXPECT_TRUE(same == context);
  same.run([&] { var.set(4); });
  EXPECT_EQ(context[var], 4);
}

TEST(context, tells_what_is_set_in_it_and_no_defaults) {
  const ContextVar<int> a("a", 1);
  const ContextVar<std::string> b("b");
  const Context context;
  EXPECT_EQ(context.size(), 0U);
  EXPECT_FALSE(context.contains(a));
  EXPECT_EQ(context.get(a), std::nullopt);
  EXPECT_EQ(thrown_by([&] { (void)context[a]; }), "KeyError: <ContextVar name='a'>");
  context.run([&] {
    b.set("x");
    a.set(2);
    b.set("y");
  });
  EXPECT_EQ(context.size(), 2U);
  EXPECT_TRUE(context.contains(b));
  EXPECT_EQ(context.get(b), "y");
  EXPECT_THAT(context.keys(), ElementsAre("b", "a"));
}

TEST(context, a_copy_has_the_same_values_and_then_goes_its_own_way) {
  const ContextVar<int> var("var");
  const ContextVar<int> second("second");
  const Context original;
  original.run([&] { var.set(1); });
  const Context copy = original.copy();
  EXPECT_FALSE(copy == original);
  copy.run([&] {
    var.set(2);
    second.set(2);
  });
  original.run([&] {
    EXPECT_EQ(var.get(), 1);
    EXPECT_EQ(second.get(0), 0);
    var.set(3);
  });
  EXPECT_EQ(copy[var], 2);
}

TEST(context, copy_context_copies_that_of_the_code_that_runs) {
  const ContextVar<int> var("var");
  Context().run([&] {
    var.set(1);
    const Context copy = copy_context();
    var.set(2);
    EXPECT_EQ(copy[var], 1);
    EXPECT_FALSE(copy == copy_context());
  });
  EXPECT_FALSE(copy_context().contains(var));
}

TEST(context, contexts_nest_and_the_outer_is_back_afterwards_also_after_an_exception) {
  const ContextVar<int> var("var");
  const Context outer;
  const Context inner;
  outer.run([&] {
    var.set(1);
    EXPECT_EQ(thrown_by([&] {
                inner.run([&] {
                  var.set(2);
                  throw ValueError("inner");
                });
              }),
              "ValueError: inner");
    EXPECT_EQ(var.get(), 1);
  });
  EXPECT_EQ(inner[var], 2);
  EXPECT_EQ(inner.run([&] { return var.get(); }), 2);
}

TEST(context, one_that_is_entered_cannot_be_entered_again) {
  const std::string refusal = "RuntimeError: cannot enter context: <Context> is already entered";
  const Context context;
  context.run([&] {
    EXPECT_EQ(thrown_by([&] { context.run([] {}); }), refusal);
    Context().run([&] { EXPECT_EQ(thrown_by([&] { context.run([] {}); }), refusal); });
    std::thread([&] { EXPECT_EQ(thrown_by([&] { context.run([] {}); }), refusal); }).join();
  });
  context.run([] {});
}

TEST(context, of_a_thread_is_its_own_and_goes_with_it) {
  const ContextVar<std::shared_ptr<int>> var("var");
  auto value = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = value;
  std::thread([&] {
    var.set(std::move(value));
    EXPECT_EQ(*var.get(), 1);
    EXPECT_TRUE(copy_context().contains(var));
  }).join();
  EXPECT_TRUE(seen.expired());
  EXPECT_FALSE(copy_context().contains(var));
}

TEST(context, travels_into_a_thread) {
  const ContextVar<int> var("var");
  const Context context;
  context.run([&] { var.set(1); });
  std::thread([&var, copy = context.copy()] {
    copy.run([&] {
      EXPECT_EQ(var.get(), 1);
      var.set(2);
    });
  }).join();
  EXPECT_EQ(context[var], 1);
}

// The destructor of a value that goes with its context asks for the variable once more.
TEST(context, a_value_may_look_at_the_variable_while_it_goes) {
  struct Curious {
    explicit Curious(const ContextVar<int>& of, int* out) : var(of), seen(out) {}
    Curious(const Curious&) = delete;
    ~Curious() { *seen = var.get(-1); }
    ContextVar<int> var;
    int* seen;
  };
  const ContextVar<int> number("number");
  const ContextVar<std::shared_ptr<Curious>> curious("curious");
  int seen = 0;
  {
    const Context context;
    context.run([&] {
      number.set(1);
      curious.set(std::make_shared<Curious>(number, &seen));
    });
  }
  EXPECT_EQ(seen, -1);
}

}  // namespace
}  // namespace asyncio
