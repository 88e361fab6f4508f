// What the task layer keeps with each loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "asyncio/base/list.hpp"
#include "asyncio/coro/async_generator.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/task_factory.hpp"

namespace asyncio::detail {

/// The unfinished tasks of a loop, in order of creation, and its live async generators.
class TaskState final : public LayerState, public GeneratorHome {
 public:
  explicit TaskState(Scheduler& of) noexcept : scheduler(of) { TaskBase::forget_after_fork(); }
  ~TaskState() override {
    // Nobody can await their cleanup any more: they end where they stand.
    for (auto* all : {&generators, &shut_down}) {
      while (GeneratorState* generator = all->pop_front()) generator->home = nullptr;
    }
    for (TaskBase* task = tasks.front(); task != nullptr; task = tasks.next(task)) task->strand();
    while (TaskBase* task = tasks.front()) task->abandon();
    for (const auto& orphan : orphans) orphan->home = nullptr;
    orphans.clear();
    set_factory(nullptr);
  }

  static TaskState& of(Scheduler& scheduler) {
    if (!scheduler.task_state) [[unlikely]] {
      scheduler.task_state = std::make_unique<TaskState>(scheduler);
      if (scheduler.is_running()) scheduler.task_state->on_run_begin();
    }
    return static_cast<TaskState&>(*scheduler.task_state);
  }

  void on_run_begin() noexcept override { generator_home = this; }
  void on_run_end() noexcept override {
    generator_home = nullptr;
    forget_tracebacks();
  }
  bool run_timed(ReadyNode& node, Nanoseconds limit, std::string& name) override {
    if (!TaskBase::is_step(node)) return false;
    static_cast<TaskBase&>(node).step_timed(limit, name);
    return true;
  }

  void first_iteration(GeneratorState& generator) override;
  void dropped(base::Ref<GeneratorState> generator) override;
  /// Closes a dropped generator in a task of its own.
  void adopt(const GeneratorState* generator);

  Scheduler& scheduler;
  base::List<TaskBase> tasks;
  base::List<GeneratorState> generators;
  base::List<GeneratorState>
      shut_down;  // a shutdown was to close these, and may have been cancelled
  std::vector<base::Ref<GeneratorState>> orphans;  // nobody else refers to them; to be closed
  bool generators_shut_down = false;

  [[nodiscard]] const TaskFactory& factory() const noexcept { return factory_; }
  void set_factory(TaskFactory factory) noexcept {
    loops_with_task_factory += static_cast<unsigned>(static_cast<bool>(factory));
    loops_with_task_factory -= static_cast<unsigned>(static_cast<bool>(factory_));
    factory_ = std::move(factory);
  }

 private:
  TaskFactory factory_;
};

}  // namespace asyncio::detail
