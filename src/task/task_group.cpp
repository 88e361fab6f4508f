#include "asyncio/task/task_group.hpp"

#include <memory>

#include "asyncio/base/log.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio {

namespace {

bool is_base_error(const std::exception_ptr& error) noexcept {
  return base::exception_is<SystemExit>(error) || base::exception_is<KeyboardInterrupt>(error);
}

}  // namespace

/// One unfinished task of a group. It belongs to nobody: it goes when the task is done and the
/// group, if there still is one, has been told, in the turn after.
struct TaskGroup::Child final : Sibling, detail::DoneNode, ReadyNode, base::Pooled {
  Child(TaskGroup& of, detail::TaskBase& which) noexcept
      : DoneNode(kKind), group(&of), task(&which) {
    ReadyNode::run = &Child::invoke;
  }

  static void notified(detail::DoneNode* node, bool abandoned) {
    auto* self = static_cast<Child*>(node);
    Scheduler& scheduler = self->task->scheduler();
    if (abandoned || !Scheduler::is_open(&scheduler)) {
      delete self;
    } else {
      scheduler.push(self);
    }
  }
  static void invoke(ReadyNode* node) {
    const std::unique_ptr<Child> self(static_cast<Child*>(node));
    if (self->group == nullptr || self->task->scheduler().is_closed()) return;
    static_cast<Sibling&>(*self).unlink();
    self->group->on_done(static_cast<detail::TaskBase&>(*self->task));
  }

  static detail::WhoWaits who_of(const detail::DoneNode* node) {
    const TaskGroup* of = static_cast<const Child*>(node)->group;
    return {.task = of != nullptr ? &of->parent() : nullptr};
  }
  static constexpr detail::DoneKind kKind{&Child::notified, &Child::who_of};

  TaskGroup* group;  // null once it has gone
  detail::Ref<detail::FutureBase> task;
};

TaskGroup::TaskGroup() noexcept = default;

TaskGroup::TaskGroup(TaskGroup&& other) noexcept : cancel_on_enter_(other.cancel_on_enter_) {
  ASYNCIO_CHECK(!other.entered_, "a TaskGroup moved after it was entered");
}

TaskGroup::~TaskGroup() {
  if (children_.empty()) return;
  if (Scheduler::is_open(&parent_->scheduler())) {
    parent_->scheduler().call_exception_handler(ExceptionContext(
        "TaskGroup was destroyed but it is pending! Its tasks are cancelled: " + repr(), nullptr,
        &parent()));
    abort();
  }
  // From here on they are tasks as any other, which report what they fail with themselves.
  while (Sibling* child = children_.pop_front()) static_cast<Child*>(child)->group = nullptr;
}

void TaskGroup::refuse() const {
  const char* why = " is shutting down";
  if (!entered_) {
    why = " has not been entered";
  } else if (exiting_ && children_.empty()) {
    why = " is finished";
  }
  throw RuntimeError("TaskGroup " + repr() + why);
}

void TaskGroup::adopt(detail::TaskBase& task) {
  Child* child = nullptr;
  try {
    child = new Child(*this, task);
  } catch (...) {
    task.cancel({});
    throw;
  }
  children_.push_back(child);
  // Also of a task that has ended in the call: what it failed with is dealt with in the next turn,
  // not in the middle of the block.
  task.add_waiter(*child);
  // An eager task may have cancelled the group before it was one of us.
  if (aborting_ && !task.done()) task.cancel({});
}

void TaskGroup::on_done(detail::TaskBase& task) {
  if (children_.empty() && exit_ != nullptr) exit_->wake();
  if (task.cancelled() || !task.error()) return;
  task.mark_retrieved();
  add_error(task.error());
  if (parent_->done()) {
    // Entered by hand, and the task that did so has ended without the exit.
    task.scheduler().call_exception_handler(
        ExceptionContext("Task " + task.repr() + " has errored out but its parent task " +
                             parent_->repr() + " is already completed",
                         task.error(), &task));
    return;
  }
  if (!aborting_ && !parent_cancel_requested_) abort_with_parent();
}

void TaskGroup::add_error(const std::exception_ptr& error) {
  try {
    errors_.push_back(error);
  } catch (...) {
    // No memory: that leaves the block alone, and what the tasks failed with is reported.
    if (!base_error_) base_error_ = std::current_exception();
    constexpr const char* kMessage = "No memory for the errors of a TaskGroup";
    try {
      parent_->scheduler().call_exception_handler(ExceptionContext(kMessage, error));
    } catch (...) {
      log(LogLevel::error, kMessage);
    }
    return;
  }
  if (!base_error_ && is_base_error(error)) base_error_ = error;
}

void TaskGroup::abort() noexcept {
  aborting_ = true;
  for (Sibling* each = children_.front(); each != nullptr; each = children_.next(each)) {
    detail::FutureBase& task = *static_cast<Child*>(each)->task;
    if (!task.done()) task.cancel({});
  }
}

void TaskGroup::abort_with_parent() {
  abort();
  parent_cancel_requested_ = true;
  parent().cancel({});
}

void TaskGroup::cancel() {
  if (!entered_) {
    cancel_on_enter_ = true;
    return;
  }
  if (exiting_ && children_.empty()) return;
  if (aborting_) return;
  if (parent_cancel_requested_) {
    abort();
  } else {
    abort_with_parent();
  }
}

std::string TaskGroup::repr() const {
  std::size_t tasks = 0;
  for (Sibling* each = children_.front(); each != nullptr; each = children_.next(each)) ++tasks;
  std::string text = "<TaskGroup";
  if (tasks > 0) text += " tasks=" + std::to_string(tasks);
  if (!errors_.empty()) text += " errors=" + std::to_string(errors_.size());
  if (aborting_) {
    text += " cancelling";
  } else if (entered_) {
    text += " entered";
  }
  return text + ">";
}

detail::Immediate TaskGroup::aenter() {
  if (entered_) throw RuntimeError("TaskGroup " + repr() + " has already been entered");
  detail::TaskBase* task = detail::TaskBase::current();
  if (task == nullptr) {
    throw RuntimeError("TaskGroup " + repr() + " cannot determine the parent task");
  }
  parent_ = detail::Ref<detail::FutureBase>(task);
  entered_ = true;
  if (cancel_on_enter_) cancel();
  return detail::Immediate();
}

detail::TaskGroupExit TaskGroup::aexit(std::exception_ptr error) {
  return {*this, std::move(error)};
}

// --- the exit -----------------------------------------------------------------------------------

namespace detail {

TaskGroupExit::TaskGroupExit(TaskGroup& group, std::exception_ptr error) noexcept
    : group_(&group), error_(std::move(error)) {
  FakeFrame::resume = &TaskGroupExit::on_turn;
}

TaskGroupExit::~TaskGroupExit() {
  if (group_->exit_ == this) group_->exit_ = nullptr;
}

bool TaskGroupExit::await_ready() {
  ASYNCIO_CHECK(group_->parent_, "the exit of a TaskGroup that was not entered, or has ended");
  group_->exiting_ = true;
  if (!group_->base_error_ && is_base_error(error_)) group_->base_error_ = error_;
  if (base::exception_is<CancelledError>(error_)) cancellation_ = error_;
  if (error_ && !group_->aborting_) group_->abort();
  if (!group_->children_.empty()) return false;
  error_ = outcome_or_bad_alloc();
  return true;
}

bool TaskGroupExit::await_suspend(Continuation continuation) {
  continuation_ = continuation.handle;
  frame_ = continuation.frame;
  group_->exit_ = this;
  park_again();
  return true;
}

void TaskGroupExit::on_turn(FakeFrame* fake) {
  auto* self = static_cast<TaskGroupExit*>(fake);
  if (std::exception_ptr error = self->cancellation()) self->on_cancelled(std::move(error));
  if (!self->group_->children_.empty()) return self->park_again();
  self->group_->exit_ = nullptr;
  self->error_ = self->outcome_or_bad_alloc();
  self->continuation_.resume();
}

void TaskGroupExit::on_cancelled(std::exception_ptr error) {
  interruption_ = std::move(error);
  if (group_->aborting_) return;
  cancellation_ = interruption_;
  group_->abort();
}

std::exception_ptr TaskGroupExit::outcome() {
  const Ref<FutureBase> keep = std::exchange(group_->parent_, {});
  auto& parent = static_cast<TaskBase&>(*keep);
  if (group_->base_error_) {
    report_suppressed();
    return std::exchange(group_->base_error_, nullptr);
  }
  if (group_->parent_cancel_requested_) {
    if (parent.uncancel() == 0) {
      cancellation_ = nullptr;  // it was ours
    } else if (!cancellation_) {
      cancellation_ = interruption_;  // one that is left is not
    }
  }
  std::vector<std::exception_ptr> errors = std::exchange(group_->errors_, {});
  if (cancellation_ && errors.empty()) return cancellation_;
  if (error_ && !base::exception_is<CancelledError>(error_)) errors.push_back(error_);
  if (errors.empty()) return nullptr;
  if (parent.cancelling() > 0) {
    // Cancelled from outside as well: strikes again at the next await, and the count stays.
    parent.uncancel();
    parent.cancel({});
  }
  return std::make_exception_ptr(
      ExceptionGroup("unhandled errors in a TaskGroup", std::move(errors)));
}

// Without memory for the group, that leaves the block.
std::exception_ptr TaskGroupExit::outcome_or_bad_alloc() noexcept {
  try {
    return outcome();
  } catch (...) {
    return std::current_exception();
  }
}

// What fails beside a SystemExit or KeyboardInterrupt would be lost: those leave alone.
void TaskGroupExit::report_suppressed() {
  for (const std::exception_ptr& error : std::exchange(group_->errors_, {})) {
    if (error == group_->base_error_) continue;
    Scheduler::running()->call_exception_handler(
        ExceptionContext("TaskGroup task exception was not propagated because the TaskGroup body "
                         "is being closed with a BaseException",
                         error));
  }
}

}  // namespace detail
}  // namespace asyncio
