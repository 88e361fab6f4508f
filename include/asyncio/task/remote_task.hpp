// A task as other threads may keep it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

namespace asyncio {

namespace detail {
class RemoteTaskState;
class TaskBase;
}  // namespace detail

/// What `task.remote()` gives: a reference that any thread may hold, copy, use and drop, and that
/// may outlive task and loop. (A Task itself belongs to its loop's thread; its count is not
/// atomic.)
class RemoteTask {
 public:
  /// Refers to none: done() is true.
  RemoteTask() = default;
  explicit RemoteTask(std::shared_ptr<detail::RemoteTaskState> state) noexcept
      : state_(std::move(state)) {}

  /// Asks the loop to cancel the task in its next turn. False when it is done already, as far as
  /// this thread can tell. As Task.cancel, from any thread.
  bool cancel(std::string_view message = {}) const;
  /// Whether it has ended, or its loop was closed.
  [[nodiscard]] bool done() const noexcept;

 private:
  std::shared_ptr<detail::RemoteTaskState> state_;
};

namespace detail {
/// Loop thread only.
RemoteTask make_remote(TaskBase& task);
}  // namespace detail

}  // namespace asyncio
