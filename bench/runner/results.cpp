#include "bench/runner/results.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "bench/runner/json.hpp"
#include "bench/runner/page.hpp"
#include "bench/runner/text.hpp"

namespace bench {
namespace {

const ItemReport* find(const std::vector<ItemReport>& reports, const std::string& name) {
  const auto at = std::find_if(reports.begin(), reports.end(),
                               [&](const ItemReport& report) { return report.name() == name; });
  return at == reports.end() ? nullptr : &*at;
}

}  // namespace

void write_file(const std::filesystem::path& path, const std::string& text) {
  if (path == "-") {
    std::fputs(text.c_str(), stdout);
    return;
  }
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::vector<ItemReport> read_results(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "latest.json";
  if (!std::filesystem::exists(path)) return {};
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  try {
    return from_json(text.str());
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what() +
                             "; move it away, or name another folder");
  }
}

std::vector<ItemReport> merge(const std::vector<ItemReport>& kept,
                              const std::vector<ItemReport>& measured,
                              const std::vector<std::string>& names) {
  std::vector<ItemReport> all;
  for (const std::string& name : names) {
    const ItemReport* report = find(measured, name);
    if (report == nullptr) report = find(kept, name);
    if (report != nullptr) all.push_back(*report);
  }
  return all;
}

void write_results(const std::filesystem::path& folder, const std::vector<ItemReport>& measured,
                   const std::vector<ItemReport>& all) {
  std::filesystem::create_directories(folder);
  for (const ItemReport& report : measured) {
    write_file(folder / (report.name() + ".txt"),
               to_text(report) + "\n" + to_text(report.description()));
  }
  write_file(folder / "latest.json", to_json(all));
  write_file(folder / "latest.html", to_html(all));
}

}  // namespace bench
