#include "http/resolver_cache.hpp"

#include "asyncio/net/resolver.hpp"
#include "asyncio/task/wait.hpp"

namespace asyncio::http {
namespace {

constexpr Nanoseconds kTimeToLive = std::chrono::seconds(10);

Coro<std::vector<SocketAddress>> look_up(std::string host, std::uint16_t port) {
  co_return co_await pass(getaddrinfo(host, port));
}

}  // namespace

bool ResolverCache::is_old(const Entry& entry, Nanoseconds now) {
  return entry.lookup.done() && now - entry.begun >= kTimeToLive;
}

// Not at each look-up: a crawler knows thousands of names.
void ResolverCache::sweep(Nanoseconds now) {
  if (now < next_sweep_) return;
  next_sweep_ = now + kTimeToLive;
  std::erase_if(entries_, [&](const auto& entry) { return is_old(entry.second, now); });
}

Coro<std::vector<SocketAddress>> ResolverCache::resolve(std::string host, std::uint16_t port) {
  SocketAddress numeric;
  if (SocketAddress::parse(host, port, numeric)) {
    co_return std::vector<SocketAddress>(1, numeric);
  }
  const Nanoseconds now = scheduler_.time();
  sweep(now);
  const auto key = std::pair(host, port);
  auto at = entries_.find(key);
  if (at != entries_.end() && is_old(at->second, now)) {
    entries_.erase(at);
    at = entries_.end();
  }
  if (at == entries_.end()) {
    auto lookup = asyncio::detail::spawn(scheduler_, look_up(host, port));
    // Should everybody give up before it fails, nobody is to be told.
    lookup.add_done_callback([](const AnyFuture& done) {
      if (!done.cancelled()) (void)done.exception();
    });
    at = entries_.emplace(key, Entry{std::move(lookup), now}).first;
  }
  const Task<std::vector<SocketAddress>> lookup = at->second.lookup;
  if (!lookup.done()) {
    // wait() does not cancel what it waits for; awaiting the task itself would.
    std::vector<Task<std::vector<SocketAddress>>> one(1, lookup);
    co_await pass(wait(std::move(one)));
  }
  auto addresses = co_await try_(lookup);
  if (!addresses.ok()) {
    // A failure is not remembered: the next request asks again.
    at = entries_.find(key);
    if (at != entries_.end() && at->second.lookup == lookup) entries_.erase(at);
    co_await raise(addresses.exception());
  }
  co_return std::move(addresses).value();
}

}  // namespace asyncio::http
