// What was measured, and how it is shown: rows (what), arms (whose), a value per round.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// The values of one row and arm, in the order of the rounds.
class Figure {
 public:
  void add(double value) { values_.push_back(value); }
  [[nodiscard]] bool empty() const { return values_.empty(); }
  [[nodiscard]] double median() const;
  /// Half the way from the least to the greatest, in percent of the median.
  [[nodiscard]] double spread_percent() const;
  /// The median of the ratios of each round; of the medians, when the rounds do not match.
  [[nodiscard]] double ratio_to(const Figure& other) const;
  [[nodiscard]] const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

/// One item of the benchmark. The first arm added is ours.
class ItemReport {
 public:
  ItemReport(std::string name, std::string title)
      : name_(std::move(name)), title_(std::move(title)) {}

  /// An arm is a column. A peer's also gets a column with the ratio of ours to it.
  enum class Role { ours, peer };
  void add_arm(const std::string& arm, Role role) { arms_.push_back({arm, role}); }
  void add(const std::string& row, const std::string& unit, const std::string& arm, double value);
  /// A goal of DESIGN or of an issue, said below the table.
  void add_note(std::string note) { notes_.push_back(std::move(note)); }

  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] std::string to_json() const;

 private:
  struct Row {
    std::string name;
    std::string unit;
    std::map<std::string, Figure> figures;
  };
  struct Arm {
    std::string name;
    Role role;
  };
  [[nodiscard]] std::vector<std::vector<std::string>> cells() const;
  [[nodiscard]] std::string row_json(const Row& row) const;

  std::string name_;
  std::string title_;
  std::vector<Arm> arms_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
};

/// "12.3", "0.041", "3860": three digits that matter.
std::string format_number(double value);
std::string json_string(const std::string& text);

}  // namespace bench
