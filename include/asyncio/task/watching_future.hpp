// What gather() and shield() return: a future that is settled by others.
#pragma once

#include <cstdint>

#include "asyncio/task/future_base.hpp"

namespace asyncio::detail {

/// Whoever holds it keeps what it watches alive. When nobody does, it is the other way round: it
/// lives on for what those that are pending have yet to tell, and if they are dropped too, all go.
/// So it and a future that nobody will ever set do not keep each other, which Python leaves to its
/// garbage collector.
class WatchingFuture : public FutureBase {
 public:
  /// A node watches, until it has run or is taken off. Without handles the last one ends this.
  void add_node() noexcept { ++nodes_; }
  void drop_node() noexcept {
    if (--nodes_ == 0 && !has_handles()) destroy();
  }
  /// Nobody holds it, or held it at some time: its nodes do not count for the futures they watch.
  [[nodiscard]] bool weak() const noexcept { return weak_; }

 protected:
  WatchingFuture(Scheduler& scheduler, std::size_t slot_offset) noexcept
      : FutureBase(scheduler, slot_offset) {
    set_outlives_handles();
  }
  /// Calls loosen() of all nodes, then end_if_loose() of all.
  virtual void weaken_nodes() noexcept = 0;

 private:
  bool stays() noexcept final;

  std::uint32_t nodes_ = 0;
  bool weak_ = false;
};

}  // namespace asyncio::detail
