// A child program that can be relied on to end: it leads its own process group, dies when we die,
// and its destructor kills and reaps the whole group. Call only while this process has one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {

/// Descriptors at fixed numbers in the child; everything else of ours is closed on exec.
inline constexpr int kChildInputFd = 3;   // what it is asked
inline constexpr int kChildReportFd = 4;  // what it answers

class ChildProcess {
 public:
  struct Pipes {
    int input = -1;   // becomes kChildInputFd when >= 0
    int report = -1;  // becomes kChildReportFd when >= 0
  };

  /// Starts arguments[0] (a path; "/proc/self/exe" is this very program). stdin and stdout are
  /// /dev/null, stderr is kept for error_output(). Errors: ToolError, also when exec fails.
  ChildProcess(const std::vector<std::string>& arguments, Pipes pipes);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// How long a child that has said all it had to say may take to end.
  static constexpr std::chrono::milliseconds kPatience{5000};

  /// Waits for the end; returns "" after exit code 0, else "exit code 3" or "killed by signal 9".
  /// A child that is still there after `patience` is killed: "did not end by itself".
  std::string wait(std::chrono::milliseconds patience = kPatience);
  /// Exit code after wait(), or -1 when a signal ended it.
  [[nodiscard]] int exit_code() const { return exit_code_; }

  /// Sends `signal_number` to the child alone.
  void signal(int signal_number) const;

  /// The last line the child wrote to stderr, escaped: usually the reason it failed.
  [[nodiscard]] std::string last_error_line() const;

 private:
  pid_t pid_ = -1;
  bool reaped_ = false;
  int exit_code_ = -1;
  UniqueFd error_file_;
};

/// Orphaned grandchildren come to us instead of to init, so that we can reap them. Call once.
void adopt_orphans();

/// A file in memory that holds `text`, read from the beginning by whoever inherits it.
UniqueFd memory_file(const std::string& name, std::string_view text);

}  // namespace asyncio::tool
