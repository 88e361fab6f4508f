// What a child process is started with.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// What starting a child was about when it failed.
enum class SpawnStep : unsigned char { fork, descriptors, directory, exec };

/// For Backend::spawn. The child has default signal dispositions and an empty mask, and of our
/// descriptors only those of `descriptors`. Its pidfd is for the caller to close, once reap_child()
/// has given the exit. Before that the backend keeps the number too: what still runs when the loop
/// closes it kills and reaps, so that no child is left behind.
struct SpawnRequest {
  /// A descriptor of ours that stands for /dev/null.
  static constexpr int kNullDevice = -1;

  /// Looked for in PATH (of `environment`, if it has one) when it has no slash.
  std::string program;
  std::vector<std::string> arguments;  ///< the first is the program's own name
  /// Ours, and the number that the child has it under; 0, 1 and 2 that are not named are ours. They
  /// may cross: {1, 2} and {2, 1}.
  std::vector<std::pair<int, int>> descriptors;
  std::optional<std::vector<std::string>> environment;  ///< "NAME=value"; none: ours
  std::string directory;                                ///< to run in; empty: ours
  bool new_session = false;                             ///< setsid
  std::optional<int> process_group;                     ///< setpgid; 0: one of its own
  bool keep_ignored_signals = false;  ///< signals that we ignore it ignores too, as by nohup
  /// Told where it failed, when it does.
  SpawnStep* failed_step = nullptr;
};

}  // namespace asyncio
