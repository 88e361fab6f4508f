// The standard streams, as files. Python: aiofiles.stdin and its kin.
#pragma once

#include "asyncio/files/file.hpp"

namespace asyncio::files {

// Await them as open(): `files::File in = co_await files::stdin_bytes();`. Closing one writes what
// is in its buffer and leaves the descriptor open. Reading does not hold a thread while nothing
// comes; a file that goes before its end has read no more than it gave and its buffer.

/// Texts. The parentheses keep <cstdio>'s macros out.
[[nodiscard]] inline Open(stdin)() { return open(0, "r", {.closefd = false}); }
[[nodiscard]] inline Open(stdout)() { return open(1, "w", {.closefd = false}); }
[[nodiscard]] inline Open(stderr)() { return open(2, "w", {.buffering = 1, .closefd = false}); }

/// Bytes.
[[nodiscard]] inline Open stdin_bytes() { return open(0, "rb", {.closefd = false}); }
[[nodiscard]] inline Open stdout_bytes() { return open(1, "wb", {.closefd = false}); }
[[nodiscard]] inline Open stderr_bytes() { return open(2, "wb", {.closefd = false}); }

}  // namespace asyncio::files
