#include <algorithm>
#include <map>
#include <set>

#include "tests/tidy/tidy.hpp"

namespace tidy {
namespace {

constexpr std::string_view kUmbrella = "umbrella";
constexpr int kProgramsRow = 8;

struct Include {
  std::string name;
  bool angled;
  std::size_t line;
};

struct Layers {
  explicit Layers(const fs::path& root) {
    for (const auto& row : read_table(root, "layers.txt")) {
      if (row[0] == "foreign" && row.size() >= 3) {
        foreign.emplace(row[1], row[2]);
        continue;
      }
      for (std::size_t i = 1; i < row.size(); ++i) rows[row[i]] = std::stoi(row[0]);
    }
    rows[std::string(kUmbrella)] = kProgramsRow - 1;
  }
  [[nodiscard]] bool may_show(const std::string& file, const std::string& header) const {
    const auto [first, last] = foreign.equal_range(file);
    return std::any_of(first, last,
                       [&](const auto& row) { return header.starts_with(row.second); });
  }
  std::map<std::string, int> rows;
  std::multimap<std::string, std::string> foreign;  // a public header, and what it may show
};

std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> includes;
  std::size_t number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (!line.starts_with("#include")) continue;
    const std::size_t open = line.find_first_of("<\"");
    if (open == std::string::npos) continue;
    const bool angled = line[open] == '<';
    const std::size_t close = line.find(angled ? '>' : '"', open + 1);
    includes.push_back({line.substr(open + 1, close - open - 1), angled, number});
  }
  return includes;
}

// The folder of ARCHITECTURE.md that a file belongs to; empty for a stranger.
std::string folder_of(const std::string& path) {
  for (const std::string_view prefix : {"include/asyncio/", "src/"}) {
    if (!path.starts_with(prefix)) continue;
    const std::size_t slash = path.find('/', prefix.size());
    if (slash == std::string::npos) return std::string(kUmbrella);
    return path.substr(prefix.size(), slash - prefix.size());
  }
  return path.substr(0, path.find('/'));
}

// The file of this project that `include`, written in the file `from`, names; empty for a foreign
// one.
std::string resolve(const fs::path& root, const std::string& from, const Include& include) {
  const std::string beside = (fs::path(from).parent_path() / include.name).lexically_normal();
  for (const std::string& path :
       {"include/" + include.name, "src/" + include.name, include.name, beside}) {
    if (fs::is_regular_file(root / path)) return path;
  }
  return {};
}

// The C++ standard library's headers have neither a suffix nor a folder.
bool is_standard(const Include& include) {
  return include.angled && include.name.find_first_of("./") == std::string::npos;
}

// y_impl.hpp is the second half of y.hpp and may name it, for the reader's editor.
bool are_halves(const std::string& file, const std::string& target) {
  const std::string_view suffix = "_impl.hpp";
  return file.ends_with(suffix) && target == file.substr(0, file.size() - suffix.size()) + ".hpp";
}

// Why a file in `from` may not include one in `to`; empty if it may.
std::string forbidden(const Layers& layers, const std::string& from, const std::string& to) {
  const auto from_row = layers.rows.find(from);
  const auto to_row = layers.rows.find(to);
  if (from_row == layers.rows.end()) return "folder '" + from + "' has no row in layers.txt";
  if (to_row == layers.rows.end()) return "folder '" + to + "' has no row in layers.txt";
  if (from == to || from_row->second == kProgramsRow) return {};
  if (to == kUmbrella) return "umbrella headers are for programs, not for the library";
  if (from == kUmbrella || to_row->second < from_row->second) return {};
  return from + " (row " + std::to_string(from_row->second) + ") may not include " + to + " (row " +
         std::to_string(to_row->second) + ")";
}

using Graph = std::map<std::string, std::vector<std::string>>;

// Depth first; a file met again while it is still open closes a circle.
void find_circles(const Graph& graph, const std::string& file, std::vector<std::string>& open,
                  std::set<std::string>& done, Findings& findings) {
  const auto again = std::find(open.begin(), open.end(), file);
  if (again != open.end()) {
    std::string circle;
    for (auto it = again; it != open.end(); ++it) circle += *it + " -> ";
    findings.push_back({file, 0, "includes go in a circle: " + circle + file});
    return;
  }
  const auto edges = graph.find(file);
  if (edges == graph.end() || done.count(file)) return;
  open.push_back(file);
  for (const std::string& next : edges->second) find_circles(graph, next, open, done, findings);
  open.pop_back();
  done.insert(file);
}

}  // namespace

Findings check_layers(const fs::path& root) {
  const Layers layers(root);
  Findings findings;
  Graph graph;
  for (const std::string& file : cpp_files(root, {"include", "src", "tools"})) {
    for (const Include& include : includes_of(read_file(root / file))) {
      const std::string target = resolve(root, file, include);
      if (target.empty()) {
        if (file.starts_with("include/") && !is_standard(include) &&
            !layers.may_show(file, include.name)) {
          findings.push_back(
              {file, include.line,
               "foreign header '" + include.name + "' in a public header; include it in src/"});
        }
        continue;
      }
      if (!are_halves(file, target)) graph[file].push_back(target);
      const std::string why = forbidden(layers, folder_of(file), folder_of(target));
      if (!why.empty()) findings.push_back({file, include.line, why + ": " + include.name});
    }
  }
  std::vector<std::string> open;
  std::set<std::string> done;
  for (const auto& [file, targets] : graph) find_circles(graph, file, open, done, findings);
  return findings;
}

}  // namespace tidy
