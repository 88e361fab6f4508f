// The items of the benchmark. Each measures ours and its peers in turn, round by round, so that a
// minute in which the machine was slow hits all of them.
#pragma once

#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bench/runner/progress.hpp"
#include "bench/runner/report.hpp"

namespace bench {

/// What all items are given.
struct Setting {
  bool quick = false;                  // one short round of each, to see that it works
  std::filesystem::path source;        // the root of the project
  std::filesystem::path programs;      // where this program and its like were built
  std::filesystem::path gcc_programs;  // the same with g++
  std::mt19937 random;
  std::map<std::string, std::string> versions;  // of everything that took part
  std::map<std::string, std::string> built;     // ecosystems of peers: empty, or what went wrong
  Progress progress;

  /// 0 ... count - 1, shuffled: who goes first is chance, and differs from round to round.
  std::vector<std::size_t> order(std::size_t count);
  [[nodiscard]] int rounds(int usual) const { return quick ? 1 : usual; }
};

/// Empty when python3 of the system is not there; with the version noted.
std::string system_python(Setting& setting);
/// The same, if it has aiohttp.
std::string python_with_aiohttp(Setting& setting);

ItemReport measure_core(Setting& setting);
ItemReport measure_growth(Setting& setting);
ItemReport measure_echo(Setting& setting);
ItemReport measure_growth_connections(Setting& setting);
ItemReport measure_http_server(Setting& setting);
ItemReport measure_http_client(Setting& setting);
ItemReport measure_cold(Setting& setting);
ItemReport measure_tls(Setting& setting);
ItemReport measure_names(Setting& setting);
ItemReport measure_files(Setting& setting);
ItemReport measure_articles(Setting& setting);
ItemReport measure_compile(Setting& setting);
ItemReport measure_startup(Setting& setting);
ItemReport measure_size(Setting& setting);
ItemReport measure_pools(Setting& setting);

}  // namespace bench
