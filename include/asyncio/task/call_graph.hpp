// Who waits for what: the stack of a task's coroutines, and who awaits the task.
//
// Nothing is recorded for this: a coroutine knows who awaits it, a task that waits knows its
// innermost coroutine, and a future knows its waiters. So no edge can outlive its wait, and it
// costs nothing until somebody asks.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "asyncio/coro/awaitable.hpp"
#include "asyncio/coro/traceback.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio {

class Scheduler;

/// A future, its coroutines (the innermost first) and who awaits it. A task that waits, directly or
/// not, for itself is listed where it comes up again, without going on. Python: FutureCallGraph.
struct FutureCallGraph {
  AnyFuture future;
  std::vector<FrameCallGraphEntry> call_stack;
  std::vector<FutureCallGraph> awaited_by;
};

struct CallGraphOptions {
  /// Positive: that many of the innermost coroutines; negative: of the outermost; zero: none.
  std::optional<int> limit = {};
};

namespace detail {

FutureCallGraph capture_from(const Frame& innermost, TaskBase& task, CallGraphOptions options);

/// Finds its own coroutine, and so the running ones.
class CaptureCallGraph {
 public:
  explicit CaptureCallGraph(CallGraphOptions options) noexcept : options_(options) {}

  class Awaiter {
   public:
    Awaiter(const Frame& frame, CallGraphOptions options) noexcept
        : frame_(&frame), options_(options) {}
    static constexpr bool await_ready() noexcept { return true; }
    static void await_suspend(std::coroutine_handle<>) noexcept {}
    [[nodiscard]] std::optional<FutureCallGraph> await_resume() const {
      TaskBase* task = TaskBase::current();
      if (task == nullptr) return std::nullopt;
      return capture_from(*frame_, *task, options_);
    }

   private:
    const Frame* frame_;
    CallGraphOptions options_;
  };
  Awaiter awaiter_in(Frame& frame) && noexcept { return {frame, options_}; }

 private:
  CallGraphOptions options_;
};

class PrintCallGraph {
 public:
  PrintCallGraph(std::ostream& file, CallGraphOptions options) noexcept
      : file_(&file), options_(options) {}

  class Awaiter {
   public:
    Awaiter(const Frame& frame, std::ostream& file, CallGraphOptions options) noexcept
        : frame_(&frame), file_(&file), options_(options) {}
    static constexpr bool await_ready() noexcept { return true; }
    static void await_suspend(std::coroutine_handle<>) noexcept {}
    void await_resume() const;

   private:
    const Frame* frame_;
    std::ostream* file_;
    CallGraphOptions options_;
  };
  Awaiter awaiter_in(Frame& frame) && noexcept { return {frame, *file_, options_}; }

 private:
  std::ostream* file_;
  CallGraphOptions options_;
};

}  // namespace detail

/// `co_await capture_call_graph()`: of the running task, from this coroutine outwards; nullopt
/// outside a task. Needs no turn of the loop. Python: capture_call_graph().
[[nodiscard]] inline detail::CaptureCallGraph capture_call_graph(CallGraphOptions options = {}) {
  return detail::CaptureCallGraph(options);
}
/// Of any future or task of this thread's loop. Of the task that runs, only the outermost coroutine
/// is known: await capture_call_graph() in it. TypeError for an empty handle. Python:
/// capture_call_graph(future).
[[nodiscard]] FutureCallGraph capture_call_graph(const AnyFuture& future,
                                                 CallGraphOptions options = {});

/// As an indented text, as Python prints it. Python: format_call_graph.
[[nodiscard]] std::string format_call_graph(const FutureCallGraph& graph);
[[nodiscard]] std::string format_call_graph(const AnyFuture& future, CallGraphOptions options = {});

/// Python: print_call_graph.
void print_call_graph(const AnyFuture& future, std::ostream& file, CallGraphOptions options = {});
/// `co_await print_call_graph(std::cerr)`: of the running task.
[[nodiscard]] inline detail::PrintCallGraph print_call_graph(std::ostream& file,
                                                             CallGraphOptions options = {}) {
  return {file, options};
}

/// All unfinished tasks with their stacks and who awaits them, and those that wait for each other
/// in a circle: what to look at when a program hangs.
[[nodiscard]] std::string format_tasks(const Scheduler& scheduler);
/// Of the running loop; RuntimeError without one.
void print_tasks(std::ostream& file);

/// Tasks that wait for each other in a circle, each circle once; they may be freed by a timeout or
/// a cancellation only.
[[nodiscard]] std::vector<std::vector<AnyTask>> find_await_cycles(const Scheduler& scheduler);

}  // namespace asyncio
