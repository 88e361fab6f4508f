// 1,000 names looked up at once, by c-ares in the loop and by getaddrinfo on threads.
#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"
#include "bench/runner/program_rows.hpp"

namespace bench {
namespace {

struct Arm {
  const char* name;
  const char* how;
};

constexpr Arm kArms[] = {{"asyncio-cpp", "cares"},
                         {"getaddrinfo, 4 threads", "4"},
                         {"getaddrinfo, 32 threads", "32"},
                         {"getaddrinfo, 128 threads", "128"}};
constexpr const char* kDelayMs = "20";

}  // namespace

ItemReport measure_names(Setting& setting) {
  const int rounds = setting.rounds(7);
  ItemReport report("names", std::string("1,000 names at once, from a name server that is ") +
                                 kDelayMs + " ms away; median of " + std::to_string(rounds));
  for (const Arm& arm : kArms) {
    report.add_arm(arm.name, &arm == kArms ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  const ListeningServer server({setting.programs / "bench_names_server", kDelayMs}, 1);
  setting.progress.begin("names", rounds);
  for (int round = 0; round < rounds; ++round) {
    setting.progress.step("1,000 names");
    for (const std::size_t i : setting.order(std::size(kArms))) {
      const Outcome outcome = run_program(
          {setting.programs / "bench_names", kArms[i].how, std::to_string(server.port()), "1000"},
          0);
      add_rows(outcome.output, kArms[i].name, report);
    }
  }
  return report;
}

}  // namespace bench
