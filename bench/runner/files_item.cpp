// A large file and many small ones, from the page cache: by the ring, on threads, by blocking
// calls.
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/runner/items.hpp"
#include "bench/runner/process.hpp"

namespace bench {
namespace {

constexpr int kMegabytes = 1000;
constexpr int kSmallFiles = 10'000;

struct Row {
  const char* name;  // for the programs
  const char* text;
};
constexpr Row kRows[] = {{"large", "1 GB in blocks of 1 MB"},
                         {"lines", "100 MB line by line"},
                         {"small", "10,000 files of 1 to 4 KB"}};

struct Arm {
  std::string name;
  std::vector<std::string> command;  // and then the row and the folder
  bool has_lines = true;
};

/// The files; they go with it.
class Files {
 public:
  explicit Files(const std::string& program) {
    std::string name = (std::filesystem::temp_directory_path() / "asyncio-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("bench: no temporary folder");
    folder_ = name;
    run_program({program, "make", name, std::to_string(kMegabytes), std::to_string(kSmallFiles)});
  }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

std::vector<Arm> arms_of(Setting& setting, ItemReport& report, const std::string& program) {
  const std::string ring = "ASYNCIO_BACKEND=io_uring";
  const std::string threads = "ASYNCIO_BACKEND=epoll";
  std::vector<Arm> arms{
      {"asyncio-cpp", {program, "asyncio"}},
      {"asyncio-cpp, io_uring", {"env", ring, program, "asyncio"}},
      {"asyncio-cpp, on threads", {"env", threads, program, "asyncio"}},
      {"asyncio-cpp, a hop a file", {program, "whole"}, false},
      {"to_thread", {program, "pool"}, false},
      {"blocking", {program, "blocking"}},
  };
  if (const std::string python = system_python(setting); !python.empty()) {
    arms.push_back({"Python's threads", {python, setting.source / "bench/peers/python/files.py"}});
  }
  for (const Arm& arm : arms) {
    report.add_arm(arm.name, &arm == arms.data() ? ItemReport::Role::ours : ItemReport::Role::peer);
  }
  return arms;
}

void measure(const Row& row, const Arm& arm, const std::string& folder, ItemReport& report) {
  std::vector<std::string> command = arm.command;
  command.insert(command.end(), {row.name, folder});
  if (arm.name.starts_with("Python")) command.push_back(std::to_string(kSmallFiles));
  std::istringstream answer(run_program(command).output);
  std::string word;
  double cpu = 0;
  double wall = 0;
  double bytes = 0;
  if (!(answer >> word >> word >> cpu >> wall >> bytes) || bytes < 1e6) {
    throw std::runtime_error(arm.name + " has not read " + row.text);
  }
  report.add(std::string(row.text) + ", CPU", "s", arm.name, cpu);
  report.add(std::string(row.text) + ", wall", "s", arm.name, wall);
}

}  // namespace

ItemReport measure_files(Setting& setting) {
  const int rounds = setting.rounds(5);
  ItemReport report("files", "files read from the page cache, CPU of all threads; median of " +
                                 std::to_string(rounds) + " rounds");
  const std::string program = setting.programs / "bench_files";
  const std::vector<Arm> arms = arms_of(setting, report, program);
  setting.progress.begin("files", rounds * static_cast<int>(arms.size() * std::size(kRows)));
  const Files files(program);
  for (int round = 0; round < rounds; ++round) {
    for (const Row& row : kRows) {
      for (const std::size_t i : setting.order(arms.size())) {
        setting.progress.step(arms[i].name + ", " + row.text);
        if (&row == &kRows[1] && !arms[i].has_lines) continue;
        measure(row, arms[i], files.folder(), report);
      }
    }
  }
  return report;
}

}  // namespace bench
