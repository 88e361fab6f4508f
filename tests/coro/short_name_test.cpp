#include <gtest/gtest.h>

#include "asyncio/coro/frame.hpp"

namespace asyncio::detail {
namespace {

// Spellings as the two compilers give them in std::source_location.
TEST(short_name, cuts_the_function_out_of_the_spellings_of_both_compilers) {
  // g++ 12
  EXPECT_EQ(short_name("Coro<T> shop::f(T) [with T = int]"), "shop::f");
  EXPECT_EQ(short_name("asyncio::Coro<> main_task()"), "main_task");
  EXPECT_EQ(
      short_name("asyncio::Coro<std::pair<int, char> > ns::S::member(int, const char*) const"),
      "ns::S::member");
  EXPECT_EQ(short_name("asyncio::Coro<> {anonymous}::hidden(std::function<void(int)>)"), "hidden");
  EXPECT_EQ(short_name("asyncio::Coro<> f(F) [with F = void (*)(int)]"), "f");
  EXPECT_EQ(short_name("asyncio::Coro<> with_block(F) [with F = main()::<lambda(int)>&]"),
            "with_block");
  // clang 19
  EXPECT_EQ(short_name("Coro<T> shop::f(T) [T = int]"), "shop::f");
  EXPECT_EQ(short_name("Coro<> f(F) [F = void (*)(int)]"), "f");
  EXPECT_EQ(short_name("Coro<> f(F) [F = char[3]]"), "f");
  EXPECT_EQ(short_name("Coro<> (anonymous namespace)::hidden(int)"), "hidden");
  EXPECT_EQ(short_name("Coro<> a::(anonymous namespace)::b(int (&)[3])"), "a::b");
  EXPECT_EQ(short_name("Coro<int> (anonymous namespace)::S::member(int) const &"), "S::member");
}

TEST(short_name, calls_lambdas_what_python_calls_them) {
  EXPECT_EQ(short_name("main()::<lambda(int)>"), "<lambda>");
  EXPECT_EQ(short_name("asyncio::test::{anonymous}::f(int)::<lambda()> [with auto:1 = int]"),
            "<lambda>");
  EXPECT_EQ(short_name("auto main()::(anonymous class)::operator()(int) const"), "<lambda>");
}

TEST(short_name, keeps_the_class_of_a_function_object) {
  EXPECT_EQ(short_name("asyncio::Coro<> app::Handler::operator()(int)"),
            "app::Handler::operator()");
}

TEST(short_name, gives_back_what_it_does_not_understand) {
  EXPECT_EQ(short_name(""), "");
  EXPECT_EQ(short_name("odd"), "odd");
}

}  // namespace
}  // namespace asyncio::detail
