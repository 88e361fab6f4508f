#include <algorithm>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "bench/runner/http_server.hpp"
#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr int kClientCore = 1;
constexpr const char* kOurs = "asyncio-cpp";

// How bench/http/load.hpp reports.
struct Answer {
  double completed = 0;
  double failed = 0;
  double bytes = 0;
  double cpu_seconds = 0;
  double wall_seconds = 0;
  double peak_bytes = 0;
};

double field(const std::string& output, const std::string& name) {
  std::istringstream lines(output);
  std::string word;
  double value = 0;
  while (lines >> word >> value) {
    if (word == name) return value;
  }
  throw std::runtime_error("a client did not report its '" + name + "'");
}

struct Client {
  std::string name;
  std::vector<std::string> command;
  int requests;  // per round, when it is warm: slower clients are asked less
};

Answer ask(const Client& client, const std::string& url, int requests, int in_flight, int warm_up) {
  std::vector<std::string> command = client.command;
  command.push_back(url);
  for (const int number : {requests, in_flight, warm_up}) command.push_back(std::to_string(number));
  const Outcome outcome = run_program(command, kClientCore);
  Answer answer{field(outcome.output, "completed"), field(outcome.output, "failed"),
                field(outcome.output, "bytes"),     field(outcome.output, "cpu"),
                field(outcome.output, "wall"),      outcome.peak_bytes};
  if (answer.bytes != answer.completed * HttpServer::kPageBytes) {
    throw std::runtime_error(client.name + " got pages of the wrong size");
  }
  return answer;
}

// Ours, and the peers that speak like ours.
std::vector<Client> clients(Setting& setting, ItemReport& report) {
  std::vector<Client> all;
  all.push_back({kOurs, {setting.programs / "bench_http_asyncio"}, 40'000});
  if (std::filesystem::exists(setting.programs / "bench_http_curl")) {
    all.push_back({"libcurl multi", {setting.programs / "bench_http_curl"}, 20'000});
  } else {
    report.add_note("libcurl is left out: libcurl4-openssl-dev was not there at the build");
  }
  const std::string python = python_with_aiohttp(setting);
  if (!python.empty()) {
    all.push_back({"aiohttp", {python, setting.source / "bench/peers/http_client.py"}, 4'000});
  } else {
    report.add_note("aiohttp is left out: install python3-aiohttp");
  }
  return all;
}

// Microseconds of CPU per request, the whole process: it starts in a millisecond.
double ask_wrk(const std::string& wrk, const std::string& url, bool quick) {
  const Outcome outcome =
      run_program({wrk, "-t1", "-c100", quick ? "-d1s" : "-d2s", url}, kClientCore);
  for (const char* trouble : {"Socket errors", "Non-2xx"}) {
    if (outcome.output.find(trouble) != std::string::npos) {
      throw std::runtime_error("wrk has failed requests:\n" + outcome.output);
    }
  }
  const std::size_t at = outcome.output.find(" requests in ");
  if (at == std::string::npos) throw std::runtime_error("wrk said:\n" + outcome.output);
  const std::size_t begin = outcome.output.find_last_of("\n ", at - 1) + 1;
  return outcome.cpu_seconds * 1e6 / std::stod(outcome.output.substr(begin));
}

// "4.1.0" of "wrk debian/4.1.0-3+b2 [epoll] Copyright ..."
std::string wrk_version(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  words >> word >> word;
  return word.substr(word.find('/') + 1);
}

// The server; nothing, and a note, without nginx.
std::string find_nginx(Setting& setting, ItemReport& report) {
  const std::string nginx = find_program("nginx");
  if (nginx.empty()) {
    report.add_note("not measured: install nginx-light");
  } else {
    const std::string version = ask_program({nginx, "-v"});
    setting.versions["nginx"] = version.substr(version.find('/') + 1);
  }
  return nginx;
}

}  // namespace

ItemReport measure_http_client(Setting& setting) {
  const int rounds = setting.rounds(7);
  ItemReport report("http_client",
                    "a 13 KB page, keep-alive, 100 in flight, one thread; median of " +
                        std::to_string(rounds) + " rounds");
  std::vector<Client> all = clients(setting, report);
  const std::string wrk = find_program("wrk");
  report.add_arm(kOurs, ItemReport::Role::ours);
  if (wrk.empty()) {
    report.add_note("wrk is left out: install wrk");
  } else {
    report.add_arm("wrk", ItemReport::Role::peer);
    setting.versions["wrk"] = wrk_version(ask_program({wrk, "-v"}));
  }
  for (std::size_t i = 1; i < all.size(); ++i) report.add_arm(all[i].name, ItemReport::Role::peer);
  const std::string nginx = find_nginx(setting, report);
  if (nginx.empty()) return report;

  HttpServer server(nginx);
  const std::string url = server.next_url();
  const std::string row = "CPU per request, user + system";
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : setting.order(all.size() + (wrk.empty() ? 0 : 1))) {
      if (i == all.size()) {
        report.add(row, "us", "wrk", ask_wrk(wrk, url, setting.quick));
        continue;
      }
      const int requests = setting.quick ? all[i].requests / 4 : all[i].requests;
      const Answer answer = ask(all[i], url, requests, 100, 500);
      if (answer.failed > 0) throw std::runtime_error(all[i].name + " has failed requests");
      report.add(row, "us", all[i].name, answer.cpu_seconds * 1e6 / answer.completed);
    }
  }
  report.add_note(
      "goals: <= 1.5 x wrk now (1.15 later), <= 0.6 x libcurl multi, <= 0.15 x aiohttp");
  return report;
}

ItemReport measure_cold(Setting& setting) {
  constexpr int kConnections = 5000;
  const int rounds = setting.rounds(3);
  ItemReport report("cold", "5,000 new connections at once, a 13 KB page each; median of " +
                                std::to_string(rounds) + " rounds");
  const std::vector<Client> all = clients(setting, report);
  for (const Client& client : all) {
    report.add_arm(client.name,
                   client.name == kOurs ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  const std::string nginx = find_nginx(setting, report);
  if (nginx.empty()) return report;

  HttpServer server(nginx);
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : setting.order(all.size())) {
      const Answer answer = ask(all[i], server.next_url(), kConnections, kConnections, 0);
      report.add("requests that failed", "", all[i].name, answer.failed);
      report.add("CPU, user + system", "s", all[i].name, answer.cpu_seconds);
      report.add("wall", "s", all[i].name, answer.wall_seconds);
      report.add("peak memory of the process", "MB", all[i].name, answer.peak_bytes / 1e6);
    }
  }
  report.add_note("goal: no failure");
  return report;
}

}  // namespace bench
