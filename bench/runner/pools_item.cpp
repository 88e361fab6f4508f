// Executors: work done on other threads and in other processes.
#include <filesystem>
#include <string>
#include <vector>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"
#include "bench/runner/program_rows.hpp"

namespace bench {
namespace {

struct Arm {
  std::string name;
  std::vector<std::string> command;
};

std::vector<Arm> arms_of(Setting& setting, ItemReport& report) {
  std::vector<Arm> arms{{"asyncio-cpp", {setting.programs / "bench_pools"}}};
  report.add_arm("asyncio-cpp", ItemReport::Role::ours);
  const std::string python = system_python(setting);
  if (python.empty()) {
    report.add_note("Python is left out: there is no /usr/bin/python3");
    return arms;
  }
  const std::string script = setting.source / "bench/peers/python/pools.py";
  arms.push_back({"concurrent.futures", {python, script}});
  report.add_arm("concurrent.futures", ItemReport::Role::peer);
  if (try_program({python, "-c", "import joblib"}).succeeded) {
    arms.push_back({"joblib", {python, script, "joblib"}});
    report.add_arm("joblib", ItemReport::Role::peer);
  } else {
    report.add_note("joblib is left out: install python3-joblib");
  }
  return arms;
}

}  // namespace

ItemReport measure_pools(Setting& setting) {
  const int rounds = setting.rounds(5);
  ItemReport report("pools", "thread and process pools of two workers, small jobs; median of " +
                                 std::to_string(rounds) + " rounds");
  const std::vector<Arm> arms = arms_of(setting, report);
  setting.progress.begin("pools", rounds * static_cast<int>(arms.size()));
  for (int round = 0; round < rounds; ++round) {
    // In the first one ours is the first, so that its rows set the order of the table.
    std::vector<std::size_t> order = setting.order(arms.size());
    if (round == 0) {
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    }
    for (const std::size_t i : order) {
      setting.progress.step(arms[i].name);
      add_rows(run_program(arms[i].command).output, arms[i].name, report);
    }
  }
  return report;
}

}  // namespace bench
