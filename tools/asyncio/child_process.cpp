#include "tools/asyncio/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/pipe.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

[[noreturn]] void fail_in_child(int failure_fd) {
  int error_number = errno;
  [[maybe_unused]] ssize_t written = ::write(failure_fd, &error_number, sizeof error_number);
  ::_exit(127);
}

// Between fork and exec: only async-signal-safe calls.
[[noreturn]] void become(char* const* arguments, ChildProcess::Pipes pipes, int error_fd,
                         int failure_fd, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before prctl: no signal will come
  // First move everything out of the way, then to its place: a source may sit on another's target.
  struct Move {
    int from;
    int to;
  };
  int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  std::array<Move, 5> moves = {{{null_fd, 0},
                                {null_fd, 1},
                                {error_fd, 2},
                                {pipes.input, kChildInputFd},
                                {pipes.report, kChildReportFd}}};
  int failure_kept = ::fcntl(failure_fd, F_DUPFD_CLOEXEC, 10);
  for (Move& move : moves) {
    if (move.from < 0) continue;
    move.from = ::fcntl(move.from, F_DUPFD_CLOEXEC, 10);
    if (move.from < 0) fail_in_child(failure_fd);  // too few descriptors
  }
  for (const Move& move : moves) {
    if (move.from >= 0 && ::dup2(move.from, move.to) < 0) fail_in_child(failure_kept);
  }
  ::execv(arguments[0], arguments);
  fail_in_child(failure_kept);
}

std::string name_of(const std::string& program) {
  return program == "/proc/self/exe" ? "a child process" : program;
}

void reap_group(pid_t group) {
  while (true) {
    pid_t ended = ::waitpid(-group, nullptr, 0);
    if (ended < 0 && errno != EINTR) return;  // ECHILD: nobody is left
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments, Pipes pipes) {
  error_file_ = memory_file("stderr", "");
  std::vector<char*> pointers;
  for (const std::string& argument : arguments)
    pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  Pipe failure = make_pipe();
  pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw system_error(errno, "start", name_of(arguments[0]));
  if (pid_ == 0) become(pointers.data(), pipes, error_file_.get(), failure.write_end.get(), parent);
  ::setpgid(pid_, pid_);  // in both: whoever comes first
  failure.write_end.reset();
  int error_number = 0;
  ssize_t got = 0;
  do {
    got = ::read(failure.read_end.get(), &error_number, sizeof error_number);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    (void)wait(kPatience);
    throw system_error(error_number, "start", name_of(arguments[0]));
  }
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  // Also after wait(): a pool's workers may have survived their parent.
  ::kill(-pid_, SIGKILL);
  reap_group(pid_);
}

std::string ChildProcess::wait(std::chrono::milliseconds patience) {
  UniqueFd ended_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd ending{ended_fd.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ending, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) ::kill(-pid_, SIGKILL);
  int status = 0;
  pid_t ended = 0;
  do {
    ended = ::waitpid(pid_, &status, 0);
  } while (ended < 0 && errno == EINTR);
  reaped_ = true;
  if (ended < 0) return "lost";
  if (ready == 0) return "did not end by itself";
  if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status));
  exit_code_ = WEXITSTATUS(status);
  return exit_code_ == 0 ? "" : "exit code " + std::to_string(exit_code_);
}

void ChildProcess::signal(int signal_number) const {
  if (!reaped_) ::kill(pid_, signal_number);
}

std::string ChildProcess::last_error_line() const {
  constexpr off_t kMost = 4096;
  off_t size = ::lseek(error_file_.get(), 0, SEEK_END);
  if (size <= 0) return "";
  std::string text(static_cast<std::size_t>(size < kMost ? size : kMost), '\0');
  off_t start = size - static_cast<off_t>(text.size());
  ssize_t got = ::pread(error_file_.get(), text.data(), text.size(), start);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  text.erase(text.find_last_not_of(" \r\n") + 1);
  std::size_t newline = text.rfind('\n');
  if (newline != std::string::npos) text.erase(0, newline + 1);
  return escape_controls(text);
}

void adopt_orphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

UniqueFd memory_file(const std::string& name, std::string_view text) {
  UniqueFd file(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!file) throw system_error(errno, "make a file in memory", "");
  while (!text.empty()) {
    ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw system_error(errno, "write a file in memory", "");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

}  // namespace asyncio::tool
