// Who waits for a lock, an event, a queue, in order: the part that all of them share.
//
// Python keeps a deque of futures. A future that was set or cancelled stays in it until its task
// has had its turn, and what a newcomer may do depends on that. Here the parked await is the node
// itself, and stays as long.
#pragma once

#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

#include "asyncio/base/list.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

class WaitQueue;

/// One wait of a task in a WaitQueue. The derived awaiter takes itself out once its turn has come.
class QueuedWait : public Suspend, public base::ListNode {
 public:
  QueuedWait() = default;
  QueuedWait(QueuedWait&& other) noexcept : Suspend(std::move(other)) {}

 protected:
  ~QueuedWait() {
    if (linked()) [[unlikely]]
      leave_queue();
  }

  /// Queues up at the end and parks. Returns true, for await_suspend to return.
  bool wait_in(WaitQueue& queue, Continuation continuation) noexcept;
  /// Cancelled while parked: no longer to be woken, but in the queue until the task's turn.
  bool abort() override;

  /// Why the await fails: what was found before it parked, or the cancellation; else null.
  [[nodiscard]] std::exception_ptr failure() const {
    if (refusal_) [[unlikely]]
      return refusal_;
    return cancellation();
  }
  void check() const {
    if (cancelled() || refusal_) [[unlikely]]
      std::rethrow_exception(failure());
  }

  std::exception_ptr refusal_;

 private:
  friend class WaitQueue;
  ASYNCIO_COLD void leave_queue() noexcept;

  WaitQueue* queue_ = nullptr;
  bool aborted_ = false;
};

/// A FIFO of waiters: some still wait, some were woken or cancelled and have not had their turn.
/// All operations but size() take constant time (waking: per waiter).
class WaitQueue {
 public:
  WaitQueue() = default;
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;
  /// Nobody should be left in it: a task that is, is reported and cancelled.
  ~WaitQueue() {
    if (!waiters_.empty()) [[unlikely]]
      drop_waiters();
  }

  void add(QueuedWait& waiter) noexcept;
  /// Its turn has come, or it goes. False when it had been cancelled before anyone woke it.
  bool remove(QueuedWait& waiter) noexcept;
  /// It is cancelled: passed over from now on.
  void abort(QueuedWait& waiter) noexcept;

  /// Wakes the first that still waits. False when there is none.
  bool wake_next() noexcept {
    if (next_ == nullptr) return false;
    wake_one();
    return true;
  }
  /// Wakes the head, if it still waits: otherwise its turn is to come, and it sees to the rest.
  void wake_head() noexcept {
    if (next_ != nullptr && next_ == waiters_.front()) wake_one();
  }
  void wake_all() noexcept {
    while (wake_next()) {
    }
  }

  /// Somebody waits, or was woken and has not had the turn: newcomers are to queue up behind.
  [[nodiscard]] bool contended() const noexcept { return live_ != 0; }
  /// All that are in it, also the cancelled ones whose turn is to come. Linear.
  [[nodiscard]] std::size_t size() const noexcept;
  /// Those who still wait. Linear.
  [[nodiscard]] std::size_t waiting() const noexcept;

 private:
  void wake_one() noexcept;
  void advance() noexcept;
  ASYNCIO_COLD void drop_waiters() noexcept;

  base::List<QueuedWait> waiters_;
  QueuedWait* next_ = nullptr;  // the first that still waits; behind it only the cancelled do not
  std::size_t live_ = 0;        // without the cancelled ones
};

/// Bound to the loop of the first wait that parks: rule of all primitives, so that one that is
/// made before the loop can be used in it. Not thread-safe.
class LoopBound {
 public:
  /// Whether the running loop is the one. Binds when it is the first.
  [[nodiscard]] bool bind() noexcept;
  /// RuntimeError("<repr> is bound to a different event loop").
  [[nodiscard]] ASYNCIO_COLD static std::exception_ptr other_loop(std::string_view repr);

 private:
  Scheduler* loop_ = nullptr;
};

/// "<asyncio.Lock [unlocked, waiters:2]>".
[[nodiscard]] std::string primitive_repr(std::string_view name, std::string_view state,
                                         std::size_t waiters);

}  // namespace detail
}  // namespace asyncio
