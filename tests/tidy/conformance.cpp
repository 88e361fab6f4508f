// docs/conformance.md maps the rules of the reference, CPython's test ids and a list of faults to
// tests of ours. The tests say which they state, in comments right above them:
//   // Rule 2.41
//   // CPython: test_locks::ConditionTests::test_cancelled_wakeup
//   // Fault S3, S5
// and the table says why an id has none: `left out: REASON`. Here the two are held together; the
// fix writes the names and counts into the table.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <set>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

constexpr const char* kTable = "docs/conformance.md";
constexpr std::string_view kLeftOut = "left out: ";
constexpr std::string_view kRule = "// Rule 2.";
constexpr std::string_view kCase = "// CPython: test_";  // other words after the colon are prose
constexpr std::string_view kFault = "// Fault ";

using Lines = std::vector<std::string>;
/// By id: the tests that state it, as ctest names them.
using Stated = std::map<std::string, std::set<std::string>>;

bool is_rule(const std::string& id) {
  return id.starts_with("2.") && id.size() > 2 &&
         std::all_of(id.begin() + 2, id.end(), [](unsigned char c) { return std::isdigit(c); });
}

// file::Class::test_name
bool is_case(const std::string& id) {
  const std::size_t first = id.find("::");
  const std::size_t second = first == std::string::npos ? first : id.find("::", first + 2);
  return id.starts_with("test_") && second != std::string::npos &&
         id.substr(second + 2).starts_with("test_") && id.find_first_of(" ,") == std::string::npos;
}

// A row's letter and number.
bool is_fault(const std::string& id) {
  constexpr std::string_view kAreas = "LSXDPF";
  return id.size() > 1 && kAreas.find(id[0]) != std::string_view::npos &&
         std::all_of(id.begin() + 1, id.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool is_id(const std::string& id) { return is_rule(id) || is_case(id) || is_fault(id); }

// The ids that a comment line states; of faults it may name several, with words behind them.
Lines stated_ids(const std::string& line) {
  for (const std::string_view mark : {kRule, kCase}) {
    if (line.starts_with(mark)) return {line.substr(mark.rfind(' ') + 1)};
  }
  Lines ids;
  if (!line.starts_with(kFault)) return ids;
  std::size_t at = kFault.size();
  while (at < line.size()) {
    const std::size_t end = std::min(line.find_first_of(" ,:;.", at), line.size());
    const std::string word = line.substr(at, end - at);
    if (!is_fault(word)) break;
    ids.push_back(word);
    at = std::min(line.find_first_not_of(" ,:;.", end), line.size());
  }
  if (ids.empty()) ids.push_back(line.substr(kFault.size()));  // to be complained about
  return ids;
}

// "suite.name" of a line `TEST_F(suite, name) {`, which may go on in the next one.
std::string test_name(const std::string& line, const std::string& next) {
  const std::size_t open = line.find('(');
  // A scenario of tests/conformance, whose macro makes a test of the suite of that name.
  if (line.starts_with("SCENARIO(") || line.starts_with("PLAIN_SCENARIO(")) {
    return "conformance." + line.substr(open + 1, line.find(')') - open - 1);
  }
  if (!(line.starts_with("TEST") || line.starts_with("TYPED_TEST")) || open == std::string::npos) {
    return {};
  }
  const std::string text = line.substr(open + 1) + next;
  std::string name;
  for (const char c : text.substr(0, text.find(')'))) {
    if (c == ',') name += '.';
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') name += c;
  }
  return name;
}

void read_tests(const std::string& path, const Lines& lines, Stated& stated, Findings& findings) {
  const std::string folder = fs::path(path).parent_path().filename();
  Lines pending;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Lines ids = stated_ids(lines[i]);
    for (const std::string& id : ids) {
      if (is_id(id)) {
        pending.push_back(id);
      } else {
        findings.push_back(
            {path, i + 1, "neither `Rule 2.N` nor `Fault X1` nor a test's id: " + lines[i]});
      }
    }
    if (!ids.empty()) continue;
    if (pending.empty() || lines[i].starts_with("//")) continue;
    const std::string name = test_name(lines[i], i + 1 < lines.size() ? lines[i + 1] : "");
    if (name.empty()) {
      findings.push_back(
          {path, i + 1, "the comment above names " + pending[0] + ", and no test follows it"});
    }
    for (const std::string& each : pending) stated[each].insert(folder + "." + name);
    pending.clear();
  }
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(' ') - begin + 1));
}

// The cells of `| a | b |`; empty if the line is no row of two.
Lines cells_of(const std::string& line) {
  if (!line.starts_with("| ") || !line.ends_with(" |")) return {};
  const std::size_t middle = line.find(" | ");
  if (middle == std::string::npos) return {};
  return {trimmed(std::string_view(line).substr(1, middle - 1)),
          trimmed(std::string_view(line).substr(middle + 3, line.size() - middle - 5))};
}

std::string row_id(const Lines& cells) {
  if (cells.empty()) return {};
  const std::string id = cells[0].substr(0, cells[0].find(' '));
  return is_id(id) ? id : std::string();
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : "<br>") + name;
  return text;
}

struct Count {
  int tested = 0;
  int left_out = 0;
  [[nodiscard]] std::string text() const {
    return "*" + std::to_string(tested) + " of " + std::to_string(tested + left_out) + " tested, " +
           std::to_string(left_out) + " left out*";
  }
};

// Compares the table with what the tests state, and makes it say that.
class Table {
 public:
  Table(Lines& lines, const Stated& stated) : lines_(lines), stated_(stated) {}

  Findings refresh() {
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].starts_with("## ")) section_ = &counts_[lines_[i].substr(3)];
      refresh_row(i);
    }
    append_missing();
    refresh_counts();
    return std::move(findings_);
  }

 private:
  void refresh_row(std::size_t i) {
    const Lines cells = cells_of(lines_[i]);
    const std::string id = row_id(cells);
    if (id.empty()) return;
    last_row_ = i;
    if (!rows_.insert(id).second) findings_.push_back({kTable, i + 1, id + " stands here twice"});
    const auto found = stated_.find(id);
    const bool left_out = cells[1].starts_with(kLeftOut) && cells[1].size() > kLeftOut.size();
    if (found == stated_.end()) {
      if (!left_out) {
        findings_.push_back({kTable, i + 1, id + " has no test, and the table says not why"});
      }
      if (section_ != nullptr) ++section_->left_out;
      return;
    }
    if (section_ != nullptr) ++section_->tested;
    const std::string wanted = joined(found->second);
    if (cells[1] == wanted) return;
    findings_.push_back({kTable, i + 1, id + " differs from the tests; run ./dev format"});
    lines_[i] = "| " + cells[0] + " | " + wanted + " |";
  }

  void append_missing() {
    for (const auto& [id, names] : stated_) {
      if (rows_.contains(id)) continue;
      findings_.push_back({kTable, 0, id + " is tested and not in the table; run ./dev format"});
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(++last_row_),
                    "| " + id + " | " + joined(names) + " |");
      if (section_ != nullptr) ++section_->tested;
    }
  }

  // Under each heading, a line in *emphasis* has its counts.
  void refresh_counts() {
    const Count* count = nullptr;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].starts_with("## ")) count = &counts_[lines_[i].substr(3)];
      if (count == nullptr || !lines_[i].starts_with('*') || !lines_[i].ends_with("left out*")) {
        continue;
      }
      if (lines_[i] == count->text()) continue;
      findings_.push_back({kTable, i + 1, "wrong count; run ./dev format"});
      lines_[i] = count->text();
    }
  }

  Lines& lines_;
  const Stated& stated_;
  std::map<std::string, Count> counts_;
  std::set<std::string> rows_;
  Count* section_ = nullptr;
  std::size_t last_row_ = 0;
  Findings findings_;
};

}  // namespace

Findings check_conformance(const fs::path& root, bool fix) {
  if (!fs::exists(root / kTable)) return {{kTable, 0, "is missing"}};
  Findings findings;
  Stated stated;
  for (const std::string& file : cpp_files(root, {"tests"})) {
    if (!file.ends_with("_test.cpp") || file.starts_with("tests/tidy/")) continue;
    read_tests(file, lines_of(read_file(root / file)), stated, findings);
  }
  Lines lines = lines_of(read_file(root / kTable));
  const Findings in_table = Table(lines, stated).refresh();
  findings.insert(findings.end(), in_table.begin(), in_table.end());
  if (fix && !in_table.empty()) {
    std::ofstream out(root / kTable, std::ios::binary);
    for (const std::string& line : lines) out << line << '\n';
  }
  return findings;
}

}  // namespace tidy
