// Ctrl-C, SIGTERM and SIGHUP as something poll() can wait for, while a command has children to end.
// At most one watch exists at a time; the former handlers come back when it goes.
#pragma once

#include <csignal>

#include <array>

#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {

class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// Readable once a signal came.
  [[nodiscard]] int fd() const { return read_end_.get(); }
  /// The first signal that came, 0 if none has.
  [[nodiscard]] int signal_number() const;
  /// Throws Interrupted once a signal came.
  void check() const;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};
  UniqueFd read_end_;
  UniqueFd write_end_;
  std::array<struct sigaction, kSignals.size()> former_{};
};

}  // namespace asyncio::tool
