// Where the library's own messages go. Python: logging.getLogger("asyncio") and warnings.
#pragma once

#include <string_view>

namespace asyncio {

/// How much a message matters. Python: the logger's levels.
enum class LogLevel {
  debug,    ///< shown only in debug mode
  info,     ///< a choice that was made, such as the backend
  warning,  ///< works, but probably not as meant: never awaited, slow callback
  error,    ///< something was lost: an exception that nobody retrieved
};

/// Receives one finished message, which may have several lines and has no newline at its end.
/// Called on the thread that has something to say; must not throw.
using LogHandler = void (*)(LogLevel level, std::string_view message);

/// Sends messages to `handler` from now on, in all threads; null restores the default, which
/// writes info and above to stderr. Returns the handler before.
LogHandler set_log_handler(LogHandler handler) noexcept;

/// Hands one message to the handler. Safe in destructors: never throws.
void log(LogLevel level, std::string_view message) noexcept;

}  // namespace asyncio
