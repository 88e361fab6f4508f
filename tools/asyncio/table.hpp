// A table for a terminal: columns as wide as their widest cell, numbers to the right.
#pragma once

#include <string>
#include <vector>

#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  enum class Emphasis { none, strong, weak };

  explicit Table(std::vector<Column> columns);

  /// Missing cells are empty; cells beyond the last column are a mistake of the caller (dropped).
  void add_row(std::vector<std::string> cells, Emphasis emphasis = Emphasis::none);

  /// A blank line between groups of rows. None at the very beginning or end, never two in a row.
  void add_gap();

  /// Lines that end in '\n' and never in spaces. Control bytes are escaped; nothing is cut.
  [[nodiscard]] std::string render(const Terminal& terminal) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Emphasis emphasis = Emphasis::none;
    bool gap = false;
  };
  [[nodiscard]] std::vector<std::size_t> widths() const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace asyncio::tool
