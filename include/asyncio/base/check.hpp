// CHECK for errors of the programmer: they end the process with a message, at the place where the
// mistake is seen. Errors of the world are exceptions (error.hpp), never checks.
#pragma once

#include "asyncio/base/config.hpp"

namespace asyncio::base {

/// Prints `file:line: CHECK failed: condition (message)` to stderr and aborts.
[[noreturn]] ASYNCIO_COLD void check_failed(const char* file, int line, const char* condition,
                                            const char* message) noexcept;

}  // namespace asyncio::base

// Always on. `message` says what the caller did wrong and what to do instead.
#define ASYNCIO_CHECK(condition, message)                                     \
  do {                                                                        \
    if (!(condition)) [[unlikely]] {                                          \
      ::asyncio::base::check_failed(__FILE__, __LINE__, #condition, message); \
    }                                                                         \
  } while (false)

// On in debug builds (ASYNCIO_DCHECK=1): invariants on paths too hot to check for everybody.
#if defined(ASYNCIO_DCHECK) && ASYNCIO_DCHECK
#define ASYNCIO_DEBUG_CHECK(condition, message) ASYNCIO_CHECK(condition, message)
#else
#define ASYNCIO_DEBUG_CHECK(condition, message) \
  do {                                          \
  } while (false)
#endif
