#include "tools/asyncio/machine.hpp"

#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <fstream>

namespace asyncio::tool {
namespace {

// The value of the first line "name<separator>value" of a file, without blanks and quotes.
std::string field(const char* path, const std::string& name, char separator) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::size_t at = line.find(separator);
    if (!line.starts_with(name) || at == std::string::npos) continue;
    std::size_t begin = line.find_first_not_of(" \t\"", at + 1);
    if (begin == std::string::npos) return "";
    return line.substr(begin, line.find_last_not_of(" \t\"") + 1 - begin);
  }
  return "";
}

unsigned usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<unsigned>(CPU_COUNT(&set));
}

std::string compiler_name() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#elif defined(__GNUC__)
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#else
  return "unknown compiler";
#endif
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  utsname names{};
  uname(&names);
  struct sysinfo info{};
  sysinfo(&info);
  machine.processor = field("/proc/cpuinfo", "model name", ':');
  if (machine.processor.empty()) machine.processor = names.machine;
  machine.cores = usable_cores();
  machine.memory_bytes = static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
  std::string distribution = field("/etc/os-release", "PRETTY_NAME", '=');
  machine.system =
      (distribution.empty() ? "" : distribution + ", ") + names.sysname + " " + names.release;
  machine.compiler = compiler_name();
  return machine;
}

}  // namespace asyncio::tool
