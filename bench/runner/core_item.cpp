#include <algorithm>
#include <filesystem>

#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"
#include "bench/runner/program_rows.hpp"

namespace bench {
namespace {

struct Arm {
  std::string name;
  std::vector<std::string> command;
  bool ours;
};

std::vector<std::string> with(std::vector<std::string> command, const std::string& argument) {
  command.push_back(argument);
  return command;
}

std::vector<Arm> our_arms(Setting& setting, ItemReport& report) {
  std::vector<Arm> arms;
  arms.push_back({setting.versions["compiler"], {setting.programs / "bench_core"}, true});
  const std::string gcc_core = setting.gcc_programs / "bench_core";
  if (std::filesystem::exists(gcc_core)) {
    arms.push_back({setting.versions["g++"], {gcc_core}, true});
  } else {
    report.add_note("g++ is left out: no bench_core was built with it");
  }
  for (const Arm& arm : arms) report.add_arm(arm.name, ItemReport::Role::ours);
  return arms;
}

void add_peers(Setting& setting, ItemReport& report, std::vector<Arm>& arms) {
  const auto add = [&](const Peer& peer) {
    if (!peer.found()) return;
    arms.push_back({peer.name, peer.command, false});
    report.add_arm(peer.name, ItemReport::Role::peer);
  };
  add(python_peer(setting, report, "core", PythonLoop::asyncio));
  add(python_peer(setting, report, "core", PythonLoop::uvloop));
  add(go_peer(setting, report, "core"));
  add(rust_peer(setting, report, "core"));
  add(node_peer(setting, report, "core"));
  add(cpp_peer(setting, report, "asio_core"));
  add(cpp_peer(setting, report, "uv_core"));
}

// A machine may be too small or too busy for a million of them: the rest is worth having then.
void measure_sleepers(const Arm& arm, ItemReport& report) {
  const Attempt attempt = try_program(with(arm.command, "sleepers"));
  if (attempt.succeeded) {
    add_rows(attempt.output, arm.name, report);
  } else {
    std::string words;
    for (const std::string& word : with(arm.command, "sleepers")) words += " " + word;
    report.add_note("1,000,000 sleepers of " + arm.name + " failed; try them alone:" + words);
  }
}

}  // namespace

ItemReport measure_core(Setting& setting) {
  const int rounds = setting.rounds(3);
  ItemReport report("core", "CPU time per operation, median of " + std::to_string(rounds) +
                                " rounds of 5 repeats");
  std::vector<Arm> arms = our_arms(setting, report);
  add_peers(setting, report, arms);
  setting.progress.begin("core", rounds * static_cast<int>(arms.size()));
  for (int round = 0; round < rounds; ++round) {
    // In the first one ours is the first, so that its rows set the order of the table.
    std::vector<std::size_t> order = setting.order(arms.size());
    if (round == 0) std::iter_swap(order.begin(), std::find(order.begin(), order.end(), 0));
    for (const std::size_t i : order) {
      const Arm& arm = arms[i];
      setting.progress.step(arm.name);
      add_rows(run_program(with(arm.command, setting.quick ? "quick" : "full")).output, arm.name,
               report);
      if (setting.quick || (!arm.ours && round > 0)) continue;  // they sleep for up to 12 s
      measure_sleepers(arm, report);
    }
  }
  return report;
}

}  // namespace bench
