// Hello world: how long it takes from the start of the process to its end, and how large it is.
#include <filesystem>
#include <stdexcept>

#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr const char* kOurs = "asyncio-cpp";

Peer our_hello(const Setting& setting) { return {kOurs, {setting.programs / "bench_startup"}}; }

// The binary itself: an `env` before it would be a second program to start.
Peer go_hello(Setting& setting, ItemReport& report) {
  Peer go = go_peer(setting, report, "startup");
  if (go.found()) go.command = {go.command.back()};
  return go;
}

// Only those that were found; ours is the first.
std::vector<Peer> with_columns(const std::vector<Peer>& peers, ItemReport& report) {
  std::vector<Peer> found;
  for (const Peer& peer : peers) {
    if (!peer.found()) continue;
    report.add_arm(peer.name, found.empty() ? ItemReport::Role::ours : ItemReport::Role::peer);
    found.push_back(peer);
  }
  return found;
}

double stripped_bytes(const Setting& setting, const std::string& program) {
  const std::string strip = find_program("strip");
  if (strip.empty()) throw std::runtime_error("no strip in PATH; install binutils");
  const std::filesystem::path copy = setting.programs / "stripped";
  run_program({strip, "-o", copy, program});
  const auto bytes = static_cast<double>(std::filesystem::file_size(copy));
  std::filesystem::remove(copy);
  return bytes;
}

}  // namespace

ItemReport measure_startup(Setting& setting) {
  const int rounds = setting.rounds(31);
  ItemReport report("startup", "hello world, from the start of the process to its end; median of " +
                                   std::to_string(rounds) + " runs");
  const std::vector<Peer> arms =
      with_columns({our_hello(setting), cpp_peer(setting, report, "raw_startup"),
                    cpp_peer(setting, report, "asio_startup"), go_hello(setting, report),
                    rust_peer(setting, report, "startup"), node_peer(setting, report, "startup"),
                    python_peer(setting, report, "startup", PythonLoop::asyncio)},
                   report);
  for (const Peer& arm : arms) run_program(arm.command);  // into the page cache
  setting.progress.begin("startup", rounds);
  for (int round = 0; round < rounds; ++round) {
    setting.progress.step("hello world");
    for (const std::size_t i : setting.order(arms.size())) {
      const Outcome outcome = run_program(arms[i].command);
      if (outcome.output != "hello\nworld\n") throw std::runtime_error(arms[i].name + " is wrong");
      report.add("CPU, user + system", "ms", arms[i].name, outcome.cpu_seconds * 1e3);
      report.add("wall", "ms", arms[i].name, outcome.wall_seconds * 1e3);
    }
  }
  return report;
}

ItemReport measure_size(Setting& setting) {
  ItemReport report("size",
                    "hello world, the bytes of the program, libraries that are shared aside");
  const std::vector<Peer> arms =
      with_columns({our_hello(setting), cpp_peer(setting, report, "raw_startup"),
                    cpp_peer(setting, report, "asio_startup"), go_hello(setting, report),
                    rust_peer(setting, report, "startup")},
                   report);
  for (const Peer& arm : arms) {
    report.add("stripped", "KB", arm.name, stripped_bytes(setting, arm.command.back()) * 1e-3);
  }
  return report;
}

}  // namespace bench
