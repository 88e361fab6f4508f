// The sessions that a client may go on with, by whom it made them with.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/openssl.hpp"

namespace asyncio::tls {

/// Belongs to one context and is emptied when a setting of that changes, so a session is only ever
/// used by whoever would have made it: same settings, same host and port, same certificate of ours.
/// Any thread. What was not used for longest makes room.
class SessionCache {
 public:
  /// A session of TLS 1.3 is given once, as its RFC recommends (an observer could link two
  /// connections); an older one stays. Null when there is none, or it is too old.
  Session take(const std::string& peer);
  void put(const std::string& peer, Session session);
  void clear();
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    std::string peer;
    std::vector<Session> sessions;  // newest last
  };
  using Entries = std::list<Entry>;

  mutable std::mutex mutex_;
  Entries entries_;  // most recently used first
  std::unordered_map<std::string_view, Entries::iterator> by_peer_;
};

}  // namespace asyncio::tls
