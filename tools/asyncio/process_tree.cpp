#include "tools/asyncio/process_tree.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace asyncio::tool {
namespace {

// The number after "VmHWM:" or "Threads:", 0 when the file or the field is missing.
std::uint64_t status_field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size(), nullptr, 10);
  }
  return 0;
}

void add_tree(pid_t pid, ProcessCount& count) {
  std::string folder = "/proc/" + std::to_string(pid);
  std::uint64_t threads = status_field(folder + "/status", "Threads:");
  if (threads == 0) return;
  count.processes += 1;
  count.threads += static_cast<unsigned>(threads);
  std::error_code error;  // threads and processes may end while we look
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/task", error)) {
    std::ifstream children(entry.path() / "children");
    pid_t child = 0;
    while (children >> child) add_tree(child, count);
  }
}

}  // namespace

ProcessCount count_process_tree(pid_t root) {
  ProcessCount count;
  add_tree(root, count);
  return count;
}

std::uint64_t peak_memory_of_self() { return status_field("/proc/self/status", "VmHWM:") * 1024; }

}  // namespace asyncio::tool
