#include "tls/session_cache.hpp"

#include <utility>

namespace asyncio::tls {

namespace {

constexpr std::size_t kMostPeers = 512;
// A server gives two tickets by default; connections are made in bursts.
constexpr std::size_t kMostSessions = 8;

}  // namespace

Session SessionCache::take(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  const auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  std::vector<Session>& sessions = found->second->sessions;
  while (!sessions.empty()) {
    if (SSL_SESSION_is_resumable(sessions.back().get()) == 0) {
      sessions.pop_back();
      continue;
    }
    if (SSL_SESSION_get_protocol_version(sessions.back().get()) < TLS1_3_VERSION) {
      SSL_SESSION_up_ref(sessions.back().get());
      return Session(sessions.back().get());
    }
    Session newest = std::move(sessions.back());
    sessions.pop_back();
    return newest;
  }
  return nullptr;
}

void SessionCache::put(const std::string& peer, Session session) {
  const std::lock_guard lock(mutex_);
  auto found = by_peer_.find(peer);
  if (found == by_peer_.end()) {
    entries_.push_front({peer, {}});
    found = by_peer_.emplace(entries_.front().peer, entries_.begin()).first;
  } else {
    entries_.splice(entries_.begin(), entries_, found->second);
  }
  std::vector<Session>& sessions = found->second->sessions;
  if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) sessions.clear();
  if (sessions.size() >= kMostSessions) sessions.erase(sessions.begin());
  sessions.push_back(std::move(session));
  if (entries_.size() > kMostPeers) {
    by_peer_.erase(entries_.back().peer);
    entries_.pop_back();
  }
}

void SessionCache::clear() {
  const std::lock_guard lock(mutex_);
  by_peer_.clear();
  entries_.clear();
}

std::size_t SessionCache::size() const {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const Entry& entry : entries_) count += entry.sessions.size();
  return count;
}

}  // namespace asyncio::tls
