// Queue: first in, first out.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "asyncio/sync/basic_queue.hpp"

namespace asyncio {

namespace detail {

template <class T>
class FifoItems {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
  [[nodiscard]] auto end() const noexcept { return items_.end(); }

 private:
  std::deque<T> items_;
};

}  // namespace detail

/// Hands items from tasks that put to tasks that get, in the order of the puts; a queue with a
/// `maxsize` makes producers wait. See BasicQueue for the methods. Python: asyncio.Queue.
template <class T>
class Queue : public BasicQueue<T, detail::FifoItems<T>> {
 public:
  using BasicQueue<T, detail::FifoItems<T>>::BasicQueue;
  /// "<asyncio.Queue maxsize=2 _queue=[1, 2] tasks=2>". Python: repr.
  [[nodiscard]] std::string repr() const { return this->describe("Queue"); }
};

}  // namespace asyncio
