#include "asyncio/base/exception_group.hpp"

#include <gtest/gtest.h>

namespace asyncio {
namespace {

std::exception_ptr value(const char* text) { return std::make_exception_ptr(ValueError(text)); }
std::exception_ptr type(const char* text) { return std::make_exception_ptr(TypeError(text)); }

// m: ValueError a, TypeError b, n: (ValueError c, OSError)
ExceptionGroup nested() {
  const ExceptionGroup inner("n", {value("c"), make_os_error(2, "open")});
  return {"m", {value("a"), type("b"), std::make_exception_ptr(inner)}};
}

std::string text(const ExceptionGroup& group) {
  return base::describe(std::make_exception_ptr(group));
}
template <class F>
std::string thrown_by(F&& call) {
  try {
    call();
  } catch (...) {
    return base::describe(std::current_exception());
  }
  return "nothing";
}

TEST(exception_group, says_how_many_it_holds) {
  EXPECT_STREQ(ExceptionGroup("m", {value("a")}).what(), "m (1 sub-exception)");
  EXPECT_STREQ(nested().what(), "m (3 sub-exceptions)");
  EXPECT_EQ(nested().message(), "m");
  EXPECT_EQ(nested().exceptions().size(), 3U);
}

TEST(exception_group, is_a_std_exception_whatever_it_holds) {
  const ExceptionGroup group("m", {std::make_exception_ptr(CancelledError())});
  EXPECT_TRUE(base::exception_is<std::exception>(std::make_exception_ptr(group)));
  static_assert(std::is_nothrow_copy_constructible_v<ExceptionGroup>);
  static_assert(std::is_same_v<BaseExceptionGroup, ExceptionGroup>);
}

TEST(exception_group, of_nothing_is_a_value_error) {
  EXPECT_EQ(thrown_by([] { ExceptionGroup("m", {}); }),
            "ValueError: second argument (exceptions) must be a non-empty sequence");
  EXPECT_EQ(thrown_by([] { ExceptionGroup("m", {nullptr}); }),
            "ValueError: Item 0 of second argument (exceptions) is not an exception");
}

TEST(exception_group, describe_has_a_line_for_each_member_and_summary_one_for_all) {
  EXPECT_EQ(text(nested()),
            "ExceptionGroup: m (3 sub-exceptions)\n"
            "  ValueError: a\n"
            "  TypeError: b\n"
            "  ExceptionGroup: n (2 sub-exceptions)\n"
            "    ValueError: c\n"
            "    FileNotFoundError: open: no such file or directory");
  EXPECT_EQ(text(ExceptionGroup("m", {value("two\nlines")})),
            "ExceptionGroup: m (1 sub-exception)\n  ValueError: two\n  lines");
  EXPECT_EQ(base::summary(std::make_exception_ptr(nested())),
            "ExceptionGroup: m (3 sub-exceptions)");
}

TEST(exception_group, split_keeps_the_nesting_of_both_halves) {
  const auto [values, others] = nested().split<ValueError>();
  EXPECT_EQ(text(*values),
            "ExceptionGroup: m (2 sub-exceptions)\n"
            "  ValueError: a\n"
            "  ExceptionGroup: n (1 sub-exception)\n"
            "    ValueError: c");
  EXPECT_EQ(text(*others),
            "ExceptionGroup: m (2 sub-exceptions)\n"
            "  TypeError: b\n"
            "  ExceptionGroup: n (1 sub-exception)\n"
            "    FileNotFoundError: open: no such file or directory");
}

TEST(exception_group, split_matches_bases_and_several_types_and_may_leave_a_half_empty) {
  const auto [all, none] = nested().split<std::exception>();
  EXPECT_EQ(text(*all), text(nested()));
  EXPECT_FALSE(none);
  EXPECT_FALSE(nested().split<KeyboardInterrupt>().first);
  EXPECT_EQ(text(*nested().subgroup<TypeError, OSError>()),
            "ExceptionGroup: m (2 sub-exceptions)\n"
            "  TypeError: b\n"
            "  ExceptionGroup: n (1 sub-exception)\n"
            "    FileNotFoundError: open: no such file or directory");
}

TEST(exception_group, a_group_that_matches_is_not_looked_into) {
  EXPECT_FALSE(nested().split<ExceptionGroup>().second);
  const auto is_n = [](const std::exception_ptr& error) {
    const auto* group = base::exception_cast<ExceptionGroup>(error);
    return group != nullptr && group->message() == "n";
  };
  const auto [matched, rest] = nested().split(is_n);
  EXPECT_EQ(matched->exceptions().size(), 1U);
  EXPECT_STREQ(base::exception_cast<ExceptionGroup>(matched->exceptions()[0])->what(),
               "n (2 sub-exceptions)");
  EXPECT_EQ(rest->exceptions().size(), 2U);
}

TEST(exception_group, derive_keeps_the_message) {
  EXPECT_STREQ(nested().derive({value("x")}).what(), "m (1 sub-exception)");
}

// --- except_star --------------------------------------------------------------------------------

TEST(except_star, gives_each_handler_its_part_and_throws_the_rest) {
  std::string seen;
  const std::string thrown = thrown_by([&] {
    try {
      throw nested();
    } catch (...) {
      except_star<ValueError, KeyboardInterrupt, OSError>(
          std::current_exception(), [&](const ExceptionGroup& group) { seen = text(group); },
          [&](const ExceptionGroup&) { seen = "never"; },
          [&](const ExceptionGroup& group) { seen += "\n" + text(group); });
    }
  });
  EXPECT_EQ(seen,
            "ExceptionGroup: m (2 sub-exceptions)\n"
            "  ValueError: a\n"
            "  ExceptionGroup: n (1 sub-exception)\n"
            "    ValueError: c\n"
            "ExceptionGroup: m (1 sub-exception)\n"
            "  ExceptionGroup: n (1 sub-exception)\n"
            "    FileNotFoundError: open: no such file or directory");
  EXPECT_EQ(thrown, "ExceptionGroup: m (1 sub-exception)\n  TypeError: b");
}

TEST(except_star, throws_nothing_when_all_is_handled_or_nothing_was_thrown) {
  int calls = 0;
  const auto count = [&](const ExceptionGroup&) { ++calls; };
  except_star<std::exception>(std::make_exception_ptr(nested()), count);
  except_star<std::exception>(nullptr, count);
  EXPECT_EQ(calls, 1);
}

TEST(except_star, takes_an_exception_that_is_no_group_as_a_group_of_one) {
  std::string seen;
  except_star<ValueError>(value("x"), [&](const ExceptionGroup& group) { seen = text(group); });
  EXPECT_EQ(seen, "ExceptionGroup:  (1 sub-exception)\n  ValueError: x");
  EXPECT_EQ(thrown_by([] { except_star<ValueError>(type("x"), [](const ExceptionGroup&) {}); }),
            "TypeError: x");
}

// Python 3.11 gives the same for each of these.
TEST(except_star, what_a_handler_throws_is_thrown_with_the_rest) {
  const auto fails = [](const ExceptionGroup&) { throw RuntimeError("handler"); };
  EXPECT_EQ(thrown_by([&] { except_star<ValueError>(std::make_exception_ptr(nested()), fails); }),
            "ExceptionGroup:  (2 sub-exceptions)\n"
            "  RuntimeError: handler\n"
            "  ExceptionGroup: m (2 sub-exceptions)\n"
            "    TypeError: b\n"
            "    ExceptionGroup: n (1 sub-exception)\n"
            "      FileNotFoundError: open: no such file or directory");
  EXPECT_EQ(thrown_by([&] { except_star<ValueError>(value("x"), fails); }),
            "RuntimeError: handler");
}

}  // namespace
}  // namespace asyncio
