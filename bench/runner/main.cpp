// bench_run [ITEM...] [options]: measures and prints; --help has the rest.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "bench/runner/goals.hpp"
#include "bench/runner/items.hpp"
#include "bench/runner/json.hpp"
#include "bench/runner/page.hpp"
#include "bench/runner/process.hpp"
#include "bench/runner/results.hpp"
#include "bench/runner/text.hpp"
#include "tools/asyncio/machine.hpp"

namespace bench {

std::vector<std::size_t> Setting::order(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = i;
  std::shuffle(numbers.begin(), numbers.end(), random);
  return numbers;
}

namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

// The system's own: a python3 that comes first in PATH may be another one, without aiohttp.
std::string system_python(Setting& setting) {
  const std::string python = "/usr/bin/python3";
  if (!std::filesystem::exists(python)) return {};
  const std::string version = first_line(ask_program({python, "--version"}));
  setting.versions["CPython"] = version.substr(version.find(' ') + 1);
  return python;
}

std::string python_with_aiohttp(Setting& setting) {
  const std::string python = system_python(setting);
  if (python.empty()) return {};
  const std::string version =
      first_line(ask_program({python, "-c", "import aiohttp; print('is', aiohttp.__version__)"}));
  if (!version.starts_with("is ")) return {};
  setting.versions["aiohttp"] = version.substr(3);
  return python;
}

namespace {

struct Item {
  const char* name;
  ItemReport (*measure)(Setting&);
  const char* about;
};

constexpr Item kItems[] = {
    {"core", &measure_core, "coroutines, tasks and the loop; a million sleepers"},
    {"growth", &measure_growth, "tasks and timers among 100 to 1,000,000 others"},
    {"echo", &measure_echo, "TCP echo servers"},
    {"growth_connections", &measure_growth_connections, "echo beside more and more connections"},
    {"http_server", &measure_http_server, "an HTTP server that says hello"},
    {"http_client", &measure_http_client, "a page, again and again"},
    {"cold", &measure_cold, "5,000 new connections at once"},
    {"tls", &measure_tls, "requests and handshakes, beside OpenSSL by hand"},
    {"names", &measure_names, "1,000 names at once"},
    {"files", &measure_files, "a large file, and 10,000 small ones"},
    {"articles", &measure_articles, "50 to 450 pages at once from a slow server"},
    {"compile", &measure_compile, "what a user's build pays"},
    {"startup", &measure_startup, "hello world, from the start of the process to its end"},
    {"size", &measure_size, "hello world, the bytes of the program"},
    {"pools", &measure_pools, "small jobs on threads and in processes, beside Python's"},
};

constexpr const char* kUsage = R"(usage: ./dev bench [ITEM]... [options]

Measures ours beside its peers, in turn, and prints the figures. Items (all, if none is named):
)";
constexpr const char* kOptions = R"(
  --quick          one short round of each: does it work?
  --list           the items' names, a line each
  --json FILE      every single value, for programs
  --html FILE      a page with charts
  --results FOLDER ITEM.txt for each item; latest.json and latest.html with those measured now and
                   those the folder has of former runs

examples:
  ./dev bench core echo
  ./dev bench --quick --json - | jq '.items[].goals[] | select(.met | not)'
  ./dev bench --results bench/results

Exit code: 0, 1 when an item could not be measured, 2 for a wrong command line.
)";

struct WrongCommandLine : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  std::vector<std::string> items;
  bool quick = false;
  bool help = false;
  bool list = false;
  std::string json;  // "-": instead of the text, on stdout
  std::string html;
  std::string results;
  std::string gcc_programs;

  [[nodiscard]] bool wants(const std::string& item) const {
    return items.empty() || std::find(items.begin(), items.end(), item) != items.end();
  }
};

bool is_item(const std::string& name) {
  return std::any_of(std::begin(kItems), std::end(kItems),
                     [&](const Item& item) { return name == item.name; });
}

Options parse(int argc, char** argv) {
  Options options;
  const std::map<std::string, bool*> switches{
      {"--quick", &options.quick}, {"--help", &options.help}, {"--list", &options.list}};
  const std::map<std::string, std::string*> values{{"--json", &options.json},
                                                   {"--html", &options.html},
                                                   {"--results", &options.results},
                                                   {"--gcc-programs", &options.gcc_programs}};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (const auto found = switches.find(argument); found != switches.end()) {
      *found->second = true;
    } else if (const auto value = values.find(argument); value != values.end()) {
      if (++i == argc) throw WrongCommandLine(argument + " wants a value; see --help");
      *value->second = argv[i];
    } else if (is_item(argument)) {
      options.items.push_back(argument);
    } else {
      throw WrongCommandLine("no item or option '" + argument + "'; see ./dev bench --help");
    }
  }
  return options;
}

std::vector<std::string> item_names() {
  std::vector<std::string> names;
  for (const Item& item : kItems) names.emplace_back(item.name);
  return names;
}

void print_usage() {
  std::fputs(kUsage, stdout);
  for (const Item& item : kItems) std::printf("  %-16s %s\n", item.name, item.about);
  std::fputs(kOptions, stdout);
}

Setting make_setting(const Options& options, const asyncio::tool::Machine& machine) {
  Setting setting;
  setting.quick = options.quick;
  setting.source = BENCH_SOURCE;
  setting.programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  setting.gcc_programs = options.gcc_programs;
  setting.random.seed(std::random_device{}());
  setting.versions["compiler"] = machine.compiler;
  const std::string gcc = find_program("g++");
  if (!gcc.empty()) {
    setting.versions["g++"] = "g++ " + first_line(ask_program({gcc, "-dumpfullversion"}));
  }
  return setting;
}

std::string load_average() {
  std::ifstream file("/proc/loadavg");
  std::string load;
  file >> load;
  return load;
}

std::string now() {
  const std::time_t time = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", std::gmtime(&time));
  return text;
}

Description describe(const Setting& setting, const asyncio::tool::Machine& machine,
                     const std::string& load_before) {
  Description lines;
  lines.emplace_back("machine", machine.processor + ", " + std::to_string(machine.cores) +
                                    " cores, " + format_number(double(machine.memory_bytes) / 1e9) +
                                    " GB, " + machine.system);
  lines.emplace_back("date", now());
  const std::string revision = first_line(
      ask_program({"git", "-C", setting.source.string(), "describe", "--always", "--dirty"}));
  lines.emplace_back("revision", revision.starts_with("fatal") ? "unknown" : revision);
  lines.emplace_back("load of the machine", load_before + " before, " + load_average() + " after");
  std::string versions;
  for (const auto& [name, version] : setting.versions) {
    const std::string text = first_line(version);
    versions += versions.empty() ? "" : ", ";
    versions += name == "compiler" || name == "g++" ? text : name + " " + text;
  }
  lines.emplace_back("versions", versions);
  return lines;
}

// Returns whether all items could be measured: one that fails takes nothing from the others.
bool measure(const Options& options, Setting& setting, std::vector<ItemReport>& reports) {
  bool complete = true;
  for (const Item& item : kItems) {
    if (!options.wants(item.name)) continue;
    setting.progress.begin(item.name, 0);
    try {
      reports.push_back(item.measure(setting));
      setting.progress.end();
    } catch (const std::exception& error) {
      setting.progress.end();
      std::fprintf(stderr, "bench: %s: not measured: %s\n", item.name, error.what());
      complete = false;
      continue;
    }
    reports.back().set_goals(goals_of(item.name));
    if (options.json != "-") std::printf("%s\n", to_text(reports.back()).c_str());
    std::fflush(stdout);
  }
  return complete;
}

int run(const Options& options) {
  if (options.help) {
    print_usage();
    return 0;
  }
  if (options.list) {
    for (const std::string& name : item_names()) std::puts(name.c_str());
    return 0;
  }
  // Before the measuring, so that what it says about a file is not said after twenty minutes.
  std::vector<ItemReport> kept;
  if (!options.results.empty()) kept = read_results(options.results);
  const asyncio::tool::Machine machine = asyncio::tool::describe_machine();
  const std::string load_before = load_average();
  Setting setting = make_setting(options, machine);
  std::vector<ItemReport> reports;
  const bool complete = measure(options, setting, reports);
  const Description description = describe(setting, machine, load_before);
  for (ItemReport& report : reports) report.set_description(description);
  if (options.json != "-") std::fputs(to_text(description).c_str(), stdout);
  if (!options.json.empty()) write_file(options.json, to_json(reports));
  if (!options.html.empty()) write_file(options.html, to_html(reports));
  if (!options.results.empty()) {
    write_results(options.results, reports, merge(kept, reports, item_names()));
  }
  return complete ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run(bench::parse(argc, argv));
  } catch (const bench::WrongCommandLine& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
