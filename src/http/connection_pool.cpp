#include "http/connection_pool.hpp"

#include <algorithm>

namespace asyncio::http {

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
  const Nanoseconds oldest = pool_->scheduler_->time() - pool_->limits_.keepalive;
  while (!host_->idle.empty()) {
    auto connection = pool_->take_out(*host_, host_->idle.size() - 1);
    if (connection->idle_since() > oldest && connection->usable()) return connection;
  }
  pool_->make_room();
  return nullptr;
}

void Slot::offer(UnreadBody& body) {
  if (pool_->waiting_ > 0) {
    body.read_ahead();
  } else {
    body.unlink();
    pool_->unread_.push_back(&body);
  }
}

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

// --- hosts --------------------------------------------------------------------------------------

PooledHost::PooledHost(ConnectionPool& of, std::string_view name) : pool(of), origin(name) {
  HostQueue one;
  one.emplace(0, this);
  place = one.extract(one.begin());
}

// The server has closed it, or says what nobody asked for: an answer to come must not be taken for
// that of the next request.
void PooledHost::on_idle_event(ClientConnection& connection) noexcept {
  if (connection.quiet()) return;
  pool.drop_idle(connection);
  pool.forget_unused(*this);
}

PooledHost& ConnectionPool::host_of(std::string_view origin) {
  auto at = hosts_.find(origin);
  if (at == hosts_.end()) {
    at = hosts_.emplace(std::string(origin), std::make_unique<PooledHost>(*this, origin)).first;
  }
  return *at->second;
}

void ConnectionPool::forget_unused(PooledHost& host) noexcept {
  if (host.in_use > 0 || !host.idle.empty() || !host.waiters.empty()) return;
  hosts_.erase(hosts_.find(std::string_view(host.origin)));
}

// --- the pool -----------------------------------------------------------------------------------

ConnectionPool::ConnectionPool(Scheduler& scheduler, const PoolLimits& limits)
    : scheduler_(&scheduler), limits_(limits) {
  scheduler.attach(*this);
}

ConnectionPool::~ConnectionPool() { close(); }

// A newcomer does not overtake those who wait: were there room for them, they would not wait.
bool ConnectionPool::has_room(const PooledHost& host) const noexcept {
  return host.waiters.empty() && below(in_use_, limits_.total) &&
         below(host.in_use, limits_.per_host);
}

Slot ConnectionPool::try_acquire(std::string_view origin) {
  const auto at = hosts_.find(origin);
  if (at == hosts_.end() || !has_room(*at->second)) return {};
  take(*at->second);
  return {shared_from_this(), *at->second};
}

AcquireSlot ConnectionPool::acquire(std::string_view origin) {
  return {shared_from_this(), host_of(origin)};
}

void ConnectionPool::take(PooledHost& host) noexcept {
  ++in_use_;
  ++host.in_use;
}

void ConnectionPool::give_back(PooledHost& host) noexcept {
  --in_use_;
  --host.in_use;
  settle(host);
  serve_waiters();
  forget_unused(host);
}

void ConnectionPool::enqueue(AcquireSlot& waiter) {
  waiter.ticket_ = next_ticket_++;
  waiter.host_->waiters.push_back(&waiter);
  ++waiting_;
  settle(*waiter.host_);
  base::List<UnreadBody> unread;
  unread.splice_back(unread_);
  while (UnreadBody* body = unread.pop_front()) body->read_ahead();
}

void ConnectionPool::leave_queue(AcquireSlot& waiter) noexcept {
  if (!waiter.linked()) return;
  waiter.unlink();
  --waiting_;
  settle(*waiter.host_);
  forget_unused(*waiter.host_);
}

// Puts the host where it belongs in the queue, or takes it out: after every change of its waiters
// or of what it has in use.
void ConnectionPool::settle(PooledHost& host) noexcept {
  const AcquireSlot* first = host.waiters.front();
  const bool waits = first != nullptr && below(host.in_use, limits_.per_host);
  const bool queued = host.place.empty();
  if (queued && waits && host.ticket == first->ticket_) return;
  if (queued) host.place = queue_.extract(host.ticket);
  if (!waits) return;
  host.ticket = host.place.key() = first->ticket_;
  queue_.insert(std::move(host.place));
}

void ConnectionPool::serve_waiters() noexcept {
  while (!queue_.empty() && below(in_use_, limits_.total)) {
    PooledHost& host = *queue_.begin()->second;
    AcquireSlot* oldest = host.waiters.pop_front();
    --waiting_;
    oldest->granted_ = true;
    take(host);
    settle(host);
    oldest->wake();
  }
}

// --- idle connections ---------------------------------------------------------------------------

void ConnectionPool::keep(PooledHost& host, std::unique_ptr<ClientConnection> connection) {
  host.idle.reserve(host.idle.size() + 1);
  if (!sweeping_) {
    sweeper_ = scheduler_->call_later(limits_.keepalive, [this] { sweep(); });
    sweeping_ = true;
  }
  if (!connection->enter_idle(host, scheduler_->time())) return;
  idle_by_age_.push_back(connection.get());
  host.idle.push_back(std::move(connection));
  ++idle_count_;
}

std::unique_ptr<ClientConnection> ConnectionPool::take_out(PooledHost& host,
                                                           std::size_t index) noexcept {
  const auto at = host.idle.begin() + static_cast<std::ptrdiff_t>(index);
  std::unique_ptr<ClientConnection> connection = std::move(*at);
  host.idle.erase(at);
  --idle_count_;
  connection->unlink();
  connection->leave_idle();
  return connection;
}

void ConnectionPool::drop_idle(ClientConnection& connection) noexcept {
  auto& host = static_cast<PooledHost&>(*connection.idle_owner());
  const auto at = std::find_if(host.idle.begin(), host.idle.end(),
                               [&](const auto& idle) { return idle.get() == &connection; });
  take_out(host, static_cast<std::size_t>(at - host.idle.begin()));
}

// For one more connection, whose slot is taken already.
void ConnectionPool::make_room() noexcept {
  while (limits_.total != 0 && in_use_ + idle_count_ > limits_.total && idle_count_ > 0) {
    auto& host = static_cast<PooledHost&>(*idle_by_age_.front()->idle_owner());
    drop_idle(*idle_by_age_.front());
    forget_unused(host);
  }
}

void ConnectionPool::sweep() {
  sweeping_ = false;
  const Nanoseconds oldest = scheduler_->time() - limits_.keepalive;
  while (ClientConnection* first = idle_by_age_.front()) {
    if (first->idle_since() > oldest) {
      sweeper_ = scheduler_->call_at(first->idle_since() + limits_.keepalive, [this] { sweep(); });
      sweeping_ = true;
      return;
    }
    auto& host = static_cast<PooledHost&>(*first->idle_owner());
    drop_idle(*first);
    forget_unused(host);
  }
}

void ConnectionPool::close() noexcept {
  closed_ = true;
  if (scheduler_ != nullptr) sweeper_.cancel();
  while (ClientConnection* first = idle_by_age_.front()) {
    auto& host = static_cast<PooledHost&>(*first->idle_owner());
    drop_idle(*first);
    forget_unused(host);
  }
}

// The idle connections are closed by the loop too, and each tells its host then.
void ConnectionPool::on_loop_close() noexcept {
  closed_ = true;
  scheduler_ = nullptr;
}

// --- waiting for a slot -------------------------------------------------------------------------

AcquireSlot::~AcquireSlot() {
  if (!pool_) return;
  pool_->leave_queue(*this);
  if (granted_) pool_->give_back(*host_);
}

bool AcquireSlot::await_ready() noexcept {
  if (!pool_->has_room(*host_)) return false;
  pool_->take(*host_);
  granted_ = true;
  return true;
}

bool AcquireSlot::await_suspend(asyncio::detail::Continuation continuation) {
  pool_->enqueue(*this);
  return park(continuation);
}

Slot AcquireSlot::await_resume() {
  if (cancelled()) [[unlikely]]
    std::rethrow_exception(cancellation());
  granted_ = false;
  return {pool_, *host_};
}

bool AcquireSlot::abort() {
  pool_->leave_queue(*this);
  return true;
}

void AcquireSlot::lost() {
  if (std::exchange(granted_, false)) pool_->give_back(*host_);
}

}  // namespace asyncio::http
