// Options of sendfile and sock_sendfile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace asyncio {

struct SendfileOptions {
  std::int64_t offset = 0;                ///< where in the file to begin
  std::optional<std::size_t> count = {};  ///< how many bytes at most; without it, all
  bool fallback = true;  ///< read and send by ourselves where the kernel cannot; else an error
};

}  // namespace asyncio
