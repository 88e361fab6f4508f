#include "bench/runner/json.hpp"

#include <cstdio>

namespace bench {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= ' ') out += c;
  }
  return out + "\"";
}

std::string number(double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

// Puts what `write` gives for each element between commas.
template <class Range, class Write>
std::string joined(const Range& range, const char* comma, Write write) {
  std::string out;
  for (const auto& element : range) {
    const std::string text = write(element);
    if (text.empty()) continue;
    if (!out.empty()) out += comma;
    out += text;
  }
  return out;
}

std::string row_json(const ItemReport& report, const ItemReport::Row& row) {
  const std::string arms = joined(report.arms(), ", ", [&](const ItemReport::Arm& arm) {
    const Figure* figure = row.figure(arm.name);
    if (figure == nullptr) return std::string();
    return quoted(arm.name) + ": {\"median\": " + number(figure->median()) + ", \"values\": [" +
           joined(figure->values(), ", ", number) + "]}";
  });
  return "      {\"row\": " + quoted(row.name) + ", \"unit\": " + quoted(row.unit) +
         ", \"arms\": {" + arms + "}}";
}

std::string goal_json(const ItemReport& report, const Goal& goal) {
  const Verdict verdict = judge(report, goal);
  if (!verdict.measured) return {};
  return "      {\"goal\": " + quoted(goal_text(report, goal)) +
         ", \"value\": " + number(verdict.value) +
         ", \"met\": " + (verdict.met ? "true" : "false") + "}";
}

std::string item_json(const ItemReport& report) {
  std::string out = "    {\"item\": " + quoted(report.name()) +
                    ", \"title\": " + quoted(report.title()) +
                    ", \"ours\": " + quoted(report.ours());
  out += ", \"rows\": [\n" + joined(report.rows(), ",\n", [&](const ItemReport::Row& row) {
           return row_json(report, row);
         });
  out += "\n    ], \"goals\": [\n" +
         joined(report.goals(), ",\n", [&](const Goal& goal) { return goal_json(report, goal); });
  return out + "\n    ], \"notes\": [" + joined(report.notes(), ", ", quoted) + "]}";
}

}  // namespace

std::string to_json(const std::vector<ItemReport>& reports, const Description& description) {
  std::string out = "{\n";
  for (const auto& [name, value] : description) {
    out += "  " + quoted(name) + ": " + quoted(value) + ",\n";
  }
  return out + "  \"items\": [\n" + joined(reports, ",\n", item_json) + "\n  ]\n}\n";
}

}  // namespace bench
