#include "bench/runner/text.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace bench {
namespace {

constexpr std::size_t kLineWidth = 120;

using Column = std::vector<std::string>;  // its head, then a cell for each row

// "±" is two bytes and one place on the screen.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

std::size_t width_of(const Column& column) {
  std::size_t width = 0;
  for (const std::string& cell : column) width = std::max(width, width_of(cell));
  return width;
}

std::string with_spread(const Figure& figure) {
  const std::string text = format_number(figure.median());
  if (figure.values().size() < 2) return text;
  char spread[32];
  std::snprintf(spread, sizeof spread, " ±%.0f%%", figure.spread_percent());
  return text + spread;
}

std::vector<const ItemReport::Row*> shown_rows(const ItemReport& report) {
  std::vector<const ItemReport::Row*> rows;
  for (const ItemReport::Row& row : report.rows()) {
    if (!row.detail) rows.push_back(&row);
  }
  return rows;
}

Column value_column(const ItemReport& report, const std::string& arm) {
  Column column{arm};
  for (const ItemReport::Row* row : shown_rows(report)) {
    const Figure* figure = row->figure(arm);
    column.push_back(figure == nullptr ? "-" : with_spread(*figure));
  }
  return column;
}

Column ratio_column(const ItemReport& report, const std::string& arm) {
  Column column{"/ " + arm};
  for (const ItemReport::Row* row : shown_rows(report)) {
    const Figure* ours = row->figure(report.ours());
    const Figure* peer = row->figure(arm);
    const bool both = ours != nullptr && peer != nullptr && peer->median() != 0;
    column.push_back(both ? format_number(ours->ratio_to(*peer)) : "-");
  }
  return column;
}

// What stands left in each table: the rows' names, units, and ours.
std::vector<Column> first_columns(const ItemReport& report) {
  Column names{""};
  Column units{""};
  for (const ItemReport::Row* row : shown_rows(report)) {
    names.push_back(row->name);
    units.push_back(row->unit);
  }
  return {std::move(names), std::move(units), value_column(report, report.ours())};
}

// The other columns, those of one arm together.
std::vector<std::vector<Column>> other_columns(const ItemReport& report) {
  std::vector<std::vector<Column>> groups;
  for (const ItemReport::Arm& arm : report.arms()) {
    if (arm.name == report.ours()) continue;
    groups.push_back({value_column(report, arm.name)});
    if (arm.role == ItemReport::Role::peer) {
      groups.back().push_back(ratio_column(report, arm.name));
    }
  }
  return groups;
}

std::size_t total_width(const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (const Column& column : columns) width += 2 + width_of(column);
  return width;
}

std::string table(const std::vector<Column>& columns) {
  std::string text;
  for (std::size_t line = 0; line < columns[0].size(); ++line) {
    std::string out;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& cell = columns[i][line];
      const std::string blanks(width_of(columns[i]) - width_of(cell), ' ');
      out += "  ";
      out += i < 2 ? cell + blanks : blanks + cell;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  return text + "\n";
}

std::string goals(const ItemReport& report) {
  std::string text;
  for (const Goal& goal : report.goals()) {
    const Verdict verdict = judge(report, goal);
    if (!verdict.measured) continue;
    text += std::string("  ") + (verdict.met ? "met     " : "not met ") + goal_text(report, goal) +
            ": " + format_number(verdict.value) + "\n";
  }
  return text.empty() ? text : "goals:\n" + text + "\n";
}

}  // namespace

std::string to_text(const ItemReport& report) {
  std::string text = report.name() + ": " + report.title() + "\n\n";
  std::vector<Column> columns = first_columns(report);
  const std::size_t first = columns.size();
  for (const std::vector<Column>& group : other_columns(report)) {
    if (columns.size() > first && total_width(columns) + total_width(group) > kLineWidth) {
      text += table(columns);
      columns = first_columns(report);
    }
    columns.insert(columns.end(), group.begin(), group.end());
  }
  text += table(columns) + goals(report);
  for (const std::string& note : report.notes()) text += "note: " + note + "\n";
  return text;
}

std::string to_text(const Description& description) {
  std::string text;
  for (const auto& [name, value] : description)
    text.append(name).append(": ").append(value) += '\n';
  return text;
}

}  // namespace bench
