#include "asyncio/base/log.hpp"

#include <atomic>
#include <cstdio>

namespace asyncio {
namespace {

void write_to_stderr(LogLevel level, std::string_view message) {
  if (level == LogLevel::debug) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(message.size()), message.data());
}

constinit std::atomic<LogHandler> current_handler{&write_to_stderr};

}  // namespace

LogHandler set_log_handler(LogHandler handler) noexcept {
  LogHandler before = current_handler.exchange(handler != nullptr ? handler : &write_to_stderr);
  return before == &write_to_stderr ? nullptr : before;
}

void log(LogLevel level, std::string_view message) noexcept {
  current_handler.load()(level, message);
}

}  // namespace asyncio
