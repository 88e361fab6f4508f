#include "asyncio/task/asyncgens.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "asyncio/base/log.hpp"
#include "asyncio/coro/async_generator.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/gather.hpp"
#include "task/task_state.hpp"

namespace asyncio::detail {

namespace {

using GeneratorRef = base::Ref<GeneratorState>;

Coro<> aclose(GeneratorRef generator) {
  CloseStep step(std::move(generator));
  co_await pass(step);
}

void report_failure(Scheduler& scheduler, const GeneratorState& generator,
                    const std::exception_ptr& error) {
  struct Named final : Describable {
    explicit Named(std::string text) : text(std::move(text)) {}
    std::string repr() const override { return text; }
    std::string text;
  } const name(generator.repr());
  ExceptionContext context(
      "an error occurred during closing of asynchronous generator " + name.text, error);
  context.asyncgen = &name;
  scheduler.call_exception_handler(context);
}

}  // namespace

void TaskState::first_iteration(GeneratorState& generator) {
  if (generators_shut_down) {
    log(LogLevel::warning, "ResourceWarning: asynchronous generator " + generator.repr() +
                               " was scheduled after loop.shutdown_asyncgens() call");
  }
  generators.push_back(&generator);
}

// Not a task at once: this is the destructor of somebody's variable. One whose task was cancelled
// before it began, as run() does at its end, comes here again and stays for shutdown_asyncgens().
void TaskState::dropped(GeneratorRef generator) {
  generator->unlink();
  orphans.reserve(orphans.size() + 1);
  if (!std::exchange(generator->orphan, true)) {
    scheduler.call_soon([this, of = generator.get()] { adopt(of); });
  }
  generator->home = this;
  orphans.push_back(std::move(generator));
}

void TaskState::adopt(const GeneratorState* generator) {
  const auto at = std::find_if(orphans.begin(), orphans.end(),
                               [&](const GeneratorRef& each) { return each.get() == generator; });
  if (at == orphans.end()) return;  // shutdown_asyncgens() has it
  GeneratorRef orphan = std::move(*at);
  orphans.erase(at);
  (void)spawn(scheduler, aclose(std::move(orphan)));
}

Coro<> shutdown_asyncgens(Scheduler& scheduler) {
  TaskState& state = TaskState::of(scheduler);
  state.generators_shut_down = true;
  std::vector<GeneratorRef> generators = std::exchange(state.orphans, {});
  while (GeneratorState* generator = state.generators.pop_front()) {
    state.shut_down.push_back(generator);
    generators.emplace_back(generator);
  }
  if (generators.empty()) co_return;
  std::vector<Coro<>> closing;
  for (const GeneratorRef& generator : generators) closing.push_back(aclose(generator));
  auto results = co_await gather(return_exceptions, std::move(closing));
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::exception_ptr& error = results[i].exception();
    // As Python, which looks for an Exception: being cancelled is none.
    if (!error || base::exception_is<BaseException>(error)) continue;
    report_failure(scheduler, *generators[i], error);
  }
}

bool has_asyncgens(const Scheduler& scheduler) noexcept {
  if (!scheduler.task_state) return false;
  const auto& state = static_cast<const TaskState&>(*scheduler.task_state);
  return !state.generators.empty() || !state.orphans.empty();
}

}  // namespace asyncio::detail
