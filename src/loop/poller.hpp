// Where a loop's thread waits for events of its descriptors: epoll, or a ring of io_uring.
#pragma once

#include <memory>
#include <string_view>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/descriptor.hpp"

namespace asyncio::detail {

/// Made when the first descriptor is watched, used by one thread at a time. Never throws.
class Poller {
 public:
  virtual ~Poller() = default;

  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Registers `descriptor` for both directions, edge-triggered; what it is ready for now is an
  /// edge. Returns 0 or -errno.
  virtual int add(Descriptor& descriptor) noexcept = 0;
  /// From here on nothing is told of it, also nothing that has come already, and the kernel keeps
  /// no hold on its file.
  virtual void remove(Descriptor& descriptor) noexcept = 0;

  /// Waits for events, but no longer than `timeout`: zero only looks, max() has no limit. A signal
  /// ends it early.
  virtual void collect(Nanoseconds timeout) noexcept = 0;
  /// Tells the listeners of what collect() has found. They may remove descriptors.
  virtual void dispatch() noexcept = 0;
};

/// Each returns 0 or -errno. `wake_fd` is an eventfd: a write to it ends a collect(), and nobody
/// reads it, so that every write is an edge.
int make_epoll_poller(int wake_fd, std::unique_ptr<Poller>& out) noexcept;
int make_uring_poller(int wake_fd, std::unique_ptr<Poller>& out) noexcept;

}  // namespace asyncio::detail
