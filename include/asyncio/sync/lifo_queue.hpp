// LifoQueue: last in, first out.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "asyncio/sync/basic_queue.hpp"

namespace asyncio {

namespace detail {

template <class T>
class LifoItems {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
  [[nodiscard]] auto end() const noexcept { return items_.end(); }

 private:
  std::vector<T> items_;
};

}  // namespace detail

/// A queue that gives the item that was put last. Python: asyncio.LifoQueue.
template <class T>
class LifoQueue : public BasicQueue<T, detail::LifoItems<T>> {
 public:
  using BasicQueue<T, detail::LifoItems<T>>::BasicQueue;
  /// Python: repr.
  [[nodiscard]] std::string repr() const { return this->describe("LifoQueue"); }
};

}  // namespace asyncio
