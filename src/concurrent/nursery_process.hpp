// The nursery, in its own process: forks, reaps and ends workers.
#pragma once

#include <cstdint>
#include <functional>

namespace asyncio::detail {

/// What the pool orders. A start has the worker's end of its channel beside it (SCM_RIGHTS).
struct NurseryOrder {
  enum class Kind : std::uint32_t { start, signal } kind = Kind::start;
  std::uint32_t worker = 0;
  int signal_number = 0;
};

/// The rest of this process's life, just forked: until the other end of `control` closes.
[[noreturn]] void be_nursery(int control, const std::function<void()>& initializer);

}  // namespace asyncio::detail
