#include "tools/asyncio/table.hpp"

#include <algorithm>
#include <utility>

#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

constexpr std::string_view kBetweenColumns = "  ";

std::string pad(const std::string& cell, std::size_t width, Table::Align align) {
  std::string spaces(width - std::min(width, display_width(cell)), ' ');
  return align == Table::Align::right ? spaces + cell : cell + spaces;
}

void strip_end(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::add_row(std::vector<std::string> cells, Emphasis emphasis) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = escape_controls(cell);
  rows_.push_back({std::move(cells), emphasis, false});
}

void Table::add_gap() {
  if (!rows_.empty() && !rows_.back().gap) rows_.push_back({{}, Emphasis::none, true});
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.title));
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row.cells[i]));
    }
  }
  return widths;
}

std::string Table::render(const Terminal& terminal) const {
  const std::vector<std::size_t> column_widths = widths();
  auto line_of = [&](auto&& cell_at) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += kBetweenColumns;
      line += pad(cell_at(i), column_widths[i], columns_[i].align);
    }
    strip_end(line);
    return line;
  };
  std::string out =
      styled(terminal, Style::bold, line_of([&](std::size_t i) { return columns_[i].title; })) +
      "\n";
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    const Row& row = rows_[r];
    if (row.gap) {
      if (r + 1 < rows_.size()) out += "\n";
      continue;
    }
    std::string line = line_of([&](std::size_t i) { return row.cells[i]; });
    if (row.emphasis == Emphasis::strong) line = styled(terminal, Style::green, line);
    if (row.emphasis == Emphasis::weak) line = styled(terminal, Style::dim, line);
    out += line + "\n";
  }
  return out;
}

}  // namespace asyncio::tool
