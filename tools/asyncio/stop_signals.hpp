// SIGINT, SIGTERM and SIGHUP for a command that runs an event loop.
#pragma once

#include <array>
#include <csignal>

#include "asyncio/asyncio.hpp"

namespace asyncio::tool {

/// While it lives: the first signal cancels `task`, which can then end in order; the second leaves
/// asyncio::run() at once with KeyboardInterrupt. Made inside the coroutine of the main task. A
/// signal that was ignored when the program started (nohup, a shell's background job) stays
/// ignored.
class StopSignals {
 public:
  explicit StopSignals(const AnyTask& task);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  /// The first signal that came; 0 if none has.
  [[nodiscard]] int signal_number() const noexcept;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> former_{};
};

}  // namespace asyncio::tool
