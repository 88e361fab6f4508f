// Which request may use which connection: limits, queues, idle connections. Decides; does no I/O.
//
// A slot is the right to have one connection in use. Requests that find none queue in order; a slot
// that becomes free goes to the oldest that may have it. A slot is an object, so that whatever
// happens to its holder (an error, a cancellation at any await) it comes back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio::http {

class ClientConnection;
class ConnectionPool;

struct PoolLimits {
  std::size_t total = 100;    // 0: no limit
  std::size_t per_host = 0;   // 0: no limit
  Nanoseconds keepalive{0};
};

class AcquireSlot;

/// What the pool knows of one origin ("http://host:port").
struct PooledHost {
  struct Idle {
    std::unique_ptr<ClientConnection> connection;
    Nanoseconds since;
  };
  std::string origin;
  std::size_t in_use = 0;
  std::vector<Idle> idle;           // the newest is used first: the others may then grow old
  base::List<AcquireSlot> waiters;  // oldest first

  PooledHost();
  ~PooledHost();
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
  /// Whether requests queue for a slot.
  [[nodiscard]] bool others_wait() const noexcept;
  /// Gives the slot back and keeps `connection` for the next request.
  void release_with(std::unique_ptr<ClientConnection> connection) noexcept;
  void release() noexcept;

 private:
  std::shared_ptr<ConnectionPool> pool_;
  PooledHost* host_ = nullptr;
};

class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  ConnectionPool(Scheduler& scheduler, const PoolLimits& limits);
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;
  ~ConnectionPool();

  /// `Slot slot = co_await pool->acquire(origin)`. FIFO; cancelling leaves the queue.
  AcquireSlot acquire(std::string_view origin);

  /// Closes the idle connections; those in use go when their requests end.
  void close() noexcept;
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }
  [[nodiscard]] std::size_t idle() const noexcept;
  [[nodiscard]] Scheduler& scheduler() const noexcept { return scheduler_; }

 private:
  friend class Slot;
  friend class AcquireSlot;

  [[nodiscard]] bool below(std::size_t used, std::size_t limit) const noexcept {
    return limit == 0 || used < limit;
  }
  [[nodiscard]] bool has_room(const PooledHost& host) const noexcept {
    return below(in_use_, limits_.total) && below(host.in_use, limits_.per_host);
  }
  PooledHost& host_of(std::string_view origin);
  void take(PooledHost& host) noexcept;
  void give_back(PooledHost& host) noexcept;
  void serve_waiters() noexcept;
  void keep(PooledHost& host, std::unique_ptr<ClientConnection> connection);
  void sweep();
  void schedule_sweep();

  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  Scheduler& scheduler_;
  PoolLimits limits_;
  std::unordered_map<std::string, std::unique_ptr<PooledHost>, NameHash, std::equal_to<>> hosts_;
  std::size_t in_use_ = 0;
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
