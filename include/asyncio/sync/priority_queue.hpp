// PriorityQueue: the smallest first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/sync/basic_queue.hpp"

namespace asyncio {

namespace detail {

/// A binary heap with the moves of Python's heapq, so that equal items come out in its order too.
/// A comparison that throws loses no item.
template <class T, class Compare>
class HeapItems {
 public:
  explicit HeapItems(Compare less = Compare()) : less_(std::move(less)) {}

  void push(T&& item) {
    items_.push_back(std::move(item));
    try {
      sift_towards_root(0, items_.size() - 1);
    } catch (...) {
      items_.pop_back();
      throw;
    }
  }
  T pop() {
    using std::swap;
    if (items_.size() > 1) {
      swap(items_.front(), items_.back());
      sift_to_leaf_and_back(items_.size() - 1);
    }
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
  [[nodiscard]] auto end() const noexcept { return items_.end(); }

 private:
  // All comparisons come first: one that throws has moved nothing.
  void sift_towards_root(std::size_t root, std::size_t at) {
    using std::swap;
    const auto parent = [](std::size_t of) { return (of - 1) / 2; };
    std::size_t to = at;
    while (to > root && less_(items_[at], items_[parent(to)])) to = parent(to);
    for (; at > to; at = parent(at)) swap(items_[at], items_[parent(at)]);
  }
  // The new root goes down along the smaller children and then up to its place: it came from the
  // end and most likely belongs there.
  void sift_to_leaf_and_back(std::size_t size) {
    using std::swap;
    std::size_t at = 0;
    for (std::size_t child = 1; child < size; child = 2 * at + 1) {
      const std::size_t right = child + 1;
      if (right < size && !less_(items_[child], items_[right])) child = right;
      swap(items_[at], items_[child]);
      at = child;
    }
    sift_towards_root(0, at);
  }

  std::vector<T> items_;
  Compare less_;
};

}  // namespace detail

/// A queue that gives the smallest item, as `Compare` has it. Equal ones come in no promised order:
/// put a counter into the item where that matters. Python: asyncio.PriorityQueue.
template <class T, class Compare = std::less<T>>
class PriorityQueue : public BasicQueue<T, detail::HeapItems<T, Compare>> {
 public:
  /// `less(a, b)`: a comes out before b. What it throws comes out of put(), which has then added
  /// nothing, or out of get(), which has taken nothing.
  explicit PriorityQueue(std::ptrdiff_t maxsize = 0, Compare less = Compare())
      : BasicQueue<T, detail::HeapItems<T, Compare>>(
            maxsize, detail::HeapItems<T, Compare>(std::move(less))) {}
  /// Python: repr.
  [[nodiscard]] std::string repr() const { return this->describe("PriorityQueue"); }
};

}  // namespace asyncio
