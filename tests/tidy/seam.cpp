#include <fnmatch.h>

#include <algorithm>
#include <set>

#include "tests/tidy/tidy.hpp"

namespace tidy {

Findings check_seam(const fs::path& root, std::string_view symbols) {
  std::vector<std::string> allowed;
  std::set<std::string> kernel;
  for (const auto& row : read_table(root, "kernel.txt")) {
    if (row[0] == "allow") allowed.push_back(row[1]);
    if (row[0] == "symbol") kernel.insert(row.begin() + 1, row.end());
  }
  Findings findings;
  if (symbols.empty()) findings.push_back({"", 0, "nm found no symbols: were the objects built?"});
  for (const std::string& line : lines_of(symbols)) {
    // build/.../asyncio.dir/./src/sync/lock.cpp.o:                 U recv@GLIBC_2.2.5
    const std::vector<std::string> words = words_of(line);
    const std::size_t begin = line.find("src/", std::min(line.find(".dir/"), line.size()));
    if (words.size() != 3 || begin == std::string::npos) continue;
    const std::string file = line.substr(begin, line.find(".o:", begin) - begin);
    const std::string symbol = words[2].substr(0, words[2].find('@'));
    const bool may = std::any_of(allowed.begin(), allowed.end(), [&](const std::string& pattern) {
      return fnmatch(pattern.c_str(), file.c_str(), 0) == 0;
    });
    if (!may && kernel.count(symbol)) {
      findings.push_back({file, 0, "calls " + symbol + "; go through the backend instead"});
    }
  }
  return findings;
}

}  // namespace tidy
