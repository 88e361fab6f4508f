// What was measured: rows (what), arms (whose), a value per round. text.hpp, json.hpp and page.hpp
// show it.
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

/// What a row of ours should come to: at most (or at least) `limit`, as a value or as a ratio to
/// `peer`'s.
struct Goal {
  std::string row;
  std::string peer;  // empty: the value itself
  double limit;
  bool at_least = false;
  std::string arm = {};  // empty: the first of ours
};

/// What a reader must know to judge figures, as lines of a name and a value: machine, versions ...
using Description = std::vector<std::pair<std::string, std::string>>;

/// One item of the benchmark. The first arm added is ours.
class ItemReport {
 public:
  ItemReport(std::string name, std::string title)
      : name_(std::move(name)), title_(std::move(title)) {}

  /// An arm is a column. A peer's also has the ratio of ours to it.
  enum class Role { ours, peer };
  struct Arm {
    std::string name;
    Role role;
  };
  struct Row {
    std::string name;
    std::string unit;
    std::map<std::string, Figure> figures;  // by arm
    bool detail = false;                    // for the page and for programs, not for the terminal

    /// Null when that arm has none.
    [[nodiscard]] const Figure* figure(const std::string& arm) const;
  };

  void add_arm(const std::string& arm, Role role) { arms_.push_back({arm, role}); }
  void add(const std::string& row, const std::string& unit, const std::string& arm, double value);
  /// Leaves the row out of the text.
  void set_detail(const std::string& row);
  /// A word below the table; the same one again is not repeated.
  void add_note(const std::string& note);
  void set_goals(std::vector<Goal> goals) { goals_ = std::move(goals); }
  /// The rows differ in a number, "100 tasks", "1,000 tasks": drawn as curves over it.
  void set_growth() { growth_ = true; }
  /// Of the run it comes from: results may hold items of several.
  void set_description(Description description) { description_ = std::move(description); }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& title() const { return title_; }
  [[nodiscard]] const std::vector<Arm>& arms() const { return arms_; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] const std::vector<Goal>& goals() const { return goals_; }
  [[nodiscard]] bool growth() const { return growth_; }
  [[nodiscard]] const Description& description() const { return description_; }
  [[nodiscard]] const std::string& ours() const { return arms_.front().name; }
  [[nodiscard]] const Row* row(const std::string& name) const;

 private:
  std::string name_;
  std::string title_;
  std::vector<Arm> arms_;
  std::vector<Row> rows_;
  std::vector<std::string> notes_;
  std::vector<Goal> goals_;
  bool growth_ = false;
  Description description_;
};

/// What became of a goal: our figure for it, and whether it is met. Not measured: nothing.
struct Verdict {
  bool measured = false;
  bool met = false;
  double value = 0;
};
Verdict judge(const ItemReport& report, const Goal& goal);

/// "create_task + await <= 40 ns", "CPU per request <= 1.15 x wrk"
std::string goal_text(const ItemReport& report, const Goal& goal);

/// "12.3", "0.041", "3860": three digits that matter.
std::string format_number(double value);

}  // namespace bench
