// How many descriptors this process has open, for tests that none leaks.
#pragma once

#include <filesystem>

namespace asyncio::test {

inline int open_descriptors() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count - 1;  // without the one that reads the directory
}

}  // namespace asyncio::test
