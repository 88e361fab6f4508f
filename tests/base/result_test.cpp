#include "asyncio/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "asyncio/base/error.hpp"

namespace asyncio {
namespace {

TEST(result, has_a_value_or_an_exception) {
  Result<std::string> value(std::in_place, "text");
  EXPECT_TRUE(value.ok());
  EXPECT_EQ(value.value(), "text");
  EXPECT_EQ(value.exception(), nullptr);

  Result<std::string> error(std::make_exception_ptr(ValueError("no")));
  EXPECT_FALSE(error);
  EXPECT_THROW((void)error.value(), ValueError);
}

TEST(result, moves_out_what_can_only_be_moved) {
  Result<std::unique_ptr<int>> result(std::in_place, std::make_unique<int>(4));
  const std::unique_ptr<int> out = std::move(result).value();
  EXPECT_EQ(*out, 4);
}

TEST(result, of_void_and_of_a_reference) {
  Result<void> done(std::in_place, std::monostate());
  EXPECT_TRUE(done.ok());

  base::Slot<int&> slot;
  int number = 1;
  slot.emplace(number);
  Result<int&> reference(slot);
  reference.value() = 2;
  EXPECT_EQ(number, 2);
}

TEST(slot, take_rethrows_or_moves) {
  base::Slot<std::unique_ptr<int>> slot;
  slot.emplace(std::make_unique<int>(1));
  EXPECT_EQ(*slot.take(), 1);
  base::Slot<void> failed;
  failed.error = std::make_exception_ptr(ValueError("x"));
  EXPECT_THROW(failed.take(), ValueError);
  EXPECT_EQ(failed.error, nullptr);
}

}  // namespace
}  // namespace asyncio
