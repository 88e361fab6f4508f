// The item articles: the job of the articles that this project began with, N pages from a server
// that takes its time, as `asyncio compare` measures it.
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream text(line);
  for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
  return cells;
}

// n,process,time_taken,ratio_to_asyncio,cpu_seconds,peak_memory_bytes,threads,processes,failures,...
void read_csv(const std::string& csv, ItemReport& report) {
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::vector<std::string> cells = cells_of(line);
    if (cells.size() < 9) throw std::runtime_error("asyncio compare wrote: " + line);
    if (cells[8] != "0") throw std::runtime_error(cells[1] + " has failed requests");
    const std::string arm = cells[1] == "asyncio"  ? "asyncio-cpp"
                            : cells[1] == "python" ? "aiohttp"
                                                   : "32 threads, libcurl";
    report.add(cells[0] + " pages, wall", "s", arm, std::stod(cells[2]));
    report.add(cells[0] + " pages, CPU", "ms", arm, std::stod(cells[4]) * 1e3);
  }
}

}  // namespace

ItemReport measure_articles(Setting& setting) {
  const int rounds = setting.rounds(3);
  ItemReport report("articles",
                    "N pages at once, 13 KB each, from a server that waits 100 ms; each "
                    "in a process of its own, whose start is left out; median of " +
                        std::to_string(rounds) + " rounds");
  const std::filesystem::path tool = setting.programs.parent_path() / "tools/asyncio/asyncio";
  if (!std::filesystem::exists(tool)) {
    report.add_note("not measured: the command asyncio was not built");
    return report;
  }
  report.add_arm("asyncio-cpp", ItemReport::Role::ours);
  report.add_arm("aiohttp", ItemReport::Role::peer);
  report.add_arm("32 threads, libcurl", ItemReport::Role::peer);
  report.set_growth();
  if (python_with_aiohttp(setting).empty()) {
    report.add_note("aiohttp is left out: install python3-aiohttp");
  }
  for (int round = 0; round < rounds; ++round) {
    setting.progress.step("asyncio compare");
    const Outcome outcome = run_program(
        {tool, "compare", "--sizes", setting.quick ? "50,150" : "50,150,250,350,450", "--limit",
         "0", "--arms", "asyncio,python,threads:32", "--csv", "-", "--no-progress"});
    read_csv(outcome.output, report);
  }
  return report;
}

}  // namespace bench
