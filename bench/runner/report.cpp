#include "bench/runner/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace bench {
namespace {

double median_of(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}

}  // namespace

double Figure::median() const { return median_of(values_); }

double Figure::spread_percent() const {
  const auto [least, greatest] = std::minmax_element(values_.begin(), values_.end());
  const double middle = median();
  return middle == 0 ? 0 : (*greatest - *least) / 2 / std::abs(middle) * 100;
}

double Figure::ratio_to(const Figure& other) const {
  if (values_.size() != other.values_.size()) return median() / other.median();
  std::vector<double> ratios;
  for (std::size_t i = 0; i < values_.size(); ++i) ratios.push_back(values_[i] / other.values_[i]);
  return median_of(ratios);
}

const Figure* ItemReport::Row::figure(const std::string& arm) const {
  const auto at = figures.find(arm);
  return at == figures.end() ? nullptr : &at->second;
}

const ItemReport::Row* ItemReport::row(const std::string& name) const {
  const auto at =
      std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.name == name; });
  return at == rows_.end() ? nullptr : &*at;
}

void ItemReport::add(const std::string& row, const std::string& unit, const std::string& arm,
                     double value) {
  auto at = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == row; });
  if (at == rows_.end()) at = rows_.insert(rows_.end(), Row{row, unit, {}, false});
  at->figures[arm].add(value);
}

void ItemReport::set_detail(const std::string& name) {
  for (Row& row : rows_) {
    if (row.name == name) row.detail = true;
  }
}

void ItemReport::add_note(const std::string& note) {
  if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) notes_.push_back(note);
}

Verdict judge(const ItemReport& report, const Goal& goal) {
  const ItemReport::Row* row = report.row(goal.row);
  const std::string& arm = goal.arm.empty() ? report.ours() : goal.arm;
  const Figure* ours = row == nullptr ? nullptr : row->figure(arm);
  const Figure* peer = row == nullptr || goal.peer.empty() ? nullptr : row->figure(goal.peer);
  if (ours == nullptr || (!goal.peer.empty() && peer == nullptr)) return {};
  const double value = goal.peer.empty() ? ours->median() : ours->ratio_to(*peer);
  return {true, goal.at_least ? value >= goal.limit : value <= goal.limit, value};
}

std::string goal_text(const ItemReport& report, const Goal& goal) {
  const ItemReport::Row* row = report.row(goal.row);
  std::string text = goal.arm.empty() ? goal.row : goal.arm + ", " + goal.row;
  text += (goal.at_least ? " >= " : " <= ") + format("%g", goal.limit);
  if (!goal.peer.empty()) return text + " x " + goal.peer;
  if (row != nullptr && !row->unit.empty()) text += " " + row->unit;
  return text;
}

std::string format_number(double value) {
  const double size = std::abs(value);
  if (size >= 100 || size == 0) return format("%.0f", value);
  if (size >= 10) return format("%.1f", value);
  if (size >= 1) return format("%.2f", value);
  return format("%.3f", value);
}

}  // namespace bench
