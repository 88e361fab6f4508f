#include "bench/runner/json.hpp"

#include <boost/json/src.hpp>
#include <cstdio>
#include <stdexcept>

#include "bench/runner/goals.hpp"

namespace bench {
namespace {

namespace json = boost::json;

std::string quoted(const std::string& text) { return json::serialize(json::value(text)); }

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

// ---- written ------------------------------------------------------------------------------------

std::string row_json(const ItemReport& report, const ItemReport::Row& row) {
  const std::string arms = joined(report.arms(), ", ", [&](const ItemReport::Arm& arm) {
    const Figure* figure = row.figure(arm.name);
    if (figure == nullptr) return std::string();
    return quoted(arm.name) + ": {\"median\": " + number(figure->median()) + ", \"values\": [" +
           joined(figure->values(), ", ", number) + "]}";
  });
  return "      {\"row\": " + quoted(row.name) + ", \"unit\": " + quoted(row.unit) +
         (row.detail ? ", \"detail\": true" : "") + ", \"arms\": {" + arms + "}}";
}

std::string goal_json(const ItemReport& report, const Goal& goal) {
  const Verdict verdict = judge(report, goal);
  if (!verdict.measured) return {};
  return "      {\"goal\": " + quoted(goal_text(report, goal)) +
         ", \"value\": " + number(verdict.value) +
         ", \"met\": " + (verdict.met ? "true" : "false") + "}";
}

std::string arm_json(const ItemReport::Arm& arm) {
  return "{\"name\": " + quoted(arm.name) +
         ", \"role\": " + (arm.role == ItemReport::Role::ours ? "\"ours\"" : "\"peer\"") + "}";
}

std::string item_json(const ItemReport& report) {
  std::string out = "    {\"item\": " + quoted(report.name()) +
                    ", \"title\": " + quoted(report.title()) +
                    ", \"ours\": " + quoted(report.ours());
  if (report.growth()) out += ", \"growth\": true";
  out += ", \"measured\": {" + joined(report.description(), ", ", [](const auto& line) {
           return quoted(line.first) + ": " + quoted(line.second);
         });
  out += "}, \"arms\": [" + joined(report.arms(), ", ", arm_json);
  out += "], \"rows\": [\n" + joined(report.rows(), ",\n", [&](const ItemReport::Row& row) {
           return row_json(report, row);
         });
  out += "\n    ], \"goals\": [\n" +
         joined(report.goals(), ",\n", [&](const Goal& goal) { return goal_json(report, goal); });
  return out + "\n    ], \"notes\": [" + joined(report.notes(), ", ", quoted) + "]}";
}

// ---- read ---------------------------------------------------------------------------------------

std::string text_at(const json::object& object, const char* key) {
  return std::string(object.at(key).as_string());
}

bool is_set(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->as_bool();
}

void read_row(const json::object& row, ItemReport& report) {
  const std::string name = text_at(row, "row");
  for (const auto& [arm, figure] : row.at("arms").as_object()) {
    for (const json::value& value : figure.at("values").as_array()) {
      report.add(name, text_at(row, "unit"), arm, value.to_number<double>());
    }
  }
  if (is_set(row, "detail")) report.set_detail(name);
}

ItemReport read_item(const json::object& item) {
  ItemReport report(text_at(item, "item"), text_at(item, "title"));
  for (const json::value& arm : item.at("arms").as_array()) {
    const bool ours = text_at(arm.as_object(), "role") == "ours";
    report.add_arm(text_at(arm.as_object(), "name"),
                   ours ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  if (report.arms().empty()) throw std::runtime_error(report.name() + " has no arms");
  for (const json::value& row : item.at("rows").as_array()) read_row(row.as_object(), report);
  for (const json::value& note : item.at("notes").as_array()) {
    report.add_note(std::string(note.as_string()));
  }
  Description description;
  for (const auto& [name, value] : item.at("measured").as_object()) {
    description.emplace_back(name, value.as_string());
  }
  report.set_description(std::move(description));
  report.set_goals(goals_of(report.name()));
  if (is_set(item, "growth")) report.set_growth();
  return report;
}

}  // namespace

std::string to_json(const std::vector<ItemReport>& reports) {
  return "{\n  \"items\": [\n" + joined(reports, ",\n", item_json) + "\n  ]\n}\n";
}

std::vector<ItemReport> from_json(std::string_view text) {
  std::vector<ItemReport> reports;
  try {
    const json::value whole = json::parse(text);
    for (const json::value& item : whole.at("items").as_array()) {
      reports.push_back(read_item(item.as_object()));
    }
  } catch (const std::exception& error) {
    throw std::runtime_error(std::string("no results of a benchmark: ") + error.what());
  }
  return reports;
}

}  // namespace bench
