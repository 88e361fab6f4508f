// bench_run [ITEM...] [--quick] [--json FILE] [--gcc-programs FOLDER]: measures and prints.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"
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
};

constexpr Item kItems[] = {
    {"core", &measure_core},
    {"http_client", &measure_http_client},
    {"cold", &measure_cold},
    {"compile", &measure_compile},
};

struct Options {
  std::vector<std::string> items;
  bool quick = false;
  std::string json;
  std::string gcc_programs;

  [[nodiscard]] bool wants(const std::string& item) const {
    return items.empty() || std::find(items.begin(), items.end(), item) != items.end();
  }
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if ((argument == "--json" || argument == "--gcc-programs") && i + 1 < argc) {
      (argument == "--json" ? options.json : options.gcc_programs) = argv[++i];
    } else {
      const bool known = std::any_of(std::begin(kItems), std::end(kItems),
                                     [&](const Item& item) { return argument == item.name; });
      if (!known) {
        throw std::runtime_error("no item '" + argument +
                                 "'; there are core, http_client, cold and compile");
      }
      options.items.push_back(argument);
    }
  }
  return options;
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

// What a reader must know to judge the figures, as lines of a name and a value.
std::vector<std::pair<std::string, std::string>> describe(const Setting& setting,
                                                          const asyncio::tool::Machine& machine,
                                                          const std::string& load_before) {
  std::vector<std::pair<std::string, std::string>> lines;
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
bool run(const Options& options) {
  const asyncio::tool::Machine machine = asyncio::tool::describe_machine();
  const std::string load_before = load_average();
  Setting setting = make_setting(options, machine);
  std::vector<ItemReport> reports;
  bool complete = true;
  for (const Item& item : kItems) {
    if (!options.wants(item.name)) continue;
    setting.progress.begin(item.name, 0);
    try {
      reports.push_back(item.measure(setting));
      setting.progress.end();
    } catch (const std::exception& error) {
      std::printf("%s: not measured: %s\n\n", item.name, error.what());
      complete = false;
      continue;
    }
    std::printf("%s\n", reports.back().to_text().c_str());
    std::fflush(stdout);
  }
  const auto lines = describe(setting, machine, load_before);
  for (const auto& [name, value] : lines) std::printf("%s: %s\n", name.c_str(), value.c_str());
  if (options.json.empty()) return complete;
  std::ofstream json(options.json);
  json << "{\n";
  for (const auto& [name, value] : lines) {
    json << "  " << json_string(name) << ": " << json_string(value) << ",\n";
  }
  json << "  \"items\": [\n";
  for (std::size_t i = 0; i < reports.size(); ++i) {
    json << reports[i].to_json() << (i + 1 < reports.size() ? ",\n" : "\n");
  }
  json << "  ]\n}\n";
  if (!json.flush()) throw std::runtime_error("cannot write " + options.json);
  return complete;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::run(bench::parse(argc, argv)) ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench: %s\n", error.what());
    return 1;
  }
}
