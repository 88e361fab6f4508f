// docs/coming-from-python.md says for each of Python's names how it is spelled here, in tables of
//   | `asyncio.gather` | `gather` | remarks |
//   | `loop.add_reader` | - | why not |
// and above each table how many there are: `*1 of 2 names*`. Every name of the second column must
// stand in tests/run/names_test.cpp, which uses them all, so that the compiler holds the document
// to what it says. The fix writes the counts.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <utility>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

constexpr const char* kDocument = "docs/coming-from-python.md";
constexpr const char* kUses = "tests/run/names_test.cpp";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::set<std::string> words_in(const std::string& text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : text + ' ') {
    if (is_word(c)) {
      word += c;
    } else if (!word.empty()) {
      words.insert(std::exchange(word, {}));
    }
  }
  return words;
}

// The cells of a row `| a | b | c |`, without the blanks around them; empty if it is none.
std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (std::size_t begin = 0; begin < line.size() && line[begin] == '|';) {
    const std::size_t end = line.find('|', begin + 1);
    if (end == std::string::npos) break;
    const std::string cell = line.substr(begin + 1, end - begin - 1);
    const std::size_t first = cell.find_first_not_of(' ');
    const std::size_t last = cell.find_last_not_of(' ');
    cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
    begin = end;
  }
  return cells;
}

// What stands in `backticks`, each cut down to its last name: `EventLoop::call_soon()` is
// call_soon.
std::vector<std::string> names_in(const std::string& cell) {
  std::vector<std::string> names;
  for (std::size_t open = cell.find('`'); open != std::string::npos;) {
    const std::size_t close = cell.find('`', open + 1);
    if (close == std::string::npos) break;
    std::string code = cell.substr(open + 1, close - open - 1);
    code.resize(std::min(code.find_first_of("<("), code.size()));
    std::size_t begin = code.size();
    while (begin > 0 && is_word(code[begin - 1])) --begin;
    names.push_back(code.substr(begin));
    open = cell.find('`', close + 1);
  }
  return names;
}

struct Table {
  std::size_t line = 0;  // of its count; 0: none
  std::size_t there = 0;
  std::size_t all = 0;
};

// "*1 of 2 names*": where its words begin; 0 if the line is no count.
std::size_t end_of_count(const std::string& line) {
  std::size_t at = line.starts_with('*') ? 1 : 0;
  const auto skip_number = [&] {
    const std::size_t begin = at;
    while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])) != 0) ++at;
    return at > begin;
  };
  if (at == 0 || !skip_number() || line.compare(at, 4, " of ") != 0) return 0;
  at += 4;
  return skip_number() ? at : 0;
}

void check_count(const Table& table, std::vector<std::string>& lines, Findings& findings) {
  if (table.line == 0) return;
  std::string& line = lines[table.line - 1];
  const std::string right = "*" + std::to_string(table.there) + " of " + std::to_string(table.all) +
                            line.substr(end_of_count(line));
  if (line == right) return;
  findings.push_back({kDocument, table.line, "wrong count: " + right});
  line = right;
}

}  // namespace

Findings check_names(const fs::path& root, bool fix) {
  Findings findings;
  if (!fs::exists(root / kDocument)) return findings;
  std::vector<std::string> lines = lines_of(read_file(root / kDocument));
  const std::set<std::string> used = words_in(read_file(root / kUses));
  Table table;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (end_of_count(lines[i]) != 0 || lines[i].starts_with("#")) {
      check_count(table, lines, findings);
      table = {lines[i].starts_with("#") ? 0 : i + 1, 0, 0};
    }
    const std::vector<std::string> cells = cells_of(lines[i]);
    if (table.line == 0 || cells.size() < 2 || names_in(cells[0]).empty()) continue;
    ++table.all;
    if (cells[1] == "-") {
      if (cells.size() < 3 || cells[2].empty()) {
        findings.push_back({kDocument, i + 1, "no name, and no reason why: " + cells[0]});
      }
      continue;
    }
    ++table.there;
    const std::vector<std::string> names = names_in(cells[1]);
    if (names.empty()) findings.push_back({kDocument, i + 1, "neither a name nor `-`"});
    for (const std::string& name : names) {
      if (used.contains(name)) continue;
      findings.push_back({kDocument, i + 1, std::string(kUses) + " does not use " + name});
    }
  }
  check_count(table, lines, findings);
  if (fix && !findings.empty()) {
    std::ofstream out(root / kDocument, std::ios::binary);
    for (const std::string& line : lines) out << line << '\n';
  }
  return findings;
}

}  // namespace tidy
