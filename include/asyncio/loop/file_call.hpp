// A call on a file, which the kernel cannot make without blocking.
#pragma once

#include <cstddef>
#include <cstdint>

#include "asyncio/loop/backend.hpp"

namespace asyncio {

/// As a job it makes its call on a thread; a backend with a ring may do it otherwise. What the call
/// refers to (paths, buffers) belongs to the one who derives from it, until done().
class FileCall : public BlockingJob {
 public:
  enum class Kind : unsigned char { other, read, write, fsync };

  Kind kind = Kind::other;  ///< other: only run() knows
  int fd = -1;
  void* buffer = nullptr;
  std::size_t size = 0;
  std::int64_t offset = -1;   ///< -1: where the descriptor stands
  std::ptrdiff_t result = 0;  ///< of the call, or -errno; set by the time of done()
};

}  // namespace asyncio
