#include <chrono>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr int kServerCore = 0;
constexpr int kLoadCore = 1;
constexpr std::chrono::seconds kBudget{420};
constexpr int kIdleConnections = 10'000;

/// What the load does.
struct Cell {
  const char* name;
  int connections;
  int bytes;
  int idle = 0;
  bool large = false;  // read 256 KB at a time instead of 64
  int rounds = 5;      // many connections take longer to be made than to be measured
};

constexpr Cell kEchoCells[] = {
    {"64 B, 1 connection", 1, 64},
    {"64 B, 100 connections", 100, 64},
    {"64 B, 10,000 connections", 10'000, 64, 0, false, 3},
    {"1 KB, 1 connection", 1, 1024},
    {"1 KB, 100 connections", 100, 1024},
    {"1 KB, 10,000 connections", 10'000, 1024, 0, false, 3},
    {"16 KB, 1 connection", 1, 16384},
    {"16 KB, 100 connections", 100, 16384},
    {"1 MB, 1 connection", 1, 1 << 20, 0, true},
    {"1 MB, 8 connections", 8, 1 << 20, 0, true},
};

constexpr Cell kGrowthCells[] = {
    {"100 active", 100, 64, 0, false, 3},
    {"1,000 active", 1000, 64, 0, false, 3},
    {"10,000 active", 10'000, 64, 0, false, 3},
    {"100 active, 100 idle", 100, 64, 100, false, 3},
    {"100 active, 1,000 idle", 100, 64, 1000, false, 3},
    {"100 active, 10,000 idle", 100, 64, 10'000, false, 3},
};

std::vector<std::string> operator+(std::vector<std::string> command, const std::string& argument) {
  command.push_back(argument);
  return command;
}

/// One cell in one round, by arm.
struct Sample {
  std::map<std::string, double> cpu;
  std::map<std::string, double> rate;
};

/// One for each peer.
using Servers = std::vector<std::unique_ptr<ListeningServer>>;

class EchoBench {
 public:
  EchoBench(Setting& setting, ItemReport& report) : setting_(setting), report_(report) {
    limit_ = descriptor_limit();
    const std::string ours = setting.programs / "bench_echo_asyncio";
    add({"asyncio-cpp", {"env", "ASYNCIO_BACKEND=epoll", ours}});
    add({"asyncio-cpp, io_uring", {"env", "ASYNCIO_BACKEND=io_uring", ours}});
  }

  void add(Peer peer) {
    if (!peer.found()) return;
    using Role = ItemReport::Role;
    report_.add_arm(peer.name, peers_.empty() ? Role::ours : Role::peer);
    peers_.push_back(std::move(peer));
  }
  void add(const std::string& name, Peer peer) {
    peer.name = name;
    add(std::move(peer));
  }
  void add_python(PythonLoop loop, const std::string& style) {
    Peer peer = python_peer(setting_, report_, "echo", loop);
    if (peer.found()) peer.command.push_back(style);
    add(peer.name + " " + style, std::move(peer));
  }

  /// All servers run all the time, and wait; the load comes to one after another.
  template <std::size_t n>
  void measure_echoes(const Cell (&cells)[n]) {
    samples_.assign(n, {});
    Servers small;
    Servers large;
    for (int round = 0; round < setting_.rounds(5); ++round) {
      for (const std::size_t i : setting_.order(n)) {
        if (round > 0 && out_of_time()) return;
        const Cell& cell = cells[i];
        if (round >= cell.rounds || !fits(cell)) continue;
        Servers& servers = cell.large ? large : small;
        if (servers.empty()) servers = start_all(cell.large ? "262144" : "65536");
        measure(cell, servers, samples_[i]);
      }
    }
  }

  enum class Rows { cost, all };
  /// In the order of the cells, whatever the order was in which they were measured.
  template <std::size_t n>
  void tell(const Cell (&cells)[n], Rows rows) {
    for (std::size_t i = 0; i < n; ++i) tell_cost(cells[i].name, samples_[i]);
    if (rows == Rows::cost) return;
    for (std::size_t i = 0; i < n; ++i) tell_rate(cells[i].name, samples_[i]);
  }

  /// New servers: what one has kept from earlier connections would hide what these cost.
  void measure_idle() {
    if (!fits({"the memory of idle connections", kIdleConnections, 1})) return;
    for (const Peer& peer : peers_) {
      setting_.progress.step(peer.name + ", idle");
      const ListeningServer server(peer.command + "4096", kServerCore);
      report_.add("memory of an idle connection", "B", peer.name,
                  ask({"idle", std::to_string(server.port()), std::to_string(server.pid()),
                       std::to_string(kIdleConnections)})["memory"]);
    }
  }

  template <std::size_t n>
  [[nodiscard]] int steps(const Cell (&cells)[n]) const {
    int count = 0;
    for (const Cell& cell : cells) count += setting_.rounds(cell.rounds);
    return count * static_cast<int>(peers_.size());
  }

 private:
  bool fits(const Cell& cell) {
    const auto wanted = static_cast<std::size_t>(cell.connections + cell.idle + 100);
    if (wanted <= limit_) return true;
    report_.add_note(std::string(cell.name) + ": left out, a process may have only " +
                     std::to_string(limit_) + " descriptors (ulimit -Hn)");
    return false;
  }

  void tell_cost(const std::string& cell, const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      for (const auto& [arm, cpu] : sample.cpu) {
        report_.add("CPU per message, " + cell, "us", arm, cpu);
      }
    }
  }

  void tell_rate(const std::string& cell, const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      for (const auto& [arm, rate] : sample.rate) {
        report_.add("messages/s, " + cell, "1/s", arm, rate);
      }
    }
    report_.set_detail("messages/s, " + cell);
  }

  bool out_of_time() {
    const auto passed = std::chrono::steady_clock::now() - began_;
    if (passed < kBudget) return false;
    report_.add_note("it took long: after seven minutes some rows have fewer rounds");
    return true;
  }

  Servers start_all(const std::string& read_bytes) {
    Servers servers;
    for (const Peer& peer : peers_) {
      servers.push_back(std::make_unique<ListeningServer>(peer.command + read_bytes, kServerCore));
    }
    return servers;
  }

  void measure(const Cell& cell, const Servers& servers, std::vector<Sample>& samples) {
    Sample sample;
    for (const std::size_t i : setting_.order(peers_.size())) {
      const std::string& arm = peers_[i].name;
      setting_.progress.step(arm + ", " + cell.name);
      auto values =
          ask({"echo", std::to_string(servers[i]->port()), std::to_string(servers[i]->pid()),
               std::to_string(cell.connections), std::to_string(cell.bytes),
               setting_.quick ? "0.05" : "0.2", std::to_string(cell.idle)});
      sample.cpu[arm] = values["cpu"];
      sample.rate[arm] = values["rate"];
    }
    samples.push_back(std::move(sample));
  }

  std::map<std::string, double> ask(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{setting_.programs / "bench_echo_load"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::istringstream lines(run_program(command, kLoadCore).output);
    std::map<std::string, double> values;
    std::string name;
    std::string unit;
    for (double value = 0; lines >> name >> unit >> value;) values[name] = value;
    if (values.empty()) throw std::runtime_error("bench_echo_load said nothing");
    return values;
  }

  Setting& setting_;
  ItemReport& report_;
  std::vector<Peer> peers_;
  std::vector<std::vector<Sample>> samples_;  // by cell
  std::size_t limit_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

ItemReport measure_echo(Setting& setting) {
  ItemReport report("echo",
                    "a message in flight on each connection; CPU of the server, median of " +
                        std::to_string(setting.rounds(5)) + " rounds (10,000 connections: 3)");
  EchoBench bench(setting, report);
  bench.add({"asyncio-cpp protocol", {setting.programs / "bench_echo_protocol"}});
  bench.add(cpp_peer(setting, report, "raw_echo"));
  bench.add("raw io_uring", cpp_peer(setting, report, "raw_ring_echo"));
  bench.add(cpp_peer(setting, report, "asio_echo"));
  bench.add("Asio callbacks", cpp_peer(setting, report, "asio_callbacks_echo"));
  bench.add(cpp_peer(setting, report, "uv_echo"));
  for (const PythonLoop loop : {PythonLoop::asyncio, PythonLoop::uvloop}) {
    bench.add_python(loop, "streams");
    bench.add_python(loop, "protocol");
  }
  bench.add(go_peer(setting, report, "echo"));
  bench.add(rust_peer(setting, report, "echo"));
  bench.add(node_peer(setting, report, "echo"));
  setting.progress.begin("echo", bench.steps(kEchoCells));
  bench.measure_echoes(kEchoCells);
  bench.tell(kEchoCells, EchoBench::Rows::all);
  bench.measure_idle();
  return report;
}

ItemReport measure_growth_connections(Setting& setting) {
  ItemReport report("growth_connections",
                    "64 B echoes while connections grow; CPU of the server, median of " +
                        std::to_string(setting.rounds(3)) + " rounds");
  report.set_growth();
  EchoBench bench(setting, report);
  bench.add(cpp_peer(setting, report, "raw_echo"));
  bench.add_python(PythonLoop::asyncio, "streams");
  bench.add(go_peer(setting, report, "echo"));
  bench.add(rust_peer(setting, report, "echo"));
  setting.progress.begin("growth_connections", bench.steps(kGrowthCells));
  bench.measure_echoes(kGrowthCells);
  bench.tell(kGrowthCells, EchoBench::Rows::cost);
  return report;
}

}  // namespace bench
