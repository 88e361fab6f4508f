// How a command ends early: by its user's mistake, by a failure of the world, or by a signal.
// main() turns each into one line on stderr and an exit code; nothing else calls exit().
#pragma once

#include <stdexcept>
#include <string>

namespace asyncio::tool {

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSignalBase = 128;

/// The command line or an input file is wrong. The text names the option or file. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something the user did not write went wrong: a full disk, a child that died. Exit code 1.
class ToolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// "cannot <operation> <subject>: <errno's text>".
[[nodiscard]] ToolError system_error(int error_number, const std::string& operation,
                                     const std::string& subject);

/// A signal asked us to stop. Exit code 128 + signal, as a shell would report it.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal_number) : signal_number_(signal_number) {}
  [[nodiscard]] int signal_number() const { return signal_number_; }
  [[nodiscard]] const char* what() const noexcept override { return "interrupted"; }

 private:
  int signal_number_;
};

}  // namespace asyncio::tool
