// Runs a program and says what it cost.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

struct Outcome {
  std::string output;  // what it wrote to stdout
  double cpu_seconds = 0;
  double wall_seconds = 0;
  double peak_bytes = 0;
};

inline constexpr int kAnyCore = -1;

/// Runs arguments[0], found by PATH, to its end; its stderr is ours. On one core, or on any.
/// std::runtime_error with the command when it fails, or is still there after five minutes.
Outcome run_program(const std::vector<std::string>& arguments, int core = kAnyCore);

struct Attempt {
  bool succeeded = false;
  std::string output;  // stdout and stderr
};

/// Runs it as run_program does, but a failure is an answer. A quarter of an hour, for builds.
Attempt try_program(const std::vector<std::string>& arguments);

/// What the program prints, stdout and stderr, without a word about its failures.
std::string ask_program(const std::vector<std::string>& arguments);

/// Where PATH (or /usr/sbin) has it; empty if nowhere.
std::string find_program(const std::string& name);

/// A server: started, and ended by the destructor.
class Background {
 public:
  Background(const std::vector<std::string>& arguments, int core);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();
  [[nodiscard]] bool running();
  /// User and system time that it has used so far, with all of its threads.
  [[nodiscard]] double cpu_seconds() const;

 private:
  pid_t pid_;
};

/// A server that prints `listening PORT` once it does; ended by the destructor.
class ListeningServer {
 public:
  /// std::runtime_error with the command when that line does not come within half a minute.
  ListeningServer(const std::vector<std::string>& arguments, int core);
  ListeningServer(const ListeningServer&) = delete;
  ListeningServer& operator=(const ListeningServer&) = delete;
  ~ListeningServer();

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int output_;  // open while it runs: it may want to say more
  int port_ = 0;
};

/// How many descriptors each program may have open.
std::size_t descriptor_limit();

}  // namespace bench
