// Functions are found by their braces: a `{` at namespace or class level after something with a
// parameter list opens one. Lambdas and local classes count with the function around them.
#include <algorithm>
#include <cctype>
#include <set>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

constexpr std::size_t kMaxFileLines = 800;
constexpr std::size_t kMaxFunctionLines = 70;

struct Function {
  std::string name;
  std::size_t first_line;
  std::size_t last_line;
};

bool is_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':';
}

bool has_word(const std::string& text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const bool left = at == 0 || !is_name_char(text[at - 1]);
    const std::size_t end = at + word.size();
    if (left && (end == text.size() || !is_name_char(text[end]))) return true;
  }
  return false;
}

// `class` in `template <class T>` declares no class.
std::string without_template(const std::string& head) {
  const std::size_t start = head.find("template");
  if (start == std::string::npos) return head;
  int depth = 0;
  for (std::size_t i = head.find('<', start); i < head.size(); ++i) {
    if (head[i] == '<') ++depth;
    if (head[i] == '>' && --depth == 0) return head.substr(i + 1);
  }
  return head;
}

// `suite.name` of `(suite, name)`.
std::string test_name(const std::string& arguments) {
  std::string name;
  for (const char c : arguments) {
    if (c == ',') name += '.';
    if (is_name_char(c)) name += c;
  }
  return name;
}

// The name of the function that `head`, the text before a `{`, declares; empty for anything else.
std::string function_name(const std::string& raw_head) {
  const std::string head = without_template(raw_head);
  const std::size_t paren = head.find('(');
  if (paren == std::string::npos) return {};
  const std::string before = head.substr(0, paren);
  for (const std::string_view word : {"namespace", "class", "struct", "union", "enum"}) {
    if (has_word(before, word)) return {};
  }
  const std::size_t end = before.find_last_not_of(" \n");
  if (end == std::string::npos) return "(unnamed)";
  std::size_t begin = end + 1;
  while (begin > 0 && is_name_char(before[begin - 1])) --begin;
  if (begin > end) return "(unnamed)";
  const std::string name = before.substr(begin, end + 1 - begin);
  return name.starts_with("TEST") ? test_name(head.substr(paren)) : name;
}

std::vector<Function> functions_of(const std::string& source) {
  std::vector<Function> functions;
  std::string head;  // text since the last ; { or }
  std::size_t line = 1;
  std::size_t depth = 0;
  std::size_t function_depth = 0;  // depth of the open function's brace; 0: none
  for (const char c : blank(source)) {
    if (c == '\n') ++line;
    if (c == '{') {
      ++depth;
      const std::string name = function_depth == 0 ? function_name(head) : std::string();
      if (!name.empty()) {
        function_depth = depth;
        functions.push_back({name, line, line});
      }
    }
    if (c == '}' && depth > 0) {
      if (depth == function_depth) {
        functions.back().last_line = line;
        function_depth = 0;
      }
      --depth;
    }
    if (c == ';' || c == '{' || c == '}') {
      head.clear();
    } else {
      head += c;
    }
  }
  return functions;
}

}  // namespace

Findings check_sizes(const fs::path& root) {
  std::set<std::string> allowed;
  for (const auto& row : read_table(root, "sizes_allowed.txt")) allowed.insert(row[0]);
  Findings findings;
  for (const std::string& file :
       cpp_files(root, {"include", "src", "tools", "examples", "bench", "tests"})) {
    const std::string source = read_file(root / file);
    const std::size_t lines = lines_of(source).size();
    if (lines > kMaxFileLines && !allowed.count(file)) {
      findings.push_back({file, 0, std::to_string(lines) + " lines; the limit is 800"});
    }
    for (const Function& function : functions_of(source)) {
      const std::size_t length = function.last_line - function.first_line + 1;
      if (length <= kMaxFunctionLines || allowed.count(file + ":" + function.name)) continue;
      findings.push_back(
          {file, function.first_line,
           function.name + " has " + std::to_string(length) + " lines; the limit is 70"});
    }
  }
  return findings;
}

}  // namespace tidy
