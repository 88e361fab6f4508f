// run() and Runner in a world that a torture driver has made.
#pragma once

#include <memory>
#include <utility>

#include "asyncio/run/runner.hpp"

namespace asyncio::torture {

// RunOptions::loop_factory is a plain function.
inline thread_local std::unique_ptr<Backend> next_world;

inline std::unique_ptr<EventLoop> loop_in_next_world() {
  return std::make_unique<EventLoop>(std::move(next_world));
}
inline constexpr RunOptions kSimulated{.loop_factory = &loop_in_next_world};

/// The loop of the next run() is in this world; a loop that could not be made leaves it here.
class InWorld {
 public:
  explicit InWorld(std::unique_ptr<Backend> world) { next_world = std::move(world); }
  InWorld(const InWorld&) = delete;
  ~InWorld() { next_world.reset(); }
};

}  // namespace asyncio::torture
