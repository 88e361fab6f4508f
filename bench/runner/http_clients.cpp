#include "bench/runner/http_clients.hpp"

#include <sstream>
#include <stdexcept>

#include "bench/runner/http_server.hpp"
#include "bench/runner/peers.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr int kClientCore = 1;

double field(const std::string& output, const std::string& name) {
  std::istringstream lines(output);
  std::string word;
  double value = 0;
  while (lines >> word >> value) {
    if (word == name) return value;
  }
  throw std::runtime_error("a client did not report its '" + name + "'");
}

// The number that ends before `at`, or begins after it.
double number_before(const std::string& text, std::size_t at) {
  const std::size_t begin = text.find_last_of("\n ", at - 1) + 1;
  return std::stod(text.substr(begin, at - begin));
}

// "4.1.0" of "wrk debian/4.1.0-3+b2 [epoll] Copyright ..."
std::string wrk_version(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  words >> word >> word;
  return word.substr(word.find('/') + 1);
}

}  // namespace

std::vector<HttpClient> find_http_clients(Setting& setting, ItemReport& report) {
  struct Wanted {
    Peer peer;
    const char* name;
    int requests;
  };
  std::vector<HttpClient> clients;
  clients.push_back({"asyncio-cpp", {setting.programs / "bench_http_client"}, 40'000});
  std::vector<Wanted> all{
      {cpp_peer(setting, report, "raw_client"), "raw epoll", 40'000},
      {cpp_peer(setting, report, "curl_client"), "libcurl multi", 20'000},
      {cpp_peer(setting, report, "beast_client"), "Boost.Beast", 40'000},
      {rust_peer(setting, report, "client"), "hyper", 20'000},
      {go_peer(setting, report, "client"), "Go", 10'000},
      {node_peer(setting, report, "client"), "Node", 8'000},
  };
  if (!python_with_aiohttp(setting).empty()) {
    all.push_back(
        {python_peer(setting, report, "http_client", PythonLoop::asyncio), "aiohttp", 4'000});
    all.push_back({python_peer(setting, report, "http_client", PythonLoop::uvloop),
                   "aiohttp, uvloop", 4'000});
  } else {
    report.add_note("aiohttp is left out: install python3-aiohttp");
  }
  for (Wanted& wanted : all) {
    if (wanted.peer.found()) {
      clients.push_back({wanted.name, std::move(wanted.peer.command), wanted.requests});
    }
  }
  return clients;
}

HttpAnswer ask(const HttpClient& client, const HttpLoad& load) {
  std::vector<std::string> command = client.command;
  command.push_back(load.url);
  for (const int number : {load.requests, load.in_flight, load.warm_up}) {
    command.push_back(std::to_string(number));
  }
  if (load.connections == Connections::one_each) command.emplace_back("close");
  const Outcome outcome = run_program(command, kClientCore);
  const HttpAnswer answer{field(outcome.output, "completed"), field(outcome.output, "failed"),
                          field(outcome.output, "cpu"), field(outcome.output, "wall"),
                          outcome.peak_bytes};
  if (field(outcome.output, "bytes") != answer.completed * HttpServer::kPageBytes) {
    throw std::runtime_error(client.name + " got pages of the wrong size");
  }
  return answer;
}

std::string find_wrk(Setting& setting, ItemReport& report) {
  const std::string wrk = find_program("wrk");
  if (wrk.empty()) {
    report.add_note("wrk is left out: install wrk");
  } else {
    setting.versions["wrk"] = wrk_version(ask_program({wrk, "-v"}));
  }
  return wrk;
}

WrkAnswer run_wrk(const std::string& wrk, const HttpLoad& load, double seconds) {
  std::vector<std::string> command{wrk, "-t1", "-c" + std::to_string(load.in_flight),
                                   "-d" + std::to_string(static_cast<int>(seconds)) + "s"};
  if (load.connections == Connections::one_each) {
    command.insert(command.end(), {"-H", "Connection: close"});
  }
  command.push_back(load.url);
  const Outcome outcome = run_program(command, kClientCore);
  for (const char* trouble : {"Socket errors", "Non-2xx"}) {
    if (outcome.output.find(trouble) != std::string::npos) {
      throw std::runtime_error("wrk has failed requests:\n" + outcome.output);
    }
  }
  const std::size_t count = outcome.output.find(" requests in ");
  constexpr std::string_view kRate = "Requests/sec:";
  const std::size_t rate = outcome.output.find(kRate);
  if (count == std::string::npos || rate == std::string::npos) {
    throw std::runtime_error("wrk said:\n" + outcome.output);
  }
  return {number_before(outcome.output, count),
          std::stod(outcome.output.substr(rate + kRate.size())), outcome.cpu_seconds};
}

}  // namespace bench
