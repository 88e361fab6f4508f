// Timers ordered by deadline, as an intrusive 4-ary heap.
//
// Cancelling must be cheap, because most timeouts never fire: a node knows its place in the heap,
// so removal is O(log n) and immediate. Four children a level halve the depth and keep siblings in
// one cache line. Equal deadlines come out in the order in which they went in (CPython promises
// nothing there; first in, first out is what people expect).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "asyncio/base/check.hpp"
#include "asyncio/base/delay.hpp"

namespace asyncio::base {

/// Derive from it to be in a TimerHeap. While in a heap it must stay where it is in memory.
struct HeapNode {
  static constexpr std::uint32_t kOut = ~std::uint32_t{0};

  Nanoseconds deadline{0};
  std::uint64_t order = 0;     // decides between equal deadlines
  std::uint32_t place = kOut;  // index in the heap

  [[nodiscard]] bool in_heap() const noexcept { return place != kOut; }
};

class TimerHeap {
 public:
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] HeapNode* top() const noexcept {
    return entries_.empty() ? nullptr : entries_.front().node;
  }

  /// `node->deadline` is set by the caller. Throws std::bad_alloc, and then nothing has changed.
  void push(HeapNode* node) {
    ASYNCIO_DEBUG_CHECK(!node->in_heap(), "a timer can be armed once at a time");
    entries_.push_back({node->deadline, node});
    node->order = next_order_++ * scatter_;
    rise(entries_.size() - 1, {node->deadline, node});
  }

  /// Takes `node` out; it must be in this heap.
  void remove(HeapNode* node) noexcept {
    const std::size_t hole = node->place;
    ASYNCIO_DEBUG_CHECK(hole < entries_.size() && entries_[hole].node == node, "not in this heap");
    node->place = HeapNode::kOut;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (last.node == node) return;
    if (hole > 0 && before(last, entries_[parent(hole)])) {
      rise(hole, last);
    } else {
      sink(hole, last);
    }
  }

  HeapNode* pop() noexcept {
    HeapNode* first = top();
    if (first != nullptr) remove(first);
    return first;
  }

  /// How many have a deadline up to `now`. Takes as long as there are of these.
  [[nodiscard]] std::size_t count_until(Nanoseconds now) const noexcept {
    return count_until(now, 0);
  }

  /// Takes all with a deadline up to `now` out, in order: `take(HeapNode*)` of each. For many:
  /// sorts once and builds the rest anew, where each pop() would touch a node on every level.
  template <class Take>
  void take_until(Nanoseconds now, Take take) {
    const auto begin = entries_.begin();
    const auto rest = std::partition(begin, entries_.end(),
                                     [now](const Entry& entry) { return entry.deadline <= now; });
    if (!std::is_sorted(begin, rest, &before)) std::sort(begin, rest, &before);
    for (auto entry = begin; entry != rest; ++entry) {
      entry->node->place = HeapNode::kOut;
      take(entry->node);
    }
    entries_.erase(begin, rest);
    for (std::size_t at = entries_.size(); at-- > 0;) sink(at, entries_[at]);
  }

  /// For tests: equal deadlines come out in an order that an odd number chooses; 1: as they went
  /// in.
  void scatter_equal(std::uint64_t odd) noexcept { scatter_ = odd | 1; }

 private:
  struct Entry {
    Nanoseconds deadline;
    HeapNode* node;
  };
  static constexpr std::size_t kArity = 4;

  static std::size_t parent(std::size_t at) noexcept { return (at - 1) / kArity; }
  static bool before(const Entry& a, const Entry& b) noexcept {
    return a.deadline < b.deadline || (a.deadline == b.deadline && a.node->order < b.node->order);
  }
  void put(std::size_t at, const Entry& entry) noexcept {
    entries_[at] = entry;
    entry.node->place = static_cast<std::uint32_t>(at);
  }

  [[nodiscard]] std::size_t count_until(Nanoseconds now, std::size_t at) const noexcept {
    if (at >= entries_.size() || entries_[at].deadline > now) return 0;
    std::size_t count = 1;
    for (std::size_t i = 1; i <= kArity; ++i) count += count_until(now, at * kArity + i);
    return count;
  }

  void rise(std::size_t at, Entry entry) noexcept {
    while (at > 0 && before(entry, entries_[parent(at)])) {
      put(at, entries_[parent(at)]);
      at = parent(at);
    }
    put(at, entry);
  }

  void sink(std::size_t at, Entry entry) noexcept {
    const std::size_t count = entries_.size();
    for (;;) {
      const std::size_t first = at * kArity + 1;
      if (first >= count) break;
      const std::size_t end = first + kArity < count ? first + kArity : count;
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(entries_[child], entries_[least])) least = child;
      }
      if (!before(entries_[least], entry)) break;
      put(at, entries_[least]);
      at = least;
    }
    put(at, entry);
  }

  std::vector<Entry> entries_;
  std::uint64_t next_order_ = 0;
  std::uint64_t scatter_ = 1;
};

}  // namespace asyncio::base
