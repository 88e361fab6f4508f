// What every check reads with.
#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/tidy/tidy.hpp"

namespace tidy {

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream in{std::string(text)};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::istringstream in{std::string(line)};
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

std::vector<std::vector<std::string>> read_table(const fs::path& root, const char* name) {
  std::vector<std::vector<std::string>> table;
  for (const std::string& line : lines_of(read_file(root / "tests/tidy" / name))) {
    std::vector<std::string> words = words_of(line);
    if (!words.empty() && words[0][0] != '#') table.push_back(std::move(words));
  }
  return table;
}

std::vector<std::string> cpp_files(const fs::path& root, const std::vector<std::string>& folders) {
  std::vector<std::string> files;
  for (const std::string& folder : folders) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const fs::path extension = entry.path().extension();
      if (extension == ".hpp" || extension == ".cpp") {
        files.push_back(entry.path().lexically_relative(root).generic_string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace tidy
