#include "http/connection_pool.hpp"

#include "http/client_connection.hpp"

namespace asyncio::http {

PooledHost::PooledHost() = default;
PooledHost::~PooledHost() = default;

// --- slots --------------------------------------------------------------------------------------

Slot::Slot(std::shared_ptr<ConnectionPool> pool, PooledHost& host) noexcept
    : pool_(std::move(pool)), host_(&host) {}

Slot::Slot(Slot&& other) noexcept
    : pool_(std::move(other.pool_)), host_(std::exchange(other.host_, nullptr)) {}

Slot& Slot::operator=(Slot&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::move(other.pool_);
    host_ = std::exchange(other.host_, nullptr);
  }
  return *this;
}

std::unique_ptr<ClientConnection> Slot::take_idle() {
  while (!host_->idle.empty()) {
    std::unique_ptr<ClientConnection> connection = std::move(host_->idle.back().connection);
    host_->idle.pop_back();
    if (connection->usable()) return connection;
  }
  return nullptr;
}

bool Slot::others_wait() const noexcept { return host_ != nullptr && pool_->waiting_ > 0; }

void Slot::release_with(std::unique_ptr<ClientConnection> connection) noexcept {
  if (host_ == nullptr) return;
  try {
    if (!pool_->closed_ && connection->usable()) pool_->keep(*host_, std::move(connection));
  } catch (const std::bad_alloc&) {
    // Not kept, then: it closes as it goes out of scope.
  }
  release();
}

void Slot::release() noexcept {
  if (host_ == nullptr) return;
  const std::shared_ptr<ConnectionPool> pool = std::move(pool_);
  pool->give_back(*std::exchange(host_, nullptr));
}

// --- the pool -----------------------------------------------------------------------------------

ConnectionPool::ConnectionPool(Scheduler& scheduler, const PoolLimits& limits)
    : scheduler_(scheduler), limits_(limits) {}

ConnectionPool::~ConnectionPool() { close(); }

AcquireSlot ConnectionPool::acquire(std::string_view origin) {
  return {shared_from_this(), host_of(origin)};
}

PooledHost& ConnectionPool::host_of(std::string_view origin) {
  auto at = hosts_.find(origin);
  if (at == hosts_.end()) {
    auto host = std::make_unique<PooledHost>();
    host->origin = origin;
    at = hosts_.emplace(std::string(origin), std::move(host)).first;
  }
  return *at->second;
}

void ConnectionPool::take(PooledHost& host) noexcept {
  ++in_use_;
  ++host.in_use;
}

void ConnectionPool::give_back(PooledHost& host) noexcept {
  --in_use_;
  --host.in_use;
  serve_waiters();
}

void ConnectionPool::serve_waiters() noexcept {
  while (waiting_ > 0 && below(in_use_, limits_.total)) {
    // The oldest of those whose host has room; few hosts have a queue at the same time.
    AcquireSlot* oldest = nullptr;
    for (const auto& [origin, host] : hosts_) {
      AcquireSlot* first = host->waiters.front();
      if (first == nullptr || !has_room(*host)) continue;
      if (oldest == nullptr || first->ticket_ < oldest->ticket_) oldest = first;
    }
    if (oldest == nullptr) return;
    oldest->unlink();
    --waiting_;
    oldest->granted_ = true;
    take(*oldest->host_);
    oldest->wake();
  }
}

void ConnectionPool::keep(PooledHost& host, std::unique_ptr<ClientConnection> connection) {
  host.idle.push_back({std::move(connection), scheduler_.time()});
  if (!sweeping_) schedule_sweep();
}

void ConnectionPool::schedule_sweep() {
  sweeping_ = true;
  sweeper_ = scheduler_.call_later(limits_.keepalive, [this] { sweep(); });
}

void ConnectionPool::sweep() {
  sweeping_ = false;
  const Nanoseconds now = scheduler_.time();
  bool any = false;
  for (const auto& [origin, host] : hosts_) {
    std::erase_if(host->idle, [&](const PooledHost::Idle& idle) {
      return now - idle.since >= limits_.keepalive || !idle.connection->usable();
    });
    any = any || !host->idle.empty();
  }
  // Hosts that nobody uses any more: a crawler meets many.
  std::erase_if(hosts_, [](const auto& entry) {
    const PooledHost& host = *entry.second;
    return host.in_use == 0 && host.idle.empty() && host.waiters.empty();
  });
  if (any) schedule_sweep();
}

std::size_t ConnectionPool::idle() const noexcept {
  std::size_t count = 0;
  for (const auto& [origin, host] : hosts_) count += host->idle.size();
  return count;
}

void ConnectionPool::close() noexcept {
  closed_ = true;
  sweeper_.cancel();
  for (const auto& [origin, host] : hosts_) host->idle.clear();
}

// --- waiting for a slot -------------------------------------------------------------------------

AcquireSlot::~AcquireSlot() {
  if (linked()) --pool_->waiting_;
  if (granted_) pool_->give_back(*host_);
}

bool AcquireSlot::await_ready() noexcept {
  // A newcomer does not overtake those who wait.
  if (!host_->waiters.empty() || !pool_->has_room(*host_)) return false;
  pool_->take(*host_);
  granted_ = true;
  return true;
}

bool AcquireSlot::await_suspend(detail::Continuation continuation) {
  ticket_ = pool_->next_ticket_++;
  host_->waiters.push_back(this);
  ++pool_->waiting_;
  return park(continuation);
}

Slot AcquireSlot::await_resume() {
  if (cancelled()) [[unlikely]] std::rethrow_exception(cancellation());
  granted_ = false;
  return Slot(pool_, *host_);
}

bool AcquireSlot::abort() {
  if (linked()) {
    unlink();
    --pool_->waiting_;
  }
  return true;
}

void AcquireSlot::lost() {
  if (!std::exchange(granted_, false)) return;
  pool_->give_back(*host_);
}

}  // namespace asyncio::http
