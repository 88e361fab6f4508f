// Look-ups of names that a session has made lately: one at a time for each name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio::http {

/// A thousand requests to one new host must be one look-up. Answers are kept for ten seconds, as
/// aiohttp does (getaddrinfo does not tell how long they are good for).
class ResolverCache {
 public:
  explicit ResolverCache(Scheduler& scheduler) noexcept : scheduler_(scheduler) {}

  /// Errors: GaiError. Cancelling one caller leaves the look-up to the others.
  Coro<std::vector<SocketAddress>> resolve(std::string host, std::uint16_t port);

 private:
  struct Entry {
    Task<std::vector<SocketAddress>> lookup;
    Nanoseconds begun{0};
  };
  [[nodiscard]] static bool is_old(const Entry& entry, Nanoseconds now);
  void sweep(Nanoseconds now);

  Scheduler& scheduler_;
  std::map<std::pair<std::string, std::uint16_t>, Entry> entries_;
  Nanoseconds next_sweep_{0};
};

}  // namespace asyncio::http
