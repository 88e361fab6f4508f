#include "asyncio/task/remote_task.hpp"

#include <atomic>
#include <string>

#include "asyncio/loop/remote_loop.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio {
namespace detail {

/// The loop's half is the node and the reference to the task, which only its thread touches: it
/// keeps itself alive until the task is done, so that it never goes on another thread before.
class RemoteTaskState final : DoneNode {
 public:
  explicit RemoteTaskState(TaskBase& task)
      : DoneNode(kKind), task_(&task), loop_(task.scheduler().remote()) {}

  static std::shared_ptr<RemoteTaskState> make(TaskBase& task) {
    auto state = std::make_shared<RemoteTaskState>(task);
    state->self_ = state;
    task.add_waiter(*state);  // which may be done: then it is told at once
    return state;
  }

  [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }

  static bool cancel(const std::shared_ptr<RemoteTaskState>& state, std::string_view message) {
    if (state->done()) return false;
    base::UniqueFunction<void()> request = [state, text = std::string(message)] {
      if (!state->done()) state->task_->cancel(text);
    };
    return state->loop_->call_soon(request);
  }

 private:
  static void on_done(DoneNode* node, bool) {
    auto* state = static_cast<RemoteTaskState*>(node);
    state->done_.store(true, std::memory_order_release);
    const std::shared_ptr<RemoteTaskState> last = std::move(state->self_);
  }

  static constexpr DoneKind kKind{&RemoteTaskState::on_done};

  TaskBase* task_;  // alive until it is done: its loop holds it
  std::shared_ptr<RemoteLoop> loop_;
  std::shared_ptr<RemoteTaskState> self_;
  std::atomic<bool> done_{false};
};

RemoteTask make_remote(TaskBase& task) { return RemoteTask(RemoteTaskState::make(task)); }

}  // namespace detail

bool RemoteTask::cancel(std::string_view message) const {
  return state_ && detail::RemoteTaskState::cancel(state_, message);
}

bool RemoteTask::done() const noexcept { return !state_ || state_->done(); }

}  // namespace asyncio
