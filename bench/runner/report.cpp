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

void ItemReport::add(const std::string& row, const std::string& unit, const std::string& arm,
                     double value) {
  auto at = std::find_if(rows_.begin(), rows_.end(), [&](const Row& r) { return r.name == row; });
  if (at == rows_.end()) at = rows_.insert(rows_.end(), Row{row, unit, {}});
  at->figures[arm].add(value);
}

std::vector<std::vector<std::string>> ItemReport::cells() const {
  std::vector<std::vector<std::string>> table(1, {"", ""});
  for (const Arm& arm : arms_) table[0].push_back(arm.name);
  for (const Arm& arm : arms_) {
    if (arm.role == Role::peer) table[0].push_back("/ " + arm.name);
  }
  for (const Row& row : rows_) {
    std::vector<std::string> line{row.name, row.unit};
    const auto figure = [&row](const Arm& arm) {
      const auto at = row.figures.find(arm.name);
      return at == row.figures.end() ? nullptr : &at->second;
    };
    const Figure* ours = figure(arms_.front());
    for (const Arm& arm : arms_) {
      const Figure* values = figure(arm);
      if (values == nullptr) {
        line.emplace_back("-");
        continue;
      }
      const std::string spread = values->values().size() < 2
                                     ? std::string()
                                     : format(" ±%.0f%%", values->spread_percent());
      line.push_back(format_number(values->median()) + spread);
    }
    for (const Arm& arm : arms_) {
      if (arm.role != Role::peer) continue;
      const Figure* peer = figure(arm);
      const bool both = ours != nullptr && peer != nullptr && peer->median() != 0;
      line.push_back(both ? format_number(ours->ratio_to(*peer)) : "-");
    }
    table.push_back(std::move(line));
  }
  return table;
}

std::string ItemReport::to_text() const {
  // "±" is two bytes and one column.
  const auto width = [](const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) >> 6) != 2;
    }));
  };
  const auto table = cells();
  std::vector<std::size_t> widths(table[0].size());
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  std::string text = name_ + ": " + title_ + "\n\n";
  for (const auto& line : table) {
    std::string out = " ";
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string blanks(widths[i] - width(line[i]), ' ');
      out += " " + (i < 2 ? line[i] + blanks : " " + blanks + line[i]);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    text += out + "\n";
  }
  if (!notes_.empty()) text += "\n";
  for (const std::string& note : notes_) text += "  " + note + "\n";
  return text;
}

std::string ItemReport::row_json(const Row& row) const {
  std::string json = "{\"row\": " + json_string(row.name) + ", \"unit\": " + json_string(row.unit) +
                     ", \"arms\": {";
  const char* comma = "";
  for (const Arm& arm : arms_) {
    const auto at = row.figures.find(arm.name);
    if (at == row.figures.end()) continue;
    json += comma + json_string(arm.name) + ": {\"median\": " + format("%.6g", at->second.median());
    json += ", \"values\": [";
    const char* between = "";
    for (const double value : at->second.values()) {
      json += between + format("%.6g", value);
      between = ", ";
    }
    json += "]}";
    comma = ", ";
  }
  return json + "}}";
}

std::string ItemReport::to_json() const {
  std::string json = "    {\"item\": " + json_string(name_) +
                     ", \"title\": " + json_string(title_) +
                     ", \"ours\": " + json_string(arms_.front().name) + ", \"rows\": [";
  const char* comma = "\n";
  for (const Row& row : rows_) {
    json += comma + ("      " + row_json(row));
    comma = ",\n";
  }
  json += "\n    ], \"notes\": [";
  comma = "";
  for (const std::string& note : notes_) {
    json += comma + json_string(note);
    comma = ", ";
  }
  return json + "]}";
}

std::string format_number(double value) {
  const double size = std::abs(value);
  if (size >= 100 || size == 0) return format("%.0f", value);
  if (size >= 10) return format("%.1f", value);
  if (size >= 1) return format("%.2f", value);
  return format("%.3f", value);
}

std::string json_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= ' ') out += c;
  }
  return out + "\"";
}

}  // namespace bench
