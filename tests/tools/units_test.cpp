#include "tools/asyncio/units.hpp"

#include <gtest/gtest.h>

#include "tests/tools/usage_error.hpp"

namespace asyncio::tool {
namespace {

using namespace std::chrono_literals;

TEST(units, durations_read_as_people_write_them) {
  EXPECT_EQ(parse_duration("200ms"), 200ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2m"), 120s);
  EXPECT_EQ(parse_duration("1h"), 3600s);
  EXPECT_EQ(parse_duration("250us"), 250us);
  EXPECT_EQ(parse_duration("7ns"), 7ns);
  EXPECT_EQ(parse_duration("60"), 60s);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
}

TEST(units, a_duration_that_is_none_says_what_to_write) {
  for (const char* text :
       {"", "s", "10x", "-1s", "1e9s", "inf", "nan", "1.2.3s", "1 s", ".", "+1"}) {
    EXPECT_EQ(usage_error([&] { parse_duration(text); }),
              "'" + std::string(text) + "' is not a duration: write 200ms, 1.5s, 2m or 1h");
  }
  EXPECT_EQ(usage_error([] { parse_duration("9000h"); }), "'9000h' is longer than a year");
}

TEST(units, sizes_are_powers_of_1024) {
  EXPECT_EQ(parse_size("13k"), 13U * 1024);
  EXPECT_EQ(parse_size("13kB"), 13U * 1024);
  EXPECT_EQ(parse_size("1.5M"), 1536U * 1024);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30);
  EXPECT_EQ(parse_size("512"), 512U);
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(usage_error([] { parse_size("13q"); }),
            "'13q' is not a size in bytes: write 512, 13k, 1.5M or 1G");
  EXPECT_EQ(usage_error([] { parse_size("99999999999G"); }),
            "'99999999999G' is larger than a petabyte");
}

TEST(units, a_percentage_needs_its_sign) {
  EXPECT_DOUBLE_EQ(parse_percent("1%"), 0.01);
  EXPECT_DOUBLE_EQ(parse_percent("0.5%"), 0.005);
  EXPECT_DOUBLE_EQ(parse_percent("100%"), 1.0);
  EXPECT_DOUBLE_EQ(parse_percent("0"), 0.0);
  EXPECT_EQ(usage_error([] { parse_percent("1"); }), "'1' is not a percentage: write 1% or 0.5%");
  EXPECT_EQ(usage_error([] { parse_percent("101%"); }), "'101%' is more than 100%");
}

TEST(units, a_count_outside_its_range_names_the_range) {
  EXPECT_EQ(parse_count("100", 1, 100), 100U);
  EXPECT_EQ(parse_count("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
  for (const char* text :
       {"", "0", "101", "-1", "+1", "1.0", "0x10", "99999999999999999999", "1 "}) {
    EXPECT_EQ(usage_error([&] { parse_count(text, 1, 100); }),
              "'" + std::string(text) + "' is not a whole number from 1 to 100");
  }
}

TEST(units, durations_print_with_about_three_digits) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(85e-6), "85 us");
  EXPECT_EQ(format_duration(0.00123), "1.2 ms");
  EXPECT_EQ(format_duration(0.0521), "52 ms");
  EXPECT_EQ(format_duration(0.0996), "0.10 s");
  EXPECT_EQ(format_duration(0.5251), "0.53 s");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(99.96), "100 s");
  EXPECT_EQ(format_duration(125), "2m05s");
  EXPECT_EQ(format_duration(3660), "1h01m");
}

TEST(units, bytes_counts_and_ratios_print_for_people) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(13 * 1024), "13.0 KB");
  EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MB");
  EXPECT_EQ(format_bytes(std::uint64_t{123} << 20), "123 MB");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_ratio(1.0), "1.00");
  EXPECT_EQ(format_ratio(12.34), "12.3");
  EXPECT_EQ(format_ratio(1043.7), "1,044");
}

}  // namespace
}  // namespace asyncio::tool
