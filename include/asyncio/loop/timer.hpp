// A deadline that runs something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "asyncio/base/heap.hpp"

namespace asyncio {

class DueTimers;

/// Intrusive: lives in the awaiter or handle that waits, so arming a timer allocates nothing. Armed
/// and disarmed through the Scheduler. When its deadline has come it runs in that turn, after the
/// ready queue, once; disarming it in the same turn still prevents that.
class TimerNode : public base::HeapNode {
 public:
  using Callback = void (*)(TimerNode*);

  explicit TimerNode(Callback callback) noexcept : run(callback) {}
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { ASYNCIO_DEBUG_CHECK(!armed(), "a timer was destroyed while armed"); }

  /// Waits for its deadline, or is due and has not run yet.
  [[nodiscard]] bool armed() const noexcept { return in_heap() || is_due(); }

 private:
  friend class DueTimers;
  [[nodiscard]] bool is_due() const noexcept { return due_place_ != kOut; }

  std::uint32_t due_place_ = kOut;  // fills up the base class

 public:
  Callback run;
};

/// The timers whose deadlines have come, in the order in which they are to run. Not a list through
/// the nodes: two words less in each of a million sleepers.
class DueTimers {
 public:
  /// With room for some, so that a loop that has no more memory goes on.
  DueTimers() { timers_.reserve(64); }

  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }

  /// Takes those whose deadline is not after `now` out of `heap`. If there is no memory to keep
  /// them all, the others stay there for another time.
  void collect(base::TimerHeap& heap, Nanoseconds now) noexcept {
    for (unsigned singly = 0; heap.top() != nullptr && heap.top()->deadline <= now; ++singly) {
      if (singly == kMany && collect_many(heap, now)) return;
      if (!reserve(1)) return;
      add(heap.pop());
    }
  }
  /// Takes the first, or gives null.
  TimerNode* pop_front() noexcept {
    while (next_ < timers_.size()) {
      TimerNode* timer = timers_[next_++];
      if (timer == nullptr) continue;  // removed
      timer->due_place_ = base::HeapNode::kOut;
      --count_;
      return timer;
    }
    timers_.clear();
    next_ = 0;
    return nullptr;
  }
  void remove(TimerNode& timer) noexcept {
    timers_[timer.due_place_] = nullptr;
    timer.due_place_ = base::HeapNode::kOut;
    --count_;
  }

 private:
  static constexpr unsigned kMany = 64;

  bool collect_many(base::TimerHeap& heap, Nanoseconds now) noexcept {
    const std::size_t due = heap.count_until(now);
    if (due < heap.size() / 4 || !reserve(due)) return false;
    heap.take_until(now, [this](base::HeapNode* node) { add(node); });
    return true;
  }
  [[nodiscard]] bool reserve(std::size_t more) noexcept {
    const std::size_t size = timers_.size() + more;
    if (size <= timers_.capacity()) return true;
    try {
      timers_.reserve(std::max(size, 2 * timers_.capacity()));
    } catch (...) {
      return false;
    }
    return true;
  }
  void add(base::HeapNode* node) noexcept {
    auto* timer = static_cast<TimerNode*>(node);
    timer->due_place_ = static_cast<std::uint32_t>(timers_.size());
    timers_.push_back(timer);
    ++count_;
  }

  std::vector<TimerNode*> timers_;
  std::size_t next_ = 0;
  std::size_t count_ = 0;
};

}  // namespace asyncio
