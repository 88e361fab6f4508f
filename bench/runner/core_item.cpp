#include <filesystem>
#include <sstream>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

struct Arm {
  std::string name;
  std::vector<std::string> command;
  bool slow_sleepers;  // half a minute: once is enough
};

// Lines of row, unit, value.
void read_rows(const std::string& output, const std::string& arm, ItemReport& report) {
  std::istringstream lines(output);
  std::string row;
  std::string unit;
  std::string value;
  while (std::getline(lines, row, '\t') && std::getline(lines, unit, '\t') &&
         std::getline(lines, value)) {
    report.add(row, unit, arm, std::stod(value));
  }
}

std::vector<std::string> with(std::vector<std::string> command, const std::string& argument) {
  command.push_back(argument);
  return command;
}

}  // namespace

ItemReport measure_core(Setting& setting) {
  const int rounds = setting.rounds(3);
  ItemReport report("core", "CPU time per operation, median of " + std::to_string(rounds) +
                                " rounds of 9 repeats (CPython: 7)");
  std::vector<Arm> arms;
  arms.push_back({setting.versions["compiler"], {setting.programs / "bench_core"}, false});
  report.add_arm(arms.back().name, ItemReport::Role::ours);
  const std::string gcc_core = setting.gcc_programs / "bench_core";
  if (std::filesystem::exists(gcc_core)) {
    arms.push_back({setting.versions["g++"], {gcc_core}, false});
    report.add_arm(arms.back().name, ItemReport::Role::ours);
  } else {
    report.add_note("g++ is left out: no bench_core was built with it");
  }
  const std::string python = system_python(setting);
  if (!python.empty()) {
    arms.push_back({"CPython", {python, setting.source / "bench/peers/python/core.py"}, true});
    report.add_arm(arms.back().name, ItemReport::Role::peer);
  } else {
    report.add_note("CPython is left out: no /usr/bin/python3");
  }
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : setting.order(arms.size())) {
      const Arm& arm = arms[i];
      read_rows(run_program(with(arm.command, setting.quick ? "quick" : "full")).output, arm.name,
                report);
      if (arm.slow_sleepers && (setting.quick || round > 0)) continue;
      read_rows(run_program(with(arm.command, "sleepers")).output, arm.name, report);
    }
  }
  return report;
}

}  // namespace bench
