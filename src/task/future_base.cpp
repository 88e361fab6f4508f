#include "asyncio/task/future_base.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/task_base.hpp"
#include "task/call_graph_edges.hpp"

namespace asyncio::detail {

// Dropped while pending: whoever registered here holds memory that must be let go of.
void FutureBase::abandon_waiters() noexcept {
  while (DoneNode* node = waiters_.pop_front()) node->notify(true);
}

void FutureBase::destroy() noexcept {
  if (outlives_handles_ && stays()) return;
  const bool lost = state_ == State::finished && !retrieved_ && slot().error != nullptr;
  if (lost && Scheduler::is_open(scheduler_)) [[unlikely]] {
    ++references_;  // the handler may look at it
    retrieved_ = true;
    try {
      std::string message(kind());
      scheduler_->call_exception_handler(
          ExceptionContext(message + " exception was never retrieved", slot().error, this));
    } catch (...) {
      log(LogLevel::error, "An exception was never retrieved");  // no memory for more
    }
    if (--references_ != 0) return;
  }
  delete this;
}

bool FutureBase::cancel(std::string_view message) {
  retrieved_ = true;
  if (done()) return false;
  slot().error = base::make_cancelled_error(message);
  settle(State::cancelled);
  return true;
}

void FutureBase::notify_waiters() noexcept {
  // A waiter's owner may drop this future's last handle.
  const Ref<FutureBase> keep(this);
  while (DoneNode* node = waiters_.pop_front()) node->notify(false);
}

void FutureBase::check_pending() const {
  if (done()) throw InvalidStateError("invalid state");
}

void FutureBase::check_result() {
  if (!done()) throw InvalidStateError("Result is not set.");
  retrieved_ = true;
  if (const std::exception_ptr& failure = slot().error) std::rethrow_exception(failure);
}

std::exception_ptr FutureBase::exception() {
  if (!done()) throw InvalidStateError("Exception is not set.");
  retrieved_ = true;
  if (state_ == State::cancelled) std::rethrow_exception(slot().error);
  return slot().error;
}

void FutureBase::set_exception(std::exception_ptr failure) {
  check_pending();
  ASYNCIO_CHECK(failure != nullptr, "set_exception needs an exception");
  slot().error = std::move(failure);
  settle(State::finished);
}

std::string_view FutureBase::state_name() const noexcept {
  switch (state_) {
    case State::pending:
      return "pending";
    case State::cancelled:
      return "cancelled";
    case State::finished:
      break;
  }
  return "finished";
}

std::string FutureBase::repr() const {
  std::string text = "<";
  text += kind();
  text += ' ';
  text += state_name();
  return text + outcome_repr() + '>';
}

std::string FutureBase::outcome_repr() const {
  std::string text;
  if (state_ == State::finished) {
    const std::exception_ptr& failure = slot().error;
    text += failure ? " exception=" + base::summary(failure) : " result=" + value_repr();
  }
  if (waiters_.empty()) return text;
  std::size_t count = 0;
  const DoneNode* last = nullptr;
  for (const DoneNode* node = waiters_.front(); node != nullptr; node = waiters_.next(node)) {
    last = node;
    ++count;
  }
  text += " cb=[" + name_of(*waiters_.front());
  if (count > 2) text += ", <" + std::to_string(count - 2) + " more>";
  if (count > 1) text += ", " + name_of(*last);
  return text + "]";
}

// As CPython names what it registers itself.
std::string FutureBase::name_of(const DoneNode& node) {
  if (DoneCallback::is_one(node)) {
    return base::callable_name(static_cast<const DoneCallback&>(node).callable_type()) + "()";
  }
  const bool is_await = node.is(FutureAwaiterBase::Node::kKind);
  return is_await ? "Task.task_wakeup()" : "_done_callback()";
}

// --- done-callbacks -----------------------------------------------------------------------------

const DoneKind DoneCallback::kKind{&DoneCallback::notified};

DoneCallback::DoneCallback(FutureBase& future, ContextSlot context) noexcept
    : DoneNode(kKind), future_(&future), context_(std::move(context)) {
  run = &DoneCallback::invoke;
}

bool DoneCallback::remove() noexcept {
  if (!linked()) return false;
  unlink();
  drop_reference();
  return true;
}

void DoneCallback::notified(DoneNode* node, bool abandoned) {
  auto* self = static_cast<DoneCallback*>(node);
  if (abandoned || !Scheduler::is_open(&self->future_->scheduler())) {
    self->drop_reference();
    return;
  }
  self->future_->add_reference();
  self->future_->scheduler().push(self);
}

void DoneCallback::invoke(ReadyNode* node) {
  const auto self = Ref<DoneCallback>::adopt(static_cast<DoneCallback*>(node));
  const auto future = Ref<FutureBase>::adopt(self->future_);
  Scheduler& scheduler = future->scheduler();
  if (scheduler.is_closed()) return;
  try {
    const ContextScope scope(self->context_);
    if (scope.refused()) [[unlikely]]
      std::rethrow_exception(make_context_error());
    self->call(*future);
  } catch (...) {
    scheduler.report_caught("Exception in callback", future.get());
  }
}

// --- awaiting -----------------------------------------------------------------------------------

const DoneKind FutureAwaiterBase::Node::kKind{
    &Node::wake, [](const DoneNode* node) {
      return WhoWaits{.task = &static_cast<const Node*>(node)->awaiter->task()};
    }};

void FutureAwaiterBase::Node::wake(DoneNode* node, bool /*abandoned*/) {
  static_cast<Node*>(node)->awaiter->Suspend::wake();
}

bool FutureAwaiterBase::await_suspend(Continuation continuation) noexcept {
  const TaskBase* current = TaskBase::current();
  if (future_.get() == current || Scheduler::running() != &future_->scheduler()) [[unlikely]] {
    refuse();
    // Told at the next turn, as in CPython.
    return current != nullptr && park_woken(continuation);
  }
  node_.awaiter = this;
  future_->add_waiter(node_);
  park(continuation);
  if (future_->scheduler().get_debug()) [[unlikely]]
    report_cycle();
  return true;
}

// Said when the circle closes, while each of them can still be found where it waits.
void FutureAwaiterBase::report_cycle() noexcept {
  try {
    const std::vector<TaskBase*> cycle = find_cycle(task());
    if (cycle.empty()) return;
    log(LogLevel::warning,
        "Tasks wait for each other: " + describe_cycle(cycle) +
            "; none can go on unless one is cancelled. The last: " + task().repr());
  } catch (...) {
    log(LogLevel::warning, "Tasks wait for each other");
  }
}

void FutureAwaiterBase::refuse() {
  const TaskBase* task = TaskBase::current();
  if (future_.get() == task) {
    misuse_ =
        std::make_exception_ptr(RuntimeError("Task cannot await on itself: " + future_->repr()));
  } else {
    const std::string whose = task == nullptr ? "A coroutine" : "Task " + task->repr();
    misuse_ = std::make_exception_ptr(
        RuntimeError(whose + " got Future " + future_->repr() + " attached to a different loop"));
  }
}

bool FutureAwaiterBase::abort() {
  if (aborting_) [[unlikely]] {
    // The request has come round: tasks that wait for each other. One of them has to end first.
    node_.unlink();
    return true;
  }
  aborting_ = true;
  const bool passed_on = future_->cancel(cancel_message());
  aborting_ = false;
  if (!passed_on) cancel_at_next_turn();
  return false;
}

std::exception_ptr FutureAwaiterBase::error() noexcept {
  if (misuse_) [[unlikely]]
    return cancelled() ? cancellation() : misuse_;
  if (cancelled()) [[unlikely]] {
    // What the future ends with anyhow keeps its message.
    const bool same = future_->done() && base::exception_is<CancelledError>(future_->error());
    if (!same) return cancellation();
  }
  future_->mark_retrieved();
  return future_->error();
}

Scheduler& running_scheduler() {
  Scheduler* scheduler = Scheduler::running();
  if (scheduler == nullptr) throw RuntimeError("no running event loop");
  return *scheduler;
}

Scheduler& current_scheduler() {
  Scheduler* chosen = Scheduler::chosen();
  const bool outside = Scheduler::running() == nullptr && chosen != nullptr && !chosen->is_closed();
  return outside ? *chosen : running_scheduler();
}

}  // namespace asyncio::detail
