// Child processes: started, spoken to and waited for without blocking the loop.
#pragma once

// In glibc the macros stdin, stdout and stderr stand for themselves, so Python's names can be
// members here. The header must come first, or the names would differ from file to file elsewhere.
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/process/child.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio {

namespace subprocess {

// What a standard stream of a child is, when it is not a descriptor of ours (>= 0).
inline constexpr int PIPE = -1;     ///< a pipe, whose other end Process has
inline constexpr int STDOUT = -2;   ///< for stderr: where stdout goes
inline constexpr int DEVNULL = -3;  ///< /dev/null
inline constexpr int INHERIT = -4;  ///< the same as ours. Python: None
/// INHERIT for Process, PIPE for SubprocessTransport, as in Python.
inline constexpr int UNSPECIFIED = -5;

/// Variables by name. Python: os.environ, a mapping.
using Environment = std::map<std::string, std::string, std::less<>>;

/// A copy of ours, to add to. Python: os.environ.copy().
[[nodiscard]] Environment environ_copy();

/// communicate() was given a bound, and the child wrote more: it was killed.
class OutputLimitError : public RuntimeError {
 public:
  OutputLimitError(std::string_view text, std::string stdout_data, std::string stderr_data)
      : RuntimeError(std::string(text)),
        output(std::move(stdout_data)),
        errors(std::move(stderr_data)) {}

  /// What it had written until then, up to the bound.
  std::string output;
  std::string errors;
};

}  // namespace subprocess

/// What create_subprocess_exec and create_subprocess_shell take by name. What it refers to is
/// copied in the call. Python: the keywords of subprocess.Popen.
struct SubprocessOptions {
  int stdin = subprocess::UNSPECIFIED;
  int stdout = subprocess::UNSPECIFIED;
  int stderr = subprocess::UNSPECIFIED;
  std::size_t limit = kStreamLimit;                 ///< of the readers
  std::string_view cwd = {};                        ///< to run in; empty: where we are
  const subprocess::Environment* env = nullptr;     ///< all its variables; null: ours
  bool restore_signals = true;                      ///< false: signals ignored here stay so
  bool start_new_session = false;                   ///< setsid
  std::optional<int> process_group = std::nullopt;  ///< setpgid; 0: one of its own
  /// Descriptors that the child gets besides, under their numbers. All others are closed there.
  std::span<const int> pass_fds = {};
};

/// Options of Process::communicate.
struct CommunicateOptions {
  /// How many bytes of output, of both streams together, are taken: OutputLimitError beyond.
  std::size_t max_output = std::numeric_limits<std::size_t>::max();
};

/// A child process. A copy is a handle to the same one; a child whose handles have all gone runs
/// on, and its exit is taken all the same. When the loop closes while it runs, it is killed. Loop
/// thread only. Python: asyncio.subprocess.Process.
class Process {
 public:
  Process(base::Ref<detail::Child> child, detail::PipeEnds ends, std::size_t limit);

  /// Python: Process.pid.
  [[nodiscard]] int pid() const noexcept { return child_->pid(); }
  /// Empty while it runs, or is not yet known to have ended; negative when a signal ended it; 255,
  /// with a warning in the log, when other code of this program took its exit.
  /// Python: Process.returncode.
  [[nodiscard]] std::optional<int> returncode() const noexcept { return child_->returncode(); }

  /// Where PIPE was asked for, else empty. Python: Process.stdin, stdout, stderr.
  std::optional<StreamWriter> stdin;
  std::optional<StreamReader> stdout;
  std::optional<StreamReader> stderr;

  /// Waits for its end and gives the returncode. Many tasks may. With PIPE this can last for ever,
  /// when the child waits for somebody to read: use communicate(). Python: Process.wait.
  [[nodiscard]] detail::ChildWait wait() const noexcept { return detail::ChildWait(child_); }

  /// Writes `input` to stdin and closes it, reads stdout and stderr to their ends, all at once, and
  /// waits for the end of the child: {output, errors}, empty where there is no pipe. A child that
  /// does not read its input is no error. Everything is kept in memory: see
  /// CommunicateOptions::max_output. Cancelled, what was read is lost and the child runs on.
  /// Python: Process.communicate.
  [[nodiscard]] Coro<std::pair<std::string, std::string>> communicate(
      std::string_view input = {}, CommunicateOptions options = {}) const;

  /// To this child or to nobody, when it has ended: never to another process that got its number.
  /// OSError for what is no signal's number. Python: Process.send_signal.
  void send_signal(int signal) const { child_->send_signal(signal); }
  /// SIGTERM. Python: Process.terminate.
  void terminate() const;
  /// SIGKILL. Python: Process.kill.
  void kill() const { child_->kill(); }

  /// "<Process 1234>".
  [[nodiscard]] std::string repr() const;

 private:
  base::Ref<detail::Child> child_;
};

namespace detail {

std::vector<std::string> program_and(std::string_view program,
                                     const std::vector<std::string>& args);
/// Copies all of it.
Launch make_launch(std::vector<std::string> arguments, const SubprocessOptions& options);
Launch make_shell_launch(std::string_view command, const SubprocessOptions& options);
Coro<Process> start_process(Launch launch, std::size_t limit);

template <class T>
concept ProgramArgument = std::convertible_to<const T&, std::string_view>;

template <class... Args>
std::vector<std::string> arguments_of(const Args&... args) {
  std::vector<std::string> all;
  all.reserve(sizeof...(args));
  (all.emplace_back(std::string_view(args)), ...);
  return all;
}

}  // namespace detail

/// Starts `program` (looked for in PATH when it has no slash) with `args`; no shell sees them. The
/// loop goes on meanwhile. Errors name the program, "exec foo: no such file or directory":
/// FileNotFoundError, PermissionError, OSError (ENOEXEC: neither a program nor a script with #!;
/// E2BIG; EMFILE); ValueError for a NUL in an argument. Cancelled, the child is killed and waited
/// for before the CancelledError comes. Python: asyncio.create_subprocess_exec.
template <detail::ProgramArgument... Args>
[[nodiscard]] Coro<Process> create_subprocess_exec(std::string_view program, const Args&... args) {
  return detail::start_process(
      detail::make_launch(detail::arguments_of(program, args...), SubprocessOptions()),
      kStreamLimit);
}

/// The same with the arguments in a vector, the program's name not among them. (A template, because
/// g++ takes the braces of options for a vector.)
template <std::same_as<std::vector<std::string>> Args>
[[nodiscard]] Coro<Process> create_subprocess_exec(std::string_view program, const Args& args,
                                                   SubprocessOptions options = {}) {
  return detail::start_process(detail::make_launch(detail::program_and(program, args), options),
                               options.limit);
}

// The same with options: `create_subprocess_exec("ls", "-l", {.stdout = subprocess::PIPE})`. An
// overload per number of arguments, because braces cannot follow a pack; more go into a vector. All
// are templates, because a std::string_view could be made of {"-l", "-a"}: of two pointers.
// clang-format off
#define ASYNCIO_EXEC(...)                                                                  \
  return detail::start_process(                                                            \
      detail::make_launch(detail::arguments_of(__VA_ARGS__), options), options.limit)
[[nodiscard]] inline Coro<Process> create_subprocess_exec(
    std::string_view program, SubprocessOptions options) { ASYNCIO_EXEC(program); }
template <detail::ProgramArgument A>
[[nodiscard]] Coro<Process> create_subprocess_exec(
    std::string_view program, const A& a,
    SubprocessOptions options) { ASYNCIO_EXEC(program, a); }
template <detail::ProgramArgument A, detail::ProgramArgument B>
[[nodiscard]] Coro<Process> create_subprocess_exec(
    std::string_view program, const A& a, const B& b,
    SubprocessOptions options) { ASYNCIO_EXEC(program, a, b); }
template <detail::ProgramArgument A, detail::ProgramArgument B, detail::ProgramArgument C>
[[nodiscard]] Coro<Process> create_subprocess_exec(
    std::string_view program, const A& a, const B& b, const C& c,
    SubprocessOptions options) { ASYNCIO_EXEC(program, a, b, c); }
template <detail::ProgramArgument A, detail::ProgramArgument B, detail::ProgramArgument C,
          detail::ProgramArgument D>
[[nodiscard]] Coro<Process> create_subprocess_exec(
    std::string_view program, const A& a, const B& b, const C& c, const D& d,
    SubprocessOptions options) { ASYNCIO_EXEC(program, a, b, c, d); }
template <detail::ProgramArgument A, detail::ProgramArgument B, detail::ProgramArgument C,
          detail::ProgramArgument D, detail::ProgramArgument E>
[[nodiscard]] Coro<Process> create_subprocess_exec(
    std::string_view program, const A& a, const B& b, const C& c, const D& d, const E& e,
    SubprocessOptions options) { ASYNCIO_EXEC(program, a, b, c, d, e); }
#undef ASYNCIO_EXEC
// clang-format on

/// Starts `/bin/sh -c command`. Whatever of it comes from outside must be quoted: prefer
/// create_subprocess_exec. Python: asyncio.create_subprocess_shell.
[[nodiscard]] Coro<Process> create_subprocess_shell(std::string_view command,
                                                    SubprocessOptions options = {});

}  // namespace asyncio
