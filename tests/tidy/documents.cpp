// Code in a document is a copy of a file that the tests compile. Above the block stands its source:
//   <!-- include examples/hello.cpp -->           the whole file
//   <!-- include examples/hello.cpp 3-9 -->       these lines
//   <!-- include examples/hello.cpp :greet -->    between the lines `// [greet]` and `// [/greet]`
// In Python the marker lines begin with `#`.
// Lines taken from inside a file lose their common indentation and the empty ones at their end, and
// marker lines are left out.
#include <algorithm>
#include <fstream>
#include <optional>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

constexpr std::string_view kOpening = "<!-- include ";

using Lines = std::vector<std::string>;

std::string trimmed(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin == std::string::npos ? std::string() : line.substr(begin);
}

// A comment of nothing but `[word]`.
bool is_marker(const std::string& line) {
  const std::string text = trimmed(line);
  const std::size_t word = text.starts_with("// [") ? 3 : text.starts_with("# [") ? 2 : 0;
  return word != 0 && text.back() == ']' && text.find(' ', word) == std::string::npos;
}

Lines dedented(Lines lines) {
  std::size_t indent = std::string::npos;
  for (const std::string& line : lines) indent = std::min(indent, line.find_first_not_of(' '));
  for (std::string& line : lines) line.erase(0, std::min(indent, line.size()));
  return lines;
}

// What the comment `words` (`path [range]`) names; nothing if there is no such thing.
std::optional<Lines> named_lines(const fs::path& root, const Lines& words) {
  if (!fs::is_regular_file(root / words[0])) return std::nullopt;
  const Lines file = lines_of(read_file(root / words[0]));
  auto begin = file.begin();
  auto end = file.end();
  if (words.size() > 1 && words[1][0] == ':') {
    const std::string tag = words[1].substr(1);
    const auto is = [](const std::string& marker) {
      return [marker](const std::string& line) {
        return is_marker(line) && trimmed(line).ends_with(" [" + marker + "]");
      };
    };
    begin = std::find_if(begin, end, is(tag));
    end = std::find_if(begin, end, is("/" + tag));
    if (end == file.end()) return std::nullopt;
  } else if (words.size() > 1) {
    const std::size_t first = std::strtoul(words[1].c_str(), nullptr, 10);
    const std::size_t dash = words[1].find('-');
    const std::size_t last =
        dash == std::string::npos ? first : std::strtoul(words[1].c_str() + dash + 1, nullptr, 10);
    if (first == 0 || last < first || last > file.size()) return std::nullopt;
    begin = file.begin() + static_cast<std::ptrdiff_t>(first - 1);
    end = file.begin() + static_cast<std::ptrdiff_t>(last);
  }
  Lines lines;
  std::copy_if(begin, end, std::back_inserter(lines),
               [](const auto& line) { return !is_marker(line); });
  if (words.size() == 1) return lines;
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return dedented(lines);
}

// The words of an include comment; empty if the line is none.
Lines include_comment(const std::string& line) {
  const std::string text = trimmed(line);
  const std::size_t end = text.find("-->");
  if (!text.starts_with(kOpening) || end == std::string::npos) return {};
  return words_of(text.substr(kOpening.size(), end - kOpening.size()));
}

bool is_fence(const std::string& line) { return line.starts_with("```"); }

// Compares each named block of `lines` with its file, and puts the file's text there.
Findings refresh(const fs::path& root, const std::string& path, Lines& lines) {
  Findings findings;
  bool in_block = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_fence(lines[i])) in_block = !in_block;
    if (in_block) continue;  // a document about documents shows such comments
    const Lines words = include_comment(lines[i]);
    if (words.empty()) continue;
    const std::optional<Lines> wanted = named_lines(root, words);
    if (!wanted) {
      findings.push_back({path, i + 1, "no such file or part of it: " + trimmed(lines[i])});
      continue;
    }
    const auto comment = lines.begin() + static_cast<std::ptrdiff_t>(i);
    const auto open =
        std::find_if(comment + 1, lines.end(), [](const auto& line) { return !line.empty(); });
    if (open == lines.end() || !is_fence(*open)) {
      findings.push_back({path, i + 1, "no code block follows: " + trimmed(lines[i])});
      continue;
    }
    const auto close = std::find_if(open + 1, lines.end(), is_fence);
    if (!std::equal(open + 1, close, wanted->begin(), wanted->end())) {
      findings.push_back({path, i + 1, "differs from " + words[0] + "; run ./dev format"});
      lines.insert(lines.erase(open + 1, close), wanted->begin(), wanted->end());
    }
  }
  return findings;
}

bool is_skipped(const fs::path& directory) {
  const std::string name = directory.filename();
  return name == "build" || name[0] == '.';
}

std::vector<std::string> documents(const fs::path& root) {
  std::vector<std::string> files;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator();
       ++it) {
    if (it->is_directory() && is_skipped(it->path())) it.disable_recursion_pending();
    if (it->path().extension() == ".md") files.push_back(it->path().lexically_relative(root));
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A path of this project, as against a pattern such as `src/<folder>/*.cpp` or `src/X/y.cpp`.
bool is_path(const std::string& text) {
  if (text.find_first_of("*<>{}$ ()") != std::string::npos) return false;
  for (const fs::path& part : fs::path(text)) {
    if (part.stem().string().size() == 1) return false;
  }
  for (const std::string_view folder :
       {"src/", "include/", "examples/", "tests/", "tools/", "bench/", "docs/", "cmake/"}) {
    if (text.starts_with(folder)) return true;
  }
  return false;
}

}  // namespace

Findings check_snippets(const fs::path& root, bool fix) {
  Findings findings;
  for (const std::string& path : documents(root)) {
    Lines lines = lines_of(read_file(root / path));
    const Findings found = refresh(root, path, lines);
    findings.insert(findings.end(), found.begin(), found.end());
    if (!fix || found.empty()) continue;
    std::ofstream out(root / path, std::ios::binary);
    for (const std::string& line : lines) out << line << '\n';
  }
  return findings;
}

Findings check_paths(const fs::path& root) {
  Findings findings;
  for (const std::string& path : documents(root)) {
    if (path.find('/') != std::string::npos) continue;
    std::size_t number = 0;
    for (const std::string& line : lines_of(read_file(root / path))) {
      ++number;
      for (std::size_t open = line.find('`'); open != std::string::npos;) {
        const std::size_t close = line.find('`', open + 1);
        if (close == std::string::npos) break;
        const std::string text = line.substr(open + 1, close - open - 1);
        const std::string named = text.substr(0, text.find(':'));
        if (is_path(named) && !fs::exists(root / named)) {
          findings.push_back({path, number, "no such path: " + named});
        }
        open = line.find('`', close + 1);
      }
    }
  }
  return findings;
}

Findings check_text(const fs::path& root) {
  Findings findings;
  for (const std::string& file :
       cpp_files(root, {"include", "src", "tools", "examples", "bench", "tests", "cmake"})) {
    const std::string text = read_file(root / file);
    std::size_t number = 0;
    for (const std::string& line : lines_of(text)) {
      ++number;
      if (line.find('\t') != std::string::npos) findings.push_back({file, number, "tab"});
      if (!line.empty() && (line.back() == ' ' || line.back() == '\r')) {
        findings.push_back({file, number, "trailing white space"});
      }
    }
    if (!text.empty() && text.back() != '\n')
      findings.push_back({file, number, "no newline at end"});
  }
  return findings;
}

}  // namespace tidy
