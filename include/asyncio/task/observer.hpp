// A door for tests: to be told what every task does, and so to be able to cancel it at any moment.
#pragma once

namespace asyncio::detail {

class TaskBase;

/// Told of all tasks of all loops while it is installed, which only one can be, and only while no
/// other thread runs a loop. Without one each of these events costs a test of a pointer.
class TaskObserver {
 public:
  /// Its first step is queued or about to be made.
  virtual void on_start(TaskBase& task) noexcept = 0;
  /// It suspends: it waits, or it goes on in the next turn (`woken`). Its coroutine is still on the
  /// stack; on_step_end comes when it is not.
  virtual void on_park(TaskBase& task, bool woken) noexcept = 0;
  /// It was made ready. It may be cancelled here.
  virtual void on_wake(TaskBase& task) noexcept = 0;
  /// A step is over: control is back with the loop, or with the task that started this one eagerly.
  /// Tasks may be cancelled here.
  virtual void on_step_end() noexcept = 0;

  static inline constinit TaskObserver* installed = nullptr;

 protected:
  ~TaskObserver() = default;
};

}  // namespace asyncio::detail
