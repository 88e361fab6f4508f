// The edges of the call graph, derived from who is registered with a future.
#pragma once

#include <string>
#include <vector>

#include "asyncio/task/task_base.hpp"

namespace asyncio::detail {

/// The unfinished tasks that wait for `future`, also through gather() and shield().
void add_awaiting_tasks(const FutureBase& future, std::vector<TaskBase*>& tasks);

/// When `waits` waits for others that wait for it in turn: those tasks, each waiting for the next,
/// beginning with `waits`. Otherwise empty.
std::vector<TaskBase*> find_cycle(TaskBase& waits);
/// "Task-1 -> Task-2 -> Task-1".
std::string describe_cycle(const std::vector<TaskBase*>& cycle);

}  // namespace asyncio::detail
