// What the task layer keeps with each loop.
#pragma once

#include "asyncio/base/list.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio::detail {

/// The unfinished tasks of a loop, in order of creation.
class TaskState final : public LayerState {
 public:
  ~TaskState() override {
    for (TaskBase* task = tasks.front(); task != nullptr; task = tasks.next(task)) task->strand();
    while (TaskBase* task = tasks.front()) task->abandon();
  }

  static TaskState& of(Scheduler& scheduler) {
    if (!scheduler.task_state) [[unlikely]]
      scheduler.task_state = std::make_unique<TaskState>();
    return static_cast<TaskState&>(*scheduler.task_state);
  }

  base::List<TaskBase> tasks;
};

}  // namespace asyncio::detail
