// Which request may use which connection: limits, queues, idle connections. Decides; does no I/O.
//
// A slot is the right to have one connection in use. Requests that find none queue in order; a slot
// that becomes free goes to the oldest that may have it. A slot is an object, so that whatever
// happens to its holder (an error, a cancellation at any await) it comes back. Idle connections
// count towards the limit too: the oldest goes when a new one needs its place.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/suspend.hpp"
#include "http/client_connection.hpp"

namespace asyncio::http {

class ConnectionPool;
class AcquireSlot;
struct PooledHost;

struct PoolLimits {
  std::size_t total = 100;   // 0: no limit
  std::size_t per_host = 0;  // 0: no limit
  Nanoseconds keepalive{0};
};

/// Hosts that have room and somebody who waits, by the number of their first waiter.
using HostQueue = std::map<std::uint64_t, PooledHost*>;

/// What the pool knows of one origin ("http://host:port"). Goes when nothing is left of it: a
/// crawler meets many.
struct PooledHost final : ClientConnection::IdleOwner {
  PooledHost(ConnectionPool& of, std::string_view name);
  void on_idle_event(ClientConnection& connection) noexcept override;

  ConnectionPool& pool;
  std::string origin;
  std::size_t in_use = 0;
  // The newest is used first: the others may then grow old.
  std::vector<std::unique_ptr<ClientConnection>> idle;
  base::List<AcquireSlot> waiters;  // oldest first
  // Its node in the queue of hosts, while it is not in there: entering must not fail.
  HostQueue::node_type place;
  std::uint64_t ticket = 0;  // its key, while it is
};

/// A response whose body nobody reads at the moment, and which holds a slot meanwhile.
class UnreadBody : public base::ListNode {
 public:
  /// Others queue for its slot: read the body, so that they get it.
  virtual void read_ahead() = 0;

 protected:
  ~UnreadBody() = default;
};

/// The right to one connection, with the idle connection that came with it, if any.
class Slot {
 public:
  Slot() = default;
  Slot(std::shared_ptr<ConnectionPool> pool, PooledHost& host) noexcept;
  Slot(Slot&& other) noexcept;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot() { release(); }

  explicit operator bool() const noexcept { return host_ != nullptr; }
  /// Takes an idle connection that is still open, or null: then make one.
  std::unique_ptr<ClientConnection> take_idle();
  /// From now on `body` is told when requests queue for a slot: once, and at once when they do.
  void offer(UnreadBody& body);
  /// Gives the slot back and keeps `connection` for the next request.
  void release_with(std::unique_ptr<ClientConnection> connection) noexcept;
  void release() noexcept;

 private:
  std::shared_ptr<ConnectionPool> pool_;
  PooledHost* host_ = nullptr;
};

class ConnectionPool final : public std::enable_shared_from_this<ConnectionPool>,
                             private LoopResource {
 public:
  ConnectionPool(Scheduler& scheduler, const PoolLimits& limits);
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool();

  /// A slot if nobody has to wait for one, else an empty one.
  Slot try_acquire(std::string_view origin);
  /// `Slot slot = co_await pool->acquire(origin)`. FIFO; cancelling leaves the queue.
  AcquireSlot acquire(std::string_view origin);

  /// Closes the idle connections; those in use go when their requests end.
  void close() noexcept;
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  /// How many origins it knows.
  [[nodiscard]] std::size_t hosts() const noexcept { return hosts_.size(); }
  /// Null when the loop has closed.
  [[nodiscard]] Scheduler* scheduler() const noexcept { return scheduler_; }

 private:
  friend class Slot;
  friend class AcquireSlot;
  friend struct PooledHost;

  [[nodiscard]] static bool below(std::size_t used, std::size_t limit) noexcept {
    return limit == 0 || used < limit;
  }
  PooledHost& host_of(std::string_view origin);
  [[nodiscard]] bool has_room(const PooledHost& host) const noexcept;
  void forget_unused(PooledHost& host) noexcept;
  void take(PooledHost& host) noexcept;
  void give_back(PooledHost& host) noexcept;
  void enqueue(AcquireSlot& waiter);
  void leave_queue(AcquireSlot& waiter) noexcept;
  void settle(PooledHost& host) noexcept;
  void serve_waiters() noexcept;
  void keep(PooledHost& host, std::unique_ptr<ClientConnection> connection);
  std::unique_ptr<ClientConnection> take_out(PooledHost& host, std::size_t index) noexcept;
  void drop_idle(ClientConnection& connection) noexcept;
  void make_room() noexcept;
  void sweep();
  void on_loop_close() noexcept override;

  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Scheduler* scheduler_;
  PoolLimits limits_;
  std::unordered_map<std::string, std::unique_ptr<PooledHost>, NameHash, std::equal_to<>> hosts_;
  HostQueue queue_;
  base::List<ClientConnection> idle_by_age_;
  base::List<UnreadBody> unread_;
  std::size_t in_use_ = 0;
  std::size_t idle_count_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t next_ticket_ = 0;
  TimerHandle sweeper_;
  bool sweeping_ = false;
  bool closed_ = false;
};

/// Await of ConnectionPool::acquire. A waiter that is woken has its slot already: cancelled before
/// its turn, it hands the slot on.
class AcquireSlot final : public Suspend, public base::ListNode {
 public:
  AcquireSlot(std::shared_ptr<ConnectionPool> pool, PooledHost& host) noexcept
      : pool_(std::move(pool)), host_(&host) {}
  AcquireSlot(AcquireSlot&& other) noexcept
      : Suspend(std::move(other)), pool_(std::move(other.pool_)), host_(other.host_) {}
  ~AcquireSlot();

  bool await_ready() noexcept;
  bool await_suspend(asyncio::detail::Continuation continuation);
  Slot await_resume();
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 private:
  friend class ConnectionPool;
  bool abort() override;
  void lost() override;

  std::shared_ptr<ConnectionPool> pool_;
  PooledHost* host_;
  std::uint64_t ticket_ = 0;
  bool granted_ = false;
};

}  // namespace asyncio::http
