#include "asyncio/task/task_base.hpp"

#include <atomic>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/observer.hpp"
#include "asyncio/task/suspend.hpp"
#include "asyncio/task/task.hpp"
#include "loop/fork_count.hpp"
#include "task/task_state.hpp"

namespace asyncio {
namespace detail {

constinit thread_local TaskBase* TaskBase::current_ = nullptr;

// What few tasks have, and so what no task pays for before it needs it.
struct TaskBase::Details {
  std::uint64_t number;
  std::string name;            // empty: "Task-<number>"
  std::string cancel_message;  // of the cancellation that is under way
  std::source_location created;
  std::vector<FrameMark> traceback;
};

namespace {

// "Task-1" and so on, unique in the process. A thread takes numbers by the thousand: a locked
// instruction for each would cost a tenth of a task.
std::uintptr_t next_label() noexcept {
  constexpr std::uintptr_t kBatch = 1024;
  static constinit std::atomic<std::uintptr_t> batches{0};
  static constinit thread_local std::uintptr_t last = 0;
  if (last % kBatch == 0) last = batches.fetch_add(1, std::memory_order_relaxed) * kBatch;
  return ++last * 2 + 1;
}

}  // namespace

TaskBase::TaskBase(Scheduler& scheduler, std::size_t slot_offset, Frame* root,
                   const TaskOptions& options)
    : FutureBase(scheduler, slot_offset),
      frame_(root),
      coroutine_(root != nullptr ? root->name() : nullptr),
      label_(next_label()),
      context_(context_or_copy(options.context)) {
  scheduler.check_call();
  base::List<TaskBase>& tasks = TaskState::of(scheduler).tasks;
  if (!options.name.empty()) set_name(options.name);
  if (scheduler.get_debug()) [[unlikely]]
    details().created = options.created;
  ReadyNode::run = &TaskBase::step;
  root_.handle = std::coroutine_handle<>::from_address(static_cast<ReadyNode*>(this));
  if (root != nullptr) root->waiter = &root_;
  tasks.push_back(this);
}

void TaskBase::drop_details() noexcept { delete reinterpret_cast<Details*>(label_); }

TaskBase::Details& TaskBase::details() {
  if (is_number(label_)) {
    label_ = reinterpret_cast<std::uintptr_t>(new Details{label_ / 2, {}, {}, {}, {}});
  }
  return *reinterpret_cast<Details*>(label_);
}

std::string TaskBase::name() const {
  if (is_number(label_)) return "Task-" + std::to_string(label_ / 2);
  const auto& extra = *reinterpret_cast<const Details*>(label_);
  return extra.name.empty() ? "Task-" + std::to_string(extra.number) : extra.name;
}

void TaskBase::set_name(std::string_view name) { details().name = name; }

void TaskBase::forget_after_fork() noexcept {
  [[maybe_unused]] static const bool once = [] {
    in_forked_child([] { current_ = nullptr; });
    return true;
  }();
}

// --- stepping -----------------------------------------------------------------------------------

void TaskBase::start(bool eager) {
  if (auto* observer = TaskObserver::installed) [[unlikely]]
    observer->on_start(*this);
  // Tasks that start each other in the call nest like awaits, and have the same limit.
  if (!eager || Scheduler::running() != &scheduler() || recursion_depth >= kRecursionLimit) {
    scheduler().push(this);
    return;
  }
  if (ContextState* context = context_.state(); context != nullptr && context->entered()) {
    fail_to_enter();
    check_result();
  }
  ++recursion_depth;
  step(this);
  --recursion_depth;
  if (done()) coroutine_ = nullptr;  // in CPython it has no coroutine then
}

void TaskBase::step(ReadyNode* node) {
  auto* task = static_cast<TaskBase*>(node);
  if (task->root_.state == Waiter::State::done) return task->end();  // resumed by its coroutine
  if (task->scheduler().is_closed()) [[unlikely]]
    return;
  const ContextScope scope(task->context_);
  TaskBase* before = std::exchange(current_, task);
  if (scope.refused()) [[unlikely]] {
    task->fail_to_enter();
  } else {
    task->advance();  // the task may be gone after this
  }
  current_ = before;
  if (auto* observer = TaskObserver::installed) [[unlikely]]
    observer->on_step_end();
}

// Always inlined into step(), where it stands once; the task may be gone after it.
void TaskBase::advance() noexcept {
  if (Suspend* waiting = std::exchange(parked_, nullptr)) {
    if (root_.must_cancel) [[unlikely]] {
      root_.must_cancel = false;
      // One that was aborted before was given nothing that could be handed on.
      if (!std::exchange(waiting->cancelled_, true)) waiting->lost();
    }
    if (!waiting->cancelled_ && !waiting->retry()) {
      waiting->state_ = Suspend::State::parked;
      waiting->told_ = false;
      parked_ = waiting;
      if (auto* observer = TaskObserver::installed) [[unlikely]]
        observer->on_park(*this, false);
      return;
    }
    waiting->state_ = Suspend::State::resumed;
    waiting->continuation_.handle.resume();
    return;
  }
  ASYNCIO_DEBUG_CHECK(!started(), "a task was stepped that waits for nothing");
  if (root_.must_cancel) return end_unstarted();
  if (frame_ == nullptr) [[unlikely]]
    return end_reused();
  // Its end is to resume this, not to return into an await_suspend of ours.
  root_.state = Waiter::State::parked;
  frame_->self().resume();
}

// Its context was given by the program, and something else has entered it: an entered context does
// not wait, and a task that never steps would be a hang (CPython: gh-157301).
void TaskBase::fail_to_enter() noexcept {
  if (Suspend* waiting = std::exchange(parked_, nullptr)) {
    if (!waiting->cancelled_) waiting->lost();
    waiting->state_ = Suspend::State::stranded;
  }
  destroy_coroutine();
  drop_value();
  slot().error = make_context_error();
  finish(State::finished);
}

void TaskBase::destroy_coroutine() noexcept {
  Frame* frame = std::exchange(frame_, nullptr);
  if (root_.exiting) [[unlikely]]
    root_.handle.destroy();
  if (frame != nullptr && !root_.child_gone) frame->self().destroy();
  if (root_.keeps_callable) release_callable();
}

void TaskBase::end() noexcept {
  destroy_coroutine();
  if (const std::exception_ptr& failure = slot().error) return end_with_error(failure);
  if (root_.must_cancel) [[unlikely]] {
    // It cancelled itself, or was cancelled, and then returned: the cancellation wins.
    drop_value();
    slot().error = make_cancelled_error();
    return finish(State::cancelled);
  }
  if (root_.cancel_requests != 0 && scheduler().get_debug()) [[unlikely]]
    report_swallowed();
  finish(State::finished);
}

void TaskBase::end_unstarted() noexcept {
  destroy_coroutine();
  slot().error = make_cancelled_error();
  finish(State::cancelled);
}

void TaskBase::end_reused() noexcept {
  try {
    throw RuntimeError("cannot reuse already awaited coroutine");
  } catch (...) {
    slot().error = std::current_exception();
  }
  finish(State::finished);
}

void TaskBase::end_with_error(const std::exception_ptr& failure) noexcept {
  if (base::exception_is<CancelledError>(failure)) return finish(State::cancelled);
  if (base::exception_is<KeyboardInterrupt>(failure) || base::exception_is<SystemExit>(failure)) {
    scheduler().set_fatal(failure);
  }
  keep_traceback(failure);
  finish(State::finished);
}

void TaskBase::keep_traceback(const std::exception_ptr& error) noexcept {
  try {
    std::vector<FrameMark> marks = traceback_of(error);
    if (!marks.empty()) details().traceback = std::move(marks);
  } catch (...) {
    // No memory: the error goes without it.
  }
}

void TaskBase::report_swallowed() noexcept {
  try {
    log(LogLevel::warning,
        repr() +
            " was cancelled and returned a result all the same: a catch (...) must rethrow "
            "CancelledError, or the task call uncancel()");
  } catch (...) {
    log(LogLevel::warning, "A task was cancelled and returned a result all the same");
  }
}

void TaskBase::finish(State state) noexcept {
  root_.must_cancel = false;
  base::ListNode::unlink();
  settle(state);
  ContextScope::let_go(context_);
  drop_reference();  // the loop's
}

void TaskBase::strand() noexcept {
  if (Suspend* waiting = std::exchange(parked_, nullptr)) {
    waiting->state_ = Suspend::State::stranded;
  }
}

namespace {

void report_destroyed(TaskBase& task) noexcept {
  constexpr const char* kMessage = "Task was destroyed but it is pending!";
  try {
    task.scheduler().call_exception_handler(ExceptionContext(kMessage, nullptr, &task));
  } catch (...) {
    log(LogLevel::error, kMessage);  // no memory for more
  }
}

}  // namespace

void TaskBase::abandon() noexcept {
  // Nobody holds it but the loop, or somebody does who will find it cancelled.
  if (root_.report_pending) report_destroyed(*this);
  destroy_coroutine();
  slot().error = base::make_cancelled_error("the event loop was closed");
  finish(State::cancelled);
}

// --- cancelling ---------------------------------------------------------------------------------

bool TaskBase::cancel(std::string_view message) {
  if (done()) mark_retrieved();  // not before: what it fails with in spite of this is reported
  if (done() || frame_ == nullptr) return false;
  ++root_.cancel_requests;
  Suspend* waiting = parked_;
  // An error that is on its way has its message.
  const bool under_way = waiting != nullptr && waiting->told_;
  if (!under_way && (!message.empty() || !is_number(label_))) details().cancel_message = message;
  if (waiting != nullptr && waiting->parked()) {
    waiting->tell_to_abort();
  } else {
    root_.must_cancel = true;
  }
  return true;
}

unsigned TaskBase::uncancel() noexcept {
  if (root_.cancel_requests > 0 && --root_.cancel_requests == 0) root_.must_cancel = false;
  return root_.cancel_requests;
}

std::string_view TaskBase::cancel_message() const noexcept {
  if (is_number(label_)) return {};
  return reinterpret_cast<const Details*>(label_)->cancel_message;
}

std::exception_ptr TaskBase::make_cancelled_error() const {
  return base::make_cancelled_error(cancel_message());
}

// --- names --------------------------------------------------------------------------------------

std::string TaskBase::coroutine_name() const {
  return coroutine_ != nullptr ? short_name(coroutine_) : std::string();
}

std::optional<CoroInfo> TaskBase::coroutine() const {
  std::string name = coroutine_name();
  if (name.empty()) return std::nullopt;
  CoroInfo info{std::move(name), std::nullopt};
  if (frame_ != nullptr && !root_.child_gone) info.running = frame_->where;
  return info;
}

const Frame* TaskBase::innermost() const noexcept {
  if (parked_ != nullptr && parked_->continuation_.frame != nullptr) {
    return parked_->continuation_.frame;
  }
  return root_frame();
}

std::vector<FrameMark> TaskBase::traceback_marks() const {
  if (is_number(label_)) return {};
  return reinterpret_cast<const Details*>(label_)->traceback;
}

std::string TaskBase::traceback() const {
  return format_stack(detail::stack_of(traceback_marks()));
}

std::string TaskBase::source_traceback() const {
  if (is_number(label_)) return {};
  const std::source_location& made = reinterpret_cast<const Details*>(label_)->created;
  if (made.line() == 0) return {};
  return format_stack({FrameCallGraphEntry(made.function_name(), made)});
}

void TaskBase::step_timed(Nanoseconds limit, std::string& name) {
  const Ref<TaskBase> keep(this);
  const auto place = [this]() -> std::string {
    const Frame* frame = innermost();
    if (frame == nullptr) return "its end";
    return frame->where.file_name() + (":" + std::to_string(frame->where.line()));
  };
  const std::string from = place();
  Scheduler& loop = scheduler();
  const Nanoseconds start = loop.time();
  step(this);
  if (loop.time() - start >= limit) name = repr() + " (from " + from + " to " + place() + ")";
}

std::string TaskBase::repr() const {
  // Tasks may await each other in a circle.
  static thread_local unsigned depth = 0;
  if (depth >= 8) return "...";
  ++depth;
  std::string text = "<Task ";
  text += done() || root_.cancel_requests == 0 ? state_name() : "cancelling";
  text += " name='" + name() + "'";
  if (const auto info = coroutine()) text += " coro=" + info->repr();
  const FutureBase* future = parked_ != nullptr ? parked_->awaited() : nullptr;
  if (future != nullptr) text += " wait_for=" + future->repr();
  text += outcome_repr();
  if (!is_number(label_)) {
    const std::source_location& made = reinterpret_cast<const Details*>(label_)->created;
    if (made.line() != 0) {
      text += std::string(" created at ") + made.file_name() + ":" + std::to_string(made.line());
    }
  }
  text += '>';
  --depth;
  return text;
}

std::string TaskBase::describe_wait() const {
  if (frame_ == nullptr) return "has ended";
  if (!started()) return "has not begun: " + coroutine_name();
  const Frame* innermost = frame_;
  std::string text = this == current_ ? "runs" : "waits";
  if (parked_ != nullptr) {
    if (parked_->continuation_.frame != nullptr) innermost = parked_->continuation_.frame;
    if (parked_->state_ == Suspend::State::woken) text = "is ready to go on";
  }
  return text + " in " + short_name(innermost->name()) + " at " + innermost->where.file_name() +
         ":" + std::to_string(innermost->where.line());
}

}  // namespace detail

std::string CoroInfo::repr() const {
  if (!running) return "<" + name + "() done>";
  return "<" + name + "() running at " + running->file_name() + ":" +
         std::to_string(running->line()) + ">";
}

AnyTask current_task() {
  detail::running_scheduler();
  return AnyTask(detail::TaskBase::current());
}

std::vector<AnyTask> all_tasks() { return all_tasks(detail::running_scheduler()); }

std::vector<AnyTask> all_tasks(const Scheduler& scheduler) {
  if (!scheduler.is_closed()) scheduler.check_call();
  std::vector<AnyTask> tasks;
  if (!scheduler.task_state) return tasks;
  const auto& list = static_cast<const detail::TaskState&>(*scheduler.task_state).tasks;
  for (detail::TaskBase* task = list.front(); task != nullptr; task = list.next(task)) {
    tasks.emplace_back(task);
  }
  return tasks;
}

}  // namespace asyncio
