// TaskGroup: tasks that end before their block does.
#pragma once

#include <coroutine>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/exception_group.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/task/immediate.hpp"
#include "asyncio/task/suspend.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio {

namespace detail {
class TaskGroupExit;
}

/// Runs tasks that belong to a block of code, which ends when all of them have. Used with `with`:
///
///   co_await with(TaskGroup{}, [&](TaskGroup& tg) -> Coro<> {
///     tg.create_task(fetch(a));
///     tg.create_task(fetch(b));
///     co_return;
///   });
///
/// So the tasks may use what lives outside the block. A result is read from the Task that
/// create_task() gives; the block itself has no value.
///
/// The first task that fails, or an exception of the block, cancels all the others and the block;
/// once they have ended, everything they failed with is thrown as one ExceptionGroup, "unhandled
/// errors in a TaskGroup", also a single error. The block's own exception comes last. A task that
/// is cancelled is no failure. Cancelling the task that runs the block cancels all tasks, waits for
/// them, and throws CancelledError; when some failed meanwhile it throws the group, and the
/// CancelledError comes at the next await. SystemExit and KeyboardInterrupt come out as they are,
/// and what else failed goes to the loop's exception handler.
///
/// Loop thread only. Python: asyncio.TaskGroup.
class TaskGroup {
 public:
  /// The tasks would outlive the coroutine's locals: no enter<TaskGroup>().
  static constexpr bool kNeedsBlock = true;

  TaskGroup() noexcept;
  /// Only before it is entered.
  TaskGroup(TaskGroup&& other) noexcept;
  TaskGroup& operator=(TaskGroup&&) = delete;
  /// A group that was entered and whose exit was never awaited lets its tasks go: it reports them
  /// and cancels them.
  ~TaskGroup();

  /// As asyncio::create_task, with the same arguments; the task belongs to this group. Also while
  /// the block's end is awaited, as long as one task runs, so tasks may start others. RuntimeError
  /// before the block begins, after it has ended, or once the group is cancelled; a coroutine that
  /// is refused is closed. Python: TaskGroup.create_task.
  template <detail::TaskSource A>
  auto create_task(A&& source, TaskOptions options = {},
                   std::source_location here = std::source_location::current()) {
    options.created = here;
    if (!accepts_tasks()) [[unlikely]] {
      if constexpr (iscoroutine_v<A>) source.close();
      refuse();
    }
    auto task = detail::spawn_any(parent_->scheduler(), std::forward<A>(source), options);
    adopt(*task.task_block());
    return task;
  }

  /// Cancels all tasks of the group and its block, which then ends without an error, except for
  /// those that come of the unwinding. Before the block begins: cancels it when it does. Again, or
  /// after the end: nothing. Python: TaskGroup.cancel.
  void cancel();

  /// As Python's repr: "<TaskGroup tasks=2 errors=1 cancelling>".
  [[nodiscard]] std::string repr() const;

  // Python: __aenter__, __aexit__. RuntimeError outside a task, or when entered before.
  detail::Immediate aenter();
  detail::TaskGroupExit aexit(std::exception_ptr error);

 private:
  friend class detail::TaskGroupExit;
  struct Sibling : base::ListNode {};
  struct Child;

  [[nodiscard]] bool accepts_tasks() const noexcept {
    return entered_ && !aborting_ && !(exiting_ && children_.empty());
  }
  [[noreturn]] void refuse() const;
  void adopt(detail::TaskBase& task);
  void on_done(detail::TaskBase& task);
  void add_error(const std::exception_ptr& error);
  void abort() noexcept;
  void abort_with_parent();
  [[nodiscard]] detail::TaskBase& parent() const noexcept {
    return static_cast<detail::TaskBase&>(*parent_);
  }

  detail::Ref<detail::FutureBase> parent_;  // the task that runs the block, while it does
  base::List<Sibling> children_;            // the unfinished tasks, in order of creation
  std::vector<std::exception_ptr> errors_;
  std::exception_ptr base_error_;          // the first SystemExit or KeyboardInterrupt
  detail::TaskGroupExit* exit_ = nullptr;  // waits for the children
  bool entered_ = false;
  bool exiting_ = false;
  bool aborting_ = false;
  bool parent_cancel_requested_ = false;  // by us: to be taken back at the exit
  bool cancel_on_enter_ = false;
};

namespace detail {

/// The await at the block's end. Being cancelled does not end it: it goes on waiting in the same
/// place until the last task has ended, and then decides what leaves the block.
class TaskGroupExit final : public Suspend, private FakeFrame {
 public:
  TaskGroupExit(TaskGroup& group, std::exception_ptr error) noexcept;
  TaskGroupExit(TaskGroupExit&&) = delete;
  ~TaskGroupExit();

  bool await_ready();
  bool await_suspend(Continuation continuation);
  /// True: whatever left the block is dealt with.
  bool await_resume() const {
    if (error_) std::rethrow_exception(error_);
    return true;
  }
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }

 private:
  friend class asyncio::TaskGroup;
  static void on_turn(FakeFrame* fake);
  bool abort() override { return true; }

  void park_again() { park(Continuation(FakeFrame::handle(), frame_)); }
  void on_cancelled(std::exception_ptr error);
  [[nodiscard]] std::exception_ptr outcome();
  [[nodiscard]] std::exception_ptr outcome_or_bad_alloc() noexcept;
  void report_suppressed();

  TaskGroup* group_;
  std::coroutine_handle<> continuation_;
  Frame* frame_ = nullptr;
  std::exception_ptr error_;         // of the block; then what is to leave it
  std::exception_ptr cancellation_;  // to throw at the end, unless something failed
  std::exception_ptr interruption_;  // the last that came while we waited
};

}  // namespace detail
}  // namespace asyncio
