// The page server that compare fetches from: `asyncio serve` in a child process, on a free port.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/asyncio/child_process.hpp"
#include "tools/asyncio/interrupt.hpp"
#include "tools/asyncio/pipe.hpp"

namespace asyncio::tool {

class PageServer {
 public:
  struct Options {
    std::chrono::nanoseconds delay;
    std::uint64_t page_bytes;
  };

  /// Starts it and waits until it accepts connections. Errors: ToolError with the server's own
  /// words; Interrupted.
  PageServer(const Options& options, const InterruptWatch& interrupt);

  /// "http://127.0.0.1:40213/page/17".
  [[nodiscard]] std::string page_url(std::size_t page) const;

 private:
  std::uint16_t wait_for_port(int fd, const InterruptWatch& interrupt);

  Pipe ready_;  // before child_, which gets its writing end
  ChildProcess child_;
  std::uint16_t port_ = 0;
};

}  // namespace asyncio::tool
