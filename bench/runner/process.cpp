#include "bench/runner/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <stdexcept>

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{300};
constexpr std::chrono::seconds kBuildPatience{900};

std::vector<char*> argument_pointers(const std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// In the child: on its core, with all the descriptors it may have, gone when we go.
[[noreturn]] void become(const std::vector<char*>& arguments, int core) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (core != kAnyCore) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(core), &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

struct Child {
  pid_t pid;
  int output;
};

Child start(const std::vector<std::string>& arguments, int core, bool with_errors) {
  const std::vector<char*> pointers = argument_pointers(arguments);
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) throw std::runtime_error("bench: no pipe");
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("bench: fork failed");
  if (pid == 0) {
    dup2(pipe[1], STDOUT_FILENO);
    if (with_errors) dup2(pipe[1], STDERR_FILENO);
    become(pointers, core);
  }
  close(pipe[1]);
  return {pid, pipe[0]};
}

// Until the end of the output, or until patience is over.
std::string read_all(const Child& child, std::chrono::seconds patience = kPatience) {
  std::string text;
  const Clock::time_point deadline = Clock::now() + patience;
  for (;;) {
    pollfd waiting{child.output, POLLIN, 0};
    if (poll(&waiting, 1, 1000) > 0) {
      std::array<char, 65536> buffer;
      const ssize_t count = read(child.output, buffer.data(), buffer.size());
      if (count <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    if (Clock::now() > deadline) {
      kill(child.pid, SIGKILL);
      break;
    }
  }
  close(child.output);
  return text;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

Outcome run_program(const std::vector<std::string>& arguments, int core) {
  const Clock::time_point begin = Clock::now();
  const Child child = start(arguments, core, false);
  Outcome outcome;
  outcome.output = read_all(child);
  int status = 0;
  rusage usage{};
  wait4(child.pid, &status, 0, &usage);
  outcome.wall_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  outcome.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  outcome.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
  if (status != 0) throw std::runtime_error("failed: " + joined(arguments));
  return outcome;
}

Attempt try_program(const std::vector<std::string>& arguments) {
  const Child child = start(arguments, kAnyCore, true);
  Attempt attempt;
  attempt.output = read_all(child, kBuildPatience);
  int status = 0;
  waitpid(child.pid, &status, 0);
  attempt.succeeded = status == 0;
  return attempt;
}

std::string ask_program(const std::vector<std::string>& arguments) {
  return try_program(arguments).output;
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path == nullptr ? "" : path) + ":/usr/sbin");
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    const std::string program = folder + "/" + name;
    if (access(program.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(program)) {
      return program;
    }
  }
  return {};
}

Background::Background(const std::vector<std::string>& arguments, int core) : pid_(-1) {
  const std::vector<char*> pointers = argument_pointers(arguments);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("bench: fork failed");
  if (pid_ == 0) become(pointers, core);
}

Background::~Background() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

double Background::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    throw std::runtime_error("bench: a server has ended");
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

bool Background::running() {
  if (pid_ >= 0 && waitpid(pid_, nullptr, WNOHANG) != 0) pid_ = -1;
  return pid_ >= 0;
}

namespace {

// Empty when it does not come in time.
std::string first_line(int output) {
  std::string line;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(30);
  while (Clock::now() < deadline) {
    pollfd waiting{output, POLLIN, 0};
    if (poll(&waiting, 1, 1000) <= 0) continue;
    char letter = 0;
    if (read(output, &letter, 1) != 1) break;
    if (letter == '\n') return line;
    line += letter;
  }
  return {};
}

}  // namespace

ListeningServer::ListeningServer(const std::vector<std::string>& arguments, int core) {
  const Child child = start(arguments, core, false);
  pid_ = child.pid;
  output_ = child.output;
  std::istringstream words(first_line(output_));
  std::string word;
  if (words >> word >> port_ && word == "listening") return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(output_);
  throw std::runtime_error("does not listen: " + joined(arguments));
}

ListeningServer::~ListeningServer() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  close(output_);
}

std::size_t descriptor_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_max;
}

}  // namespace bench
