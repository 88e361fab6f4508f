#include "tools/asyncio/table.hpp"

#include <gtest/gtest.h>

namespace asyncio::tool {
namespace {

using Align = Table::Align;

Table two_columns() { return Table({{"arm", Align::left}, {"seconds", Align::right}}); }

TEST(table, numbers_stand_to_the_right_and_lines_end_without_spaces) {
  Table table({{"seconds", Align::right}, {"arm", Align::left}});
  table.add_row({"1.5", "asyncio"});
  table.add_row({"104.25", "x"});
  EXPECT_EQ(table.render({}),
            "seconds  arm\n"
            "    1.5  asyncio\n"
            " 104.25  x\n");
}

TEST(table, wide_letters_keep_the_columns_straight) {
  Table table = two_columns();
  table.add_row({"漢字", "1"});
  table.add_row({"grün", "2"});
  EXPECT_EQ(table.render({}),
            "arm   seconds\n"
            "漢字        1\n"
            "grün        2\n");
}

TEST(table, gaps_separate_groups_and_never_stand_at_an_end) {
  Table table = two_columns();
  table.add_gap();
  table.add_row({"a", "1"});
  table.add_gap();
  table.add_gap();
  table.add_row({"b", "2"});
  table.add_gap();
  EXPECT_EQ(table.render({}), "arm  seconds\na          1\n\nb          2\n");
}

TEST(table, colours_only_where_the_terminal_wants_them) {
  Table table = two_columns();
  table.add_row({"a", "1"}, Table::Emphasis::strong);
  Terminal colourful;
  colourful.colour = true;
  EXPECT_EQ(table.render(colourful), "\x1b[1marm  seconds\x1b[0m\n\x1b[32ma          1\x1b[0m\n");
  EXPECT_EQ(table.render({}), "arm  seconds\na          1\n");
}

TEST(table, control_bytes_in_a_cell_are_escaped_and_missing_cells_empty) {
  Table table = two_columns();
  table.add_row({"\x1b[2J"});
  EXPECT_EQ(table.render({}), "arm      seconds\n\\x1b[2J\n");
}

}  // namespace
}  // namespace asyncio::tool
