// The HTTP clients: ours, wrk, epoll by hand and those of other libraries and languages, with what
// each of them reports in the words of bench/http/load.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/runner/items.hpp"

namespace bench {

struct HttpClient {
  std::string name;
  std::vector<std::string> command;
  int requests = 0;  // per round, when it is warm: slower clients are asked less
};

struct HttpAnswer {
  double completed = 0;
  double failed = 0;
  double cpu_seconds = 0;
  double wall_seconds = 0;
  double peak_bytes = 0;  // of the whole process
};

enum class Connections { kept, one_each };

struct HttpLoad {
  std::string url;
  int requests = 0;
  int in_flight = 0;
  int warm_up = 0;
  Connections connections = Connections::kept;
};

/// Ours first. Those that are not there are left out, with a note.
std::vector<HttpClient> find_http_clients(Setting& setting, ItemReport& report);

/// Runs the client on core 1. std::runtime_error when a page had the wrong size.
HttpAnswer ask(const HttpClient& client, const HttpLoad& load);

/// wrk, which cannot be asked for a number of requests: found once, with its version noted.
std::string find_wrk(Setting& setting, ItemReport& report);

struct WrkAnswer {
  double requests = 0;
  double per_second = 0;
  double cpu_seconds = 0;  // of wrk, its start included
};
/// On core 1, one thread. std::runtime_error when a request failed.
WrkAnswer run_wrk(const std::string& wrk, const HttpLoad& load, double seconds);

}  // namespace bench
