// A loop as other threads may keep it.
#pragma once

#include <mutex>

#include "asyncio/base/function.hpp"

namespace asyncio {

class BlockingJob;
class Scheduler;

namespace detail {

/// The way to a loop that may close, and go, at any moment: Scheduler::remote() gives it. Any
/// thread.
class RemoteLoop {
 public:
  explicit RemoteLoop(Scheduler& loop) noexcept : loop_(&loop) {}

  /// Runs `callback` in the loop's next turn. False when the loop has closed: nothing runs, and the
  /// callback is as it was.
  bool call_soon(base::UniqueFunction<void()>& callback);
  /// Takes a job that has run home; when the loop has closed, the job's done() is called here.
  void deliver(BlockingJob& job) noexcept;
  /// The same, but false when the loop has closed, and then done() is not called.
  bool try_deliver(BlockingJob& job) noexcept;
  /// The loop closes.
  void detach() noexcept;

 private:
  std::mutex mutex_;
  Scheduler* loop_;
};

}  // namespace detail
}  // namespace asyncio
