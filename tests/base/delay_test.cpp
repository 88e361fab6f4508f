#include "asyncio/base/delay.hpp"

#include <gtest/gtest.h>

namespace asyncio {
namespace {

using namespace std::chrono_literals;

std::int64_t nanoseconds(Delay delay) { return delay.value().count(); }

TEST(delay, is_built_from_any_duration) {
  EXPECT_EQ(nanoseconds(1s), 1'000'000'000);
  EXPECT_EQ(nanoseconds(1.5s), 1'500'000'000);
  EXPECT_EQ(nanoseconds(200ms), 200'000'000);
  EXPECT_EQ(nanoseconds(7ns), 7);
  EXPECT_EQ(nanoseconds(-1s), -1'000'000'000);
  EXPECT_EQ(nanoseconds(Delay()), 0);
}

TEST(delay, too_long_is_for_ever) {
  EXPECT_EQ(Delay(std::chrono::hours::max()).value(), Nanoseconds::max());
  EXPECT_EQ(Delay(std::chrono::hours::min()).value(), Nanoseconds::min());
  EXPECT_EQ(Delay(std::chrono::duration<double>(1e300)).value(), Nanoseconds::max());
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Delay(std::chrono::duration<double>(infinity)).value(), Nanoseconds::max());
}

// As call_at does with NaN in CPython.
TEST(delay, nan_is_a_value_error) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(Delay(std::chrono::duration<double>{nan}), ValueError);
}

TEST(delay, adding_stops_at_the_ends) {
  EXPECT_EQ(base::saturating_add(Nanoseconds::max(), 1ns), Nanoseconds::max());
  EXPECT_EQ(base::saturating_add(Nanoseconds::min(), -1ns), Nanoseconds::min());
  EXPECT_EQ(base::saturating_add(5ns, -7ns), Nanoseconds(-2));
}

}  // namespace
}  // namespace asyncio
