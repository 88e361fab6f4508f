// A deadline that runs something.
#pragma once

#include "asyncio/base/heap.hpp"
#include "asyncio/base/list.hpp"

namespace asyncio {

/// Intrusive: lives in the awaiter or handle that waits, so arming a timer allocates nothing. Armed
/// and disarmed through the Scheduler. When its deadline has come it runs in that turn, after the
/// ready queue, once; disarming it in the same turn still prevents that.
class TimerNode : public base::HeapNode, public base::ListNode {
 public:
  using Callback = void (*)(TimerNode*);

  explicit TimerNode(Callback callback) noexcept : run(callback) {}
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;
  ~TimerNode() { ASYNCIO_DEBUG_CHECK(!in_heap(), "a timer was destroyed while armed"); }

  /// Waits for its deadline, or is due and has not run yet.
  [[nodiscard]] bool armed() const noexcept { return in_heap() || linked(); }

  Callback run;
};

}  // namespace asyncio
