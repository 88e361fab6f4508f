// The item http_server: what a request costs the server.
#include <memory>
#include <stdexcept>

#include "bench/runner/http_clients.hpp"
#include "bench/runner/http_server.hpp"
#include "bench/runner/items.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr int kServerCore = 0;

struct Arm {
  std::string name;
  std::unique_ptr<Background> process;
  std::string url;  // "http://127.0.0.1:8080"
};

// A server whose program takes its port as the last argument.
Arm start(const std::string& name, std::vector<std::string> command) {
  const int port = free_port();
  command.push_back(std::to_string(port));
  auto process = std::make_unique<Background>(command, kServerCore);
  wait_until_answers(*process, port, name);
  return {name, std::move(process), "http://127.0.0.1:" + std::to_string(port)};
}

std::vector<Arm> start_servers(Setting& setting, ItemReport& report) {
  std::vector<Arm> arms;
  arms.push_back(start("asyncio-cpp", {setting.programs / "bench_http_hello"}));
  struct Wanted {
    Peer peer;
    const char* name;
  };
  std::vector<Wanted> all{
      {cpp_peer(setting, report, "beast_hello"), "Boost.Beast"},
      {rust_peer(setting, report, "hello"), "hyper"},
      {go_peer(setting, report, "hello"), "Go"},
      {node_peer(setting, report, "hello"), "Node"},
  };
  if (!python_with_aiohttp(setting).empty()) {
    all.push_back({python_peer(setting, report, "http_server", PythonLoop::asyncio), "aiohttp"});
    all.push_back(
        {python_peer(setting, report, "http_server", PythonLoop::uvloop), "aiohttp, uvloop"});
  } else {
    report.add_note("aiohttp is left out: install python3-aiohttp");
  }
  for (const Wanted& wanted : all) {
    if (wanted.peer.found()) arms.push_back(start(wanted.name, wanted.peer.command));
  }
  return arms;
}

struct Row {
  const char* name;
  const char* path;
  int connections;
};
constexpr Row kRows[] = {
    {"13 bytes, 100 connections", "/", 100},
    {"13 bytes, 1 connection", "/", 1},
    {"13 KB, 100 connections", "/page", 100},
};

}  // namespace

ItemReport measure_http_server(Setting& setting) {
  const int rounds = setting.rounds(5);
  ItemReport report("http_server",
                    "GET, keep-alive, one thread: CPU of the server, user and system, per request, "
                    "and requests per second with wrk on the other core; median of " +
                        std::to_string(rounds) + " rounds");
  const std::string wrk = find_wrk(setting, report);
  if (wrk.empty()) return report;
  std::vector<Arm> arms = start_servers(setting, report);
  std::unique_ptr<HttpServer> nginx;
  if (const std::string program = find_nginx(setting, report); !program.empty()) {
    nginx = std::make_unique<HttpServer>(program);
    arms.push_back({"nginx", nullptr, nginx->address()});
  }
  for (std::size_t i = 0; i < arms.size(); ++i) {
    report.add_arm(arms[i].name, i == 0 ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  for (int round = 0; round < rounds; ++round) {
    for (const Row& row : kRows) {
      for (const std::size_t i : setting.order(arms.size())) {
        const Arm& arm = arms[i];
        setting.progress.step(arm.name);
        const Background& process = arm.process ? *arm.process : nginx->process();
        const double before = process.cpu_seconds();
        const WrkAnswer answer = run_wrk(wrk, {arm.url + row.path, 0, row.connections, 0}, 1);
        const double cpu = process.cpu_seconds() - before;
        report.add(std::string(row.name) + ": CPU", "us", arm.name, cpu * 1e6 / answer.requests);
        report.add(std::string(row.name) + ": requests/s", "1/s", arm.name, answer.per_second);
      }
    }
  }
  return report;
}

}  // namespace bench
