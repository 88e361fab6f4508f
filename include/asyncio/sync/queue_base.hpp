// What all queues share, whatever they hold and in which order: how many, who waits, what is
// unfinished. Knows no item.
#pragma once

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "asyncio/sync/event.hpp"
#include "asyncio/sync/wait_queue.hpp"

namespace asyncio {

/// get_nowait() found nothing. Python: asyncio.QueueEmpty.
class QueueEmpty : public std::runtime_error {
 public:
  QueueEmpty() : std::runtime_error("") {}
};

/// put_nowait() found no room. Python: asyncio.QueueFull.
class QueueFull : public std::runtime_error {
 public:
  QueueFull() : std::runtime_error("") {}
};

/// put() after shutdown(), or get() when nothing is left after it. Python: asyncio.QueueShutDown.
class QueueShutDown : public std::runtime_error {
 public:
  QueueShutDown() : std::runtime_error("") {}
};

namespace detail {

class QueueBase;

/// One wait for an item or for room. Neither is handed over: what there is stays in the queue until
/// this task's turn, so a cancelled wait loses nothing, and one that was overtaken waits again.
class QueueWait : public QueuedWait {
 public:
  bool await_suspend(Continuation continuation);
  [[nodiscard]] std::exception_ptr error() const { return failure(); }

 protected:
  enum class Side : unsigned char { getters, putters };
  QueueWait(QueueBase& queue, Side side) noexcept : side_(side), queue_(&queue) {}

  /// Whether there is an item, or room; also when there never will be, and then with the refusal.
  [[nodiscard]] bool item_ready() noexcept;
  [[nodiscard]] bool room_ready() noexcept;

 private:
  bool abort() override;
  bool retry() override;
  void lost() override;
  [[nodiscard]] WaitQueue& waiters() noexcept;

  Side side_;

 protected:
  QueueBase* queue_;
};

class QueueGetWait : public QueueWait {
 public:
  explicit QueueGetWait(QueueBase& queue) noexcept : QueueWait(queue, Side::getters) {}
  [[nodiscard]] bool await_ready() noexcept { return item_ready(); }
};

class QueuePutWait : public QueueWait {
 public:
  explicit QueuePutWait(QueueBase& queue) noexcept : QueueWait(queue, Side::putters) {}
  [[nodiscard]] bool await_ready() noexcept { return room_ready(); }
};

class QueueBase : private LoopBound {
 public:
  explicit QueueBase(std::ptrdiff_t maxsize) noexcept : maxsize_(maxsize) { finished_.set(); }
  QueueBase(const QueueBase&) = delete;
  QueueBase& operator=(const QueueBase&) = delete;

  /// How many items are in it. Python: Queue.qsize.
  [[nodiscard]] std::size_t qsize() const noexcept { return size_; }
  /// How many it may hold; zero or less: any number. Python: Queue.maxsize.
  [[nodiscard]] std::ptrdiff_t maxsize() const noexcept { return maxsize_; }
  /// Python: Queue.empty.
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Whether it holds maxsize() items; never when that is unlimited. Python: Queue.full.
  [[nodiscard]] bool full() const noexcept {
    return maxsize_ > 0 && size_ >= static_cast<std::size_t>(maxsize_);
  }

  /// One item that was got has been dealt with. ValueError when called more often than items were
  /// put. Python: Queue.task_done.
  void task_done();
  /// Waits until task_done() was called for every item that was put. Does not suspend when nothing
  /// is unfinished. A cancelled wait just leaves. Python: Queue.join.
  [[nodiscard]] EventAwaiter<void> join() noexcept { return EventAwaiter<void>(finished_); }

 protected:
  ~QueueBase() = default;

  /// Before taking out: QueueEmpty or QueueShutDown when there is nothing.
  void check_get() const {
    if (empty()) [[unlikely]]
      refuse_get();
  }
  /// Before putting in: QueueFull or QueueShutDown.
  void check_put() const {
    if (shut_down_ || full()) [[unlikely]]
      refuse_put();
  }
  void item_added() noexcept {
    ++size_;
    ++unfinished_;
    finished_.clear();
    getters_.wake_next();
  }
  void item_taken() noexcept {
    --size_;
    putters_.wake_next();
  }
  /// One that was woken took or added nothing (cancelled, or the move failed): another one may.
  void get_failed() noexcept;
  void put_failed() noexcept;
  // The steps of shutdown(): no more puts, items dropped, all who wait look again.
  void refuse_puts() noexcept { shut_down_ = true; }
  void item_dropped() noexcept;
  void wake_all() noexcept;

  /// "maxsize=2 _queue=[1, 2] _getters[1] tasks=2", with `items` in the middle.
  [[nodiscard]] std::string format(std::string_view name, std::string_view items) const;

 private:
  friend class QueueWait;

  [[noreturn]] ASYNCIO_COLD void refuse_get() const;
  [[noreturn]] ASYNCIO_COLD void refuse_put() const;

  std::ptrdiff_t maxsize_;
  std::size_t size_ = 0;
  std::size_t unfinished_ = 0;
  WaitQueue getters_;
  WaitQueue putters_;
  Event finished_;
  bool shut_down_ = false;
};

inline bool QueueWait::item_ready() noexcept {
  if (!queue_->empty()) [[likely]]
    return true;
  if (!queue_->shut_down_) return false;
  refusal_ = std::make_exception_ptr(QueueShutDown());
  return true;
}

inline bool QueueWait::room_ready() noexcept {
  if (queue_->shut_down_) [[unlikely]] {
    refusal_ = std::make_exception_ptr(QueueShutDown());
    return true;
  }
  return !queue_->full();
}

}  // namespace detail
}  // namespace asyncio
