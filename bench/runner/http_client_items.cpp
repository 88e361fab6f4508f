// The items http_client and cold: what a request costs the client.
#include <stdexcept>

#include "bench/runner/http_clients.hpp"
#include "bench/runner/http_server.hpp"
#include "bench/runner/items.hpp"

namespace bench {
namespace {

constexpr const char* kWrk = "wrk";

void add_arms(const std::vector<HttpClient>& clients, ItemReport& report) {
  for (std::size_t i = 0; i < clients.size(); ++i) {
    report.add_arm(clients[i].name, i == 0 ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
}

// A row of http_client: what it is, and how much of what a warm client does is asked.
struct Row {
  const char* name;
  Connections connections;
  double share;
};
constexpr Row kRows[] = {
    {"keep-alive, CPU per request", Connections::kept, 1},
    {"a new connection each, CPU per request", Connections::one_each, 0.25},
};

void measure_row(const Row& row, const HttpClient& client, const std::string& url, bool quick,
                 ItemReport& report) {
  HttpLoad load{url, static_cast<int>(client.requests * row.share / (quick ? 8 : 1)), 100, 500,
                row.connections};
  const HttpAnswer answer = ask(client, load);
  if (answer.failed > 0) throw std::runtime_error(client.name + " has failed requests");
  report.add(row.name, "us", client.name, answer.cpu_seconds * 1e6 / answer.completed);
}

void measure_wrk(const Row& row, const std::string& wrk, const std::string& url,
                 ItemReport& report) {
  const WrkAnswer answer = run_wrk(wrk, {url, 0, 100, 0, row.connections}, 1);
  report.add(row.name, "us", kWrk, answer.cpu_seconds * 1e6 / answer.requests);
}

}  // namespace

ItemReport measure_http_client(Setting& setting) {
  const int rounds = setting.rounds(5);
  ItemReport report("http_client",
                    "CPU of the client, user and system, for a page of 13,000 bytes; 100 requests "
                    "in flight, one thread; median of " +
                        std::to_string(rounds) + " rounds");
  const std::vector<HttpClient> clients = find_http_clients(setting, report);
  const std::string wrk = find_wrk(setting, report);
  add_arms(clients, report);
  if (!wrk.empty()) report.add_arm(kWrk, ItemReport::Role::peer);
  const std::string nginx = find_nginx(setting, report);
  if (nginx.empty()) return report;

  HttpServer server(nginx);
  for (int round = 0; round < rounds; ++round) {
    for (const Row& row : kRows) {
      const std::string url = server.next_url();
      for (const std::size_t i : setting.order(clients.size() + (wrk.empty() ? 0 : 1))) {
        setting.progress.step(i == clients.size() ? kWrk : clients[i].name);
        if (i == clients.size()) {
          measure_wrk(row, wrk, url, report);
        } else {
          measure_row(row, clients[i], url, setting.quick, report);
        }
      }
    }
  }
  return report;
}

ItemReport measure_cold(Setting& setting) {
  constexpr int kConnections = 5000;
  const int rounds = setting.rounds(3);
  ItemReport report("cold", "5,000 new connections at once, a 13 KB page each; median of " +
                                std::to_string(rounds) + " rounds");
  const std::vector<HttpClient> clients = find_http_clients(setting, report);
  add_arms(clients, report);
  const std::string nginx = find_nginx(setting, report);
  if (nginx.empty()) return report;

  HttpServer server(nginx);
  for (int round = 0; round < rounds; ++round) {
    for (const std::size_t i : setting.order(clients.size())) {
      const HttpClient& client = clients[i];
      setting.progress.step(client.name);
      const HttpAnswer answer = ask(client, {server.next_url(), kConnections, kConnections, 0});
      report.add("requests that failed", "", client.name, answer.failed);
      report.add("CPU, user + system", "s", client.name, answer.cpu_seconds);
      report.add("wall", "s", client.name, answer.wall_seconds);
      report.add("peak memory of the process", "MB", client.name, answer.peak_bytes / 1e6);
    }
  }
  return report;
}

}  // namespace bench
