#include "asyncio/base/repr.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace asyncio::base {
namespace {

TEST(repr, shows_numbers_texts_and_none_as_python_does) {
  EXPECT_EQ(repr(3), "3");
  EXPECT_EQ(repr(std::int64_t{-5}), "-5");
  EXPECT_EQ(repr(std::uint64_t{18446744073709551615U}), "18446744073709551615");
  EXPECT_EQ(repr(1.5), "1.5");
  EXPECT_EQ(repr(2.0), "2.0");
  EXPECT_EQ(repr(1e300), "1e+300");
  EXPECT_EQ(repr(true), "True");
  EXPECT_EQ(repr(std::monostate()), "None");
  EXPECT_EQ(repr(std::string("text")), "'text'");
}

TEST(repr, cuts_a_long_text_in_the_middle) {
  const std::string text = repr(std::string(50, 'a') + std::string(50, 'b'));
  EXPECT_EQ(text, "'" + std::string(28, 'a') + "..." + std::string(28, 'b') + "'");
}

struct Order {};

TEST(repr, shows_the_type_of_anything_else) {
  EXPECT_NE(repr(Order()).find("Order object>"), std::string::npos);
  const auto lambda = [] {};
  EXPECT_TRUE(callable_name(typeid(lambda)).ends_with("::<lambda>"));
  EXPECT_NE(callable_name(typeid(Order)).find("Order"), std::string::npos);
}

}  // namespace
}  // namespace asyncio::base
