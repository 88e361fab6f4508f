// What all tasks share, whatever they return: stepping, cancelling, names.
#pragma once

#include <cstdint>
#include <exception>
#include <iosfwd>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/coro/frame.hpp"
#include "asyncio/coro/traceback.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/task/future_base.hpp"

namespace asyncio {

class Scheduler;
class Suspend;

/// Options of create_task.
struct TaskOptions {
  std::string_view name = {};  ///< copied; empty: "Task-N"
  /// Run the first step now, inside the call; unset: as the loop's task factory does, else not.
  std::optional<bool> eager_start = std::nullopt;
  /// What it runs in; null: a copy of the current context. Read during the call.
  const Context* context = nullptr;
  /// Where it is made, which debug mode tells: create_task() fills it in.
  std::source_location created = {};
};

/// A task's coroutine. Python: the coroutine object.
struct CoroInfo {
  std::string name;                             ///< "shop::serve"
  std::optional<std::source_location> running;  ///< the await where it is; none when it has ended
  /// As Python's: "<shop::serve() running at shop.cpp:12>", "<shop::serve() done>".
  [[nodiscard]] std::string repr() const;
};

namespace detail {

/// The engine, as the Python article shows it: a Task is a Future; its first step is queued when
/// it is made; a step resumes the coroutine until it waits again or ends.
///
/// It is its own node in the ready queue and in the list of all tasks, and its own continuation:
/// the ready node begins as a coroutine's frame does, and the root coroutine's end resumes it. The
/// loop holds one reference until it is done, so a task that nobody holds runs on. The coroutine's
/// frame and arguments go when it ends, while handles may live on.
class TaskBase : public FutureBase, public ReadyNode, public base::ListNode {
 public:
  ~TaskBase() override {
    if (!is_number(label_)) [[unlikely]]
      drop_details();
    context_.reset();  // a value's destructor may ask for the current context, which may be this
  }

  /// The task whose coroutine runs in this thread now, or null.
  [[nodiscard]] static TaskBase* current() noexcept { return current_; }
  static TaskBase* exchange_current(TaskBase* task) noexcept {
    return std::exchange(current_, task);
  }
  /// A task that forks is none of the child's.
  static void forget_after_fork() noexcept;

  bool cancel(std::string_view message) override;
  /// Takes one request back; at zero also one that has not been delivered. Returns what is left.
  unsigned uncancel() noexcept;
  [[nodiscard]] unsigned cancelling() const noexcept { return root_.cancel_requests; }

  /// The message of the cancellation under way; empty when none was given.
  [[nodiscard]] std::string_view cancel_message() const noexcept;

  [[nodiscard]] std::string name() const;
  void set_name(std::string_view name);

  /// The root coroutine's name, "main", also when it has ended.
  [[nodiscard]] std::string coroutine_name() const;
  [[nodiscard]] std::optional<CoroInfo> coroutine() const;
  [[nodiscard]] std::string repr() const override;
  /// What it does now: "waits in fetch at main.cpp:12", of its innermost await; "is ready to go on
  /// in
  /// ...", "has not begun".
  [[nodiscard]] std::string describe_wait() const;

  /// Where its coroutines are: the innermost while it waits, otherwise the outermost; null at the
  /// end.
  [[nodiscard]] const Frame* innermost() const noexcept;
  /// The coroutines that its exception has left, the innermost first.
  [[nodiscard]] std::vector<FrameMark> traceback_marks() const;
  [[nodiscard]] std::string traceback() const override;
  [[nodiscard]] std::string source_traceback() const override;
  /// Debug mode: one step; see LayerState::run_timed.
  void step_timed(Nanoseconds limit, std::string& name);
  [[nodiscard]] static bool is_step(const ReadyNode& node) noexcept {
    return node.run == &TaskBase::step;
  }

  [[nodiscard]] ContextSlot* context_slot() const noexcept override { return &context_; }

  /// Queues the first step, or makes it now. RuntimeError when the context for that is entered; the
  /// coroutine is closed then.
  void start(bool eager);
  /// The loop closes: nothing can wake the task any more. Comes for all tasks before abandon(),
  /// which makes others ready that may be gone when the loop lets go of its queue.
  void strand() noexcept;
  /// The loop closes: reports a task that is still pending and destroys its coroutine.
  void abandon() noexcept;
  /// Whoever runs it hears in another way that it did not end.
  void expect_pending() noexcept { root_.report_pending = false; }

 protected:
  /// Takes over the frame of a coroutine; null for one that was awaited already.
  TaskBase(Scheduler& scheduler, std::size_t slot_offset, Frame* root, const TaskOptions& options);
  /// Destroys what the coroutine borrows from: the callable it was made by. Called of a task that
  /// has said so with keep_callable().
  virtual void release_callable() noexcept {}
  void keep_callable() noexcept { root_.keeps_callable = true; }
  /// Drops the value: the task was cancelled at its very end.
  virtual void drop_value() noexcept = 0;
  [[nodiscard]] std::string_view kind() const noexcept override { return "Task"; }

 private:
  friend class asyncio::Suspend;
  struct Details;

  static void step(ReadyNode* node);

  ASYNCIO_ALWAYS_INLINE void advance() noexcept;
  ASYNCIO_COLD void fail_to_enter() noexcept;
  void end() noexcept;
  void end_unstarted() noexcept;
  ASYNCIO_COLD void end_reused() noexcept;
  void end_with_error(const std::exception_ptr& error) noexcept;
  void finish(State state) noexcept;
  ASYNCIO_COLD void keep_traceback(const std::exception_ptr& error) noexcept;
  ASYNCIO_COLD void report_swallowed() noexcept;
  [[nodiscard]] bool started() const noexcept { return root_.state != Waiter::State::idle; }
  [[nodiscard]] const Frame* root_frame() const noexcept {
    return root_.child_gone ? nullptr : frame_;
  }
  void destroy_coroutine() noexcept;
  Details& details();
  ASYNCIO_COLD void drop_details() noexcept;
  [[nodiscard]] static bool is_number(std::uintptr_t label) noexcept { return (label & 1) != 0; }
  [[nodiscard]] std::exception_ptr make_cancelled_error() const;

  static constinit thread_local TaskBase* current_;

  // What waits for the root coroutine. The rest fills up the base class.
  struct Root : Waiter {
    bool must_cancel : 1 = false;
    bool report_pending : 1 = true;
    bool keeps_callable : 1 = false;
    std::uint32_t cancel_requests = 0;
  };
  static_assert(sizeof(Root) == sizeof(Waiter));

  Root root_;
  Frame* frame_;
  const char* coroutine_;  // its name, also when the frame has gone; null: there is none
  Suspend* parked_ = nullptr;
  // Either a number, for a task that never got a name (odd), or a pointer to Details (even).
  std::uintptr_t label_;
  mutable ContextSlot context_;  // asked for its Context object, it makes one
};

/// For Task.get_stack and print_stack (call_graph.cpp).
std::vector<FrameCallGraphEntry> stack_of(const TaskBase& task, std::optional<int> limit);
void print_stack(const TaskBase& task, std::optional<int> limit, std::ostream& file);

}  // namespace detail
}  // namespace asyncio
