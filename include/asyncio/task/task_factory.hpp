// Task factories: who is asked when a task is made in a loop.
#pragma once

#include <functional>
#include <utility>

#include "asyncio/task/task.hpp"

namespace asyncio {

/// Makes the task of `coroutine` with coroutine.create_task(options), where it may change the
/// options, and returns it; it may also throw, and so refuse. Every task of the loop goes through
/// it: those of create_task, gather, TaskGroup, run. Unlike Python's it cannot make a task of
/// another class: results are typed here. Python: the callable given to loop.set_task_factory.
using TaskFactory = std::function<AnyTask(Scheduler&, FactoryCoro&, const TaskOptions&)>;

/// Null restores the default. Python: loop.set_task_factory.
void set_task_factory(Scheduler& scheduler, TaskFactory factory);
/// Null when there is none. Python: loop.get_task_factory.
[[nodiscard]] TaskFactory get_task_factory(Scheduler& scheduler);

/// Makes a factory that starts tasks eagerly, unless `eager_start = false` is asked for, and has
/// them made by `constructor(loop, coroutine, options)`. Python: asyncio.create_eager_task_factory.
template <class F>
[[nodiscard]] auto create_eager_task_factory(F constructor) {
  return [constructor = std::move(constructor)](auto& loop, FactoryCoro& coroutine,
                                                TaskOptions options) {
    options.eager_start = options.eager_start.value_or(true);
    return constructor(loop, coroutine, options);
  };
}

/// The task factory that starts tasks eagerly: the first step runs inside create_task(), and a task
/// that does not wait is done when that returns. Python: asyncio.eager_task_factory.
inline constexpr auto eager_task_factory = [](auto& /*loop*/, FactoryCoro& coroutine,
                                              TaskOptions options) {
  options.eager_start = options.eager_start.value_or(true);
  return coroutine.create_task(options);
};

}  // namespace asyncio
