// What a child process is started with.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// For Backend::spawn. The child has default signal dispositions and an empty mask, and of our
/// descriptors only those of `descriptors`.
struct SpawnRequest {
  std::string program;                 ///< looked for in PATH when it has no slash
  std::vector<std::string> arguments;  ///< the first is the program's own name
  /// Ours, and the number that the child has it under; 0, 1 and 2 that are not named are ours.
  std::vector<std::pair<int, int>> descriptors;
  std::optional<std::vector<std::string>> environment;  ///< "NAME=value"; none: ours
  std::string directory;                                ///< to run in; empty: ours
  bool new_session = false;                             ///< setsid
  std::optional<int> process_group;                     ///< setpgid; 0: one of its own
};

}  // namespace asyncio
