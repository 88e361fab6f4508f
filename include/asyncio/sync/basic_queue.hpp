// The typed shell of all queues: moves items in and out. What happens when, is in queue_base.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "asyncio/sync/queue_base.hpp"

namespace asyncio {

/// How a queue keeps its items: `push` adds one, `pop` gives the next one. What Python's _put and
/// _get override. When pop throws, the item stays in.
template <class Items, class T>
concept QueueItems = requires(Items& items, T item) {
  items.push(std::move(item));
  { items.pop() } -> std::same_as<T>;
};

template <class T, class Items>
  requires QueueItems<Items, T>
class BasicQueue;

/// What get() gives.
template <class T, class Items>
class QueueGet final : public detail::QueueGetWait, public AsCoro<QueueGet<T, Items>, T> {
 public:
  explicit QueueGet(BasicQueue<T, Items>& queue) noexcept : QueueGetWait(queue) {}

  T await_resume() {
    check();
    return static_cast<BasicQueue<T, Items>*>(queue_)->take();
  }
};

/// What put() gives. It holds the item until there is room.
template <class T, class Items>
class QueuePut final : public detail::QueuePutWait, public AsCoro<QueuePut<T, Items>, void> {
 public:
  QueuePut(BasicQueue<T, Items>& queue, T&& item) noexcept(std::is_nothrow_move_constructible_v<T>)
      : QueuePutWait(queue), item_(std::move(item)) {}

  void await_resume() {
    check();
    static_cast<BasicQueue<T, Items>*>(queue_)->add(std::move(item_));
  }

 private:
  T item_;
};

namespace detail {

/// An item in a queue's repr, where it has an obvious text.
template <class T>
std::string item_text(const T& item) {
  if constexpr (std::is_same_v<T, bool>) {
    return item ? "True" : "False";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(item);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return "'" + std::string(std::string_view(item)) + "'";
  } else {
    return "...";
  }
}

}  // namespace detail

/// A queue of T between tasks of one loop, with its items kept by `Items`; usually a Queue,
/// LifoQueue or PriorityQueue. T needs to be movable only.
///
/// Waiting getters and putters are woken first come, first served, one per item or free slot. What
/// a woken one was woken for is not reserved: one that comes in between may take it, and the woken
/// one waits again, at the end. No item and no slot is lost when a wait is cancelled.
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Must outlive who
/// waits for it: a task that still does is cancelled, with a warning. Loop thread only.
template <class T, class Items>
  requires QueueItems<Items, T>
class BasicQueue : public detail::QueueBase {
 public:
  using value_type = T;

  /// Zero or less: any number of items.
  explicit BasicQueue(std::ptrdiff_t maxsize = 0, Items items = Items())
      : QueueBase(maxsize), items_(std::move(items)) {}

  /// Adds an item, waits while there is no room. Does not suspend when there is. Cancelled, it has
  /// not added the item, which goes with the await. QueueShutDown. Python: Queue.put.
  [[nodiscard]] QueuePut<T, Items> put(T item) { return {*this, std::move(item)}; }
  /// Takes the next item, waits while there is none. Does not suspend when there is one. Cancelled,
  /// it has taken none. QueueShutDown when nothing is left after shutdown(). Python: Queue.get.
  [[nodiscard]] QueueGet<T, Items> get() noexcept { return QueueGet<T, Items>(*this); }
  /// Adds an item at once; QueueFull, QueueShutDown. Python: Queue.put_nowait.
  void put_nowait(T item) {
    check_put();
    add(std::move(item));
  }
  /// Takes an item at once; QueueEmpty, QueueShutDown. Python: Queue.get_nowait.
  T get_nowait() {
    check_get();
    return take();
  }

  /// No more puts: they throw QueueShutDown from now on, also those that wait. get() goes on until
  /// the queue is empty. `immediate`: it is emptied now, and its items count as done for join().
  /// A second call may only add `immediate`. Python: Queue.shutdown.
  void shutdown(bool immediate = false) {
    refuse_puts();
    while (immediate && !empty()) {
      [[maybe_unused]] T dropped = items_.pop();
      item_dropped();
    }
    wake_all();
  }

 protected:
  /// The items, for a repr.
  [[nodiscard]] const Items& items() const noexcept { return items_; }
  [[nodiscard]] std::string describe(std::string_view name) const {
    std::string text;
    if constexpr (requires { items_.begin(); }) {
      for (const T& item : items_) {
        text += text.empty() ? "[" : ", ";
        text += detail::item_text(item);
      }
      if (!text.empty()) text += ']';
    }
    return format(name, text);
  }

 private:
  friend class QueueGet<T, Items>;
  friend class QueuePut<T, Items>;

  T take() {
    try {
      T item = items_.pop();
      item_taken();
      return item;
    } catch (...) {
      get_failed();
      throw;
    }
  }
  void add(T&& item) {
    try {
      items_.push(std::move(item));
    } catch (...) {
      put_failed();
      throw;
    }
    item_added();
  }

  Items items_;
};

}  // namespace asyncio
