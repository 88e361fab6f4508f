#include <string>
#include <vector>

#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"
#include "bench/runner/program_rows.hpp"

namespace bench {

ItemReport measure_growth(Setting& setting) {
  const int rounds = setting.rounds(2);
  ItemReport report("growth",
                    "CPU time per operation among many others, 100 to 1,000,000; median of " +
                        std::to_string(rounds) + " rounds");
  report.set_growth();
  std::vector<Peer> arms{{"asyncio-cpp", {setting.programs / "bench_core"}},
                         python_peer(setting, report, "core", PythonLoop::asyncio),
                         go_peer(setting, report, "core"),
                         rust_peer(setting, report, "core")};
  std::erase_if(arms, [](const Peer& arm) { return !arm.found(); });
  for (const Peer& arm : arms) {
    report.add_arm(arm.name, &arm == arms.data() ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  setting.progress.begin("growth", rounds * static_cast<int>(arms.size()));
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : setting.order(arms.size())) {
      setting.progress.step(arms[i].name);
      std::vector<std::string> command = arms[i].command;
      command.emplace_back("growth");
      const Attempt attempt = try_program(command);
      if (attempt.succeeded) {
        add_rows(attempt.output, arms[i].name, report);
      } else {
        report.add_note(arms[i].name + " failed; try it alone: " + arms[i].command.back() +
                        " growth");
      }
    }
  }
  return report;
}

}  // namespace bench
