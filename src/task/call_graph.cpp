#include "asyncio/task/call_graph.hpp"

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <sstream>
#include <unordered_map>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "task/call_graph_edges.hpp"
#include "task/task_state.hpp"

namespace asyncio {
namespace detail {

void add_awaiting_tasks(const FutureBase& future, std::vector<TaskBase*>& tasks) {
  future.for_each_waiter([&](const DoneNode& node) {
    const WhoWaits who = node.who();
    if (who.future != nullptr && !who.future->done()) add_awaiting_tasks(*who.future, tasks);
    if (who.task == nullptr || who.task->done()) return;
    if (std::find(tasks.begin(), tasks.end(), who.task) == tasks.end()) tasks.push_back(who.task);
  });
}

std::vector<TaskBase*> find_cycle(TaskBase& waits) {
  // From the one that waits to those that wait for it, and so on, until it comes up again.
  std::unordered_map<const TaskBase*, TaskBase*> came_from{{&waits, nullptr}};
  std::vector<TaskBase*> open{&waits};
  while (!open.empty()) {
    TaskBase* at = open.back();
    open.pop_back();
    std::vector<TaskBase*> next;
    add_awaiting_tasks(*at, next);
    for (TaskBase* task : next) {
      if (task == &waits) {
        std::vector<TaskBase*> cycle;
        for (TaskBase* step = at; step != nullptr; step = came_from.at(step)) cycle.push_back(step);
        std::rotate(cycle.begin(), cycle.end() - 1, cycle.end());  // begin with `waits`
        return cycle;
      }
      if (came_from.emplace(task, at).second) open.push_back(task);
    }
  }
  return {};
}

std::string describe_cycle(const std::vector<TaskBase*>& cycle) {
  std::string text;
  for (const TaskBase* task : cycle) text += task->name() + " -> ";
  return text + cycle.front()->name();
}

namespace {

std::vector<FrameCallGraphEntry> frames_from(const Frame* innermost) {
  std::vector<FrameCallGraphEntry> stack;
  for (const Frame* frame = innermost; frame != nullptr;) {
    stack.emplace_back(frame->name(), frame->where);
    frame = frame->waiter != nullptr ? frame->waiter->parent : nullptr;
  }
  return stack;
}

void apply_limit(std::vector<FrameCallGraphEntry>& stack, std::optional<int> limit) {
  if (!limit) return;
  const auto count = std::min(stack.size(), static_cast<std::size_t>(std::abs(*limit)));
  if (*limit < 0) stack.erase(stack.begin(), stack.end() - static_cast<std::ptrdiff_t>(count));
  stack.resize(count);
}

class Capture {
 public:
  explicit Capture(CallGraphOptions options) : options_(options) {}

  FutureCallGraph of(FutureBase& future, const Frame* innermost) {
    FutureCallGraph graph{AnyFuture(Ref<FutureBase>(&future)), frames_from(innermost), {}};
    apply_limit(graph.call_stack, options_.limit);
    if (std::find(path_.begin(), path_.end(), &future) != path_.end()) return graph;
    path_.push_back(&future);
    std::vector<TaskBase*> tasks;
    add_awaiting_tasks(future, tasks);
    for (TaskBase* task : tasks) graph.awaited_by.push_back(of(*task, task->innermost()));
    path_.pop_back();
    return graph;
  }

 private:
  CallGraphOptions options_;
  std::vector<const FutureBase*> path_;
};

void render(const FutureCallGraph& graph, int level, std::string& text) {
  const auto add = [&](const std::string& line) {
    if (!text.empty()) text += '\n';
    text.append(static_cast<std::size_t>(level) * 4, ' ').append(line);
  };
  std::ostringstream id;
  id << static_cast<const void*>(graph.future.block());
  if (const auto* task = dynamic_cast<const TaskBase*>(graph.future.block())) {
    add("* Task(name='" + task->name() + "', id=" + id.str() + ")");
  } else {
    add("* Future(id=" + id.str() + ")");
  }
  if (!graph.call_stack.empty()) {
    add("  + Call stack:");
    for (const FrameCallGraphEntry& entry : graph.call_stack) {
      add("  |   File '" + std::string(entry.file) + "', line " + std::to_string(entry.line) +
          ", in async " + entry.function + "()");
    }
  }
  if (graph.awaited_by.empty()) return;
  add("  + Awaited by:");
  for (const FutureCallGraph& parent : graph.awaited_by) render(parent, level + 1, text);
}

}  // namespace

FutureCallGraph capture_from(const Frame& innermost, TaskBase& task, CallGraphOptions options) {
  return Capture(options).of(task, &innermost);
}

void PrintCallGraph::Awaiter::await_resume() const {
  TaskBase* task = TaskBase::current();
  if (task != nullptr) {
    *file_ << format_call_graph(capture_from(*frame_, *task, options_)) << '\n';
  }
}

std::vector<FrameCallGraphEntry> stack_of(const TaskBase& task, std::optional<int> limit) {
  std::vector<FrameCallGraphEntry> stack;
  if (task.done()) {
    stack = stack_of(task.traceback_marks());
    // Of a traceback the oldest entries, of a stack the newest, as Python has it.
    if (limit && static_cast<std::size_t>(std::max(*limit, 0)) < stack.size()) {
      stack.resize(static_cast<std::size_t>(std::max(*limit, 0)));
    }
    return stack;
  }
  stack = frames_from(task.innermost());
  apply_limit(stack, limit);
  std::reverse(stack.begin(), stack.end());
  return stack;
}

void print_stack(const TaskBase& task, std::optional<int> limit, std::ostream& file) {
  const std::vector<FrameCallGraphEntry> stack = stack_of(task, limit);
  const std::exception_ptr error =
      task.done() && !task.cancelled() ? const_cast<TaskBase&>(task).error() : nullptr;
  if (stack.empty()) {
    file << "No stack for " << task.repr() << '\n';
  } else {
    file << (error ? "Traceback" : "Stack") << " for " << task.repr()
         << " (most recent call last):\n"
         << format_stack(stack);
  }
  if (error) file << base::describe(error) << '\n';
}

}  // namespace detail

FutureCallGraph capture_call_graph(const AnyFuture& future, CallGraphOptions options) {
  detail::FutureBase* block = future.block();
  if (block == nullptr) throw TypeError("a future is needed, and the handle is empty");
  const auto* task = dynamic_cast<const detail::TaskBase*>(block);
  return detail::Capture(options).of(*block, task != nullptr ? task->innermost() : nullptr);
}

std::string format_call_graph(const FutureCallGraph& graph) {
  std::string text;
  detail::render(graph, 0, text);
  return text;
}

std::string format_call_graph(const AnyFuture& future, CallGraphOptions options) {
  return format_call_graph(capture_call_graph(future, options));
}

void print_call_graph(const AnyFuture& future, std::ostream& file, CallGraphOptions options) {
  file << format_call_graph(future, options) << '\n';
}

std::vector<std::vector<AnyTask>> find_await_cycles(const Scheduler& scheduler) {
  std::vector<std::vector<AnyTask>> cycles;
  std::vector<const detail::TaskBase*> seen;
  for (const AnyTask& task : all_tasks(scheduler)) {
    if (std::find(seen.begin(), seen.end(), task.task_block()) != seen.end()) continue;
    std::vector<AnyTask> cycle;
    for (detail::TaskBase* each : detail::find_cycle(*task.task_block())) {
      seen.push_back(each);
      cycle.emplace_back(each);
    }
    if (!cycle.empty()) cycles.push_back(std::move(cycle));
  }
  return cycles;
}

std::string format_tasks(const Scheduler& scheduler) {
  std::string text;
  for (const AnyTask& task : all_tasks(scheduler)) text += format_call_graph(task) + "\n";
  for (const std::vector<AnyTask>& cycle : find_await_cycles(scheduler)) {
    text += "cycle: ";
    for (const AnyTask& task : cycle) text += task.get_name() + " -> ";
    text += cycle.front().get_name() + "\n";
  }
  return text;
}

void print_tasks(std::ostream& file) { file << format_tasks(detail::running_scheduler()); }

}  // namespace asyncio
