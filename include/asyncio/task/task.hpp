// Task<T>: a coroutine that the loop runs beside others.
#pragma once

#include <atomic>
#include <concepts>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/remote_task.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio {

namespace detail {

/// What a task can do beyond a future, for the typed and the untyped handle.
template <class Base>
class TaskInterface : public Base {
 public:
  using Base::Base;

  /// How many cancel() calls have not been taken back. Python: Task.cancelling.
  [[nodiscard]] unsigned cancelling() const noexcept { return task_block()->cancelling(); }
  /// Takes one cancel() back and returns what is left; at zero a request that has not been
  /// delivered is withdrawn. Python: Task.uncancel.
  unsigned uncancel() const noexcept { return task_block()->uncancel(); }
  /// "Task-1" unless given. Python: Task.get_name.
  [[nodiscard]] std::string get_name() const { return task_block()->name(); }
  /// Python: Task.set_name.
  void set_name(std::string_view name) const { task_block()->set_name(name); }
  /// What its coroutine is called and where it is; nothing for one that was done within its eager
  /// start. Python: Task.get_coro, which gives the object.
  [[nodiscard]] std::optional<CoroInfo> get_coro() const { return task_block()->coroutine(); }
  /// What its steps run in. Python: Task.get_context.
  [[nodiscard]] Context get_context() const {
    return Context(task_block()->context_slot()->object());
  }

  /// A reference for other threads, which may not touch this one: `cancel()` and `done()`.
  [[nodiscard]] RemoteTask remote() const { return make_remote(*task_block()); }
  /// Where it is: its coroutines, the innermost last; of one that failed, those that the exception
  /// has left. At most `limit` of the innermost. Of the task that runs only the outermost is known:
  /// see capture_call_graph(). Python: Task.get_stack.
  [[nodiscard]] std::vector<FrameCallGraphEntry> get_stack(std::optional<int> limit = {}) const {
    return stack_of(*task_block(), limit);
  }
  /// "Stack for <Task ...> (most recent call last):" and so on. Python: Task.print_stack.
  void print_stack(std::ostream& file, std::optional<int> limit = {}) const {
    detail::print_stack(*task_block(), limit, file);
  }

  // For the library.
  [[nodiscard]] TaskBase* task_block() const noexcept {
    return static_cast<TaskBase*>(this->block_.get());
  }
};

}  // namespace detail

/// A task of any result type: what current_task() and all_tasks() give. Python: asyncio.Task.
class AnyTask : public detail::TaskInterface<AnyFuture> {
 public:
  AnyTask() = default;
  explicit AnyTask(detail::TaskBase* block) noexcept
      : TaskInterface(detail::Ref<detail::FutureBase>(block)) {}
};

/// A running coroutine, as a handle; it is a Future of its result. Dropping the handle loses
/// nothing: the loop keeps a task until it is done.
///
/// cancel() asks: CancelledError is thrown at the await where the task is, its cleanup runs, and it
/// may refuse by catching it. A task that has not begun never runs. `co_await task` copies the
/// result, `co_await std::move(task)` moves it. Loop thread only. Python: asyncio.Task.
template <class T = void>
class Task : public detail::TaskInterface<Future<T>> {
 public:
  using value_type = T;

  Task() = default;
  explicit Task(detail::Ref<detail::FutureBase> block) noexcept
      : detail::TaskInterface<Future<T>>(std::move(block)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): a task of T is a task
  operator AnyTask() const noexcept { return AnyTask(this->task_block()); }

  // A task settles itself. Python: RuntimeError('Task does not support set_result operation').
  template <class... Args>
  void set_result(Args&&...) const = delete;
  template <class... Args>
  void set_exception(Args&&...) const = delete;
};

class FactoryCoro;

namespace detail {
// Of all threads: most programs have none, and need not look at the loop.
extern constinit std::atomic<unsigned> loops_with_task_factory;
bool asks_task_factory(Scheduler& scheduler);
/// Asks the loop's task factory for the task of `coroutine`.
AnyTask run_task_factory(Scheduler& scheduler, FactoryCoro& coroutine, const TaskOptions& options);
}  // namespace detail

/// A coroutine that is to become a task, as a loop's task factory gets it (task_factory.hpp).
class FactoryCoro {
 public:
  FactoryCoro(const FactoryCoro&) = delete;
  FactoryCoro& operator=(const FactoryCoro&) = delete;

  /// Makes the task; once, then RuntimeError. Python: `asyncio.Task(coro, loop=loop, **options)`.
  AnyTask create_task(const TaskOptions& options);

 protected:
  FactoryCoro() = default;
  ~FactoryCoro() = default;

 private:
  friend AnyTask detail::run_task_factory(Scheduler&, FactoryCoro&, const TaskOptions&);
  virtual AnyTask make(const TaskOptions& options) = 0;
  AnyTask made_;
};

namespace detail {

template <class T>
class TaskBlock : public TaskBase {
 public:
  TaskBlock(Scheduler& scheduler, Coro<T> coroutine, const TaskOptions& options)
      : TaskBase(scheduler, offset(), coroutine.frame(), options) {
    if (Frame* frame = coroutine.release()) frame->slot = &slot_;
  }

 protected:
  [[nodiscard]] std::string value_repr() const override { return slot_repr(slot_); }
  void drop_value() noexcept override {
    if constexpr (!std::is_void_v<T>) slot_.value.reset();
  }

 private:
  static std::size_t offset() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    return offsetof(TaskBlock, slot_);
#pragma GCC diagnostic pop
  }
  base::Slot<T> slot_;
};

// A task made from a callable keeps it: a lambda's captures live as long as the coroutine that
// reads them.
template <class F>
struct KeptCallable {
  std::optional<F> callable;
  explicit KeptCallable(F&& from) : callable(std::move(from)) {}
};

template <class T, class F>
class TaskBlockOf final : private KeptCallable<F>, public TaskBlock<T> {
 public:
  TaskBlockOf(Scheduler& scheduler, F callable, const TaskOptions& options)
      : KeptCallable<F>(std::move(callable)),
        TaskBlock<T>(scheduler, (*this->callable)(), options) {
    this->keep_callable();
  }
  using base::Pooled::operator new;
  using base::Pooled::operator delete;

 private:
  void release_callable() noexcept override { this->callable.reset(); }
};

// Errors pass without a throw where the awaitable can say what it failed with.
template <class A>
decltype(auto) quietly(A&& awaitable) {
  if constexpr (QuietAwaiter<awaiter_t<A>>) {
    return pass(std::forward<A>(awaitable));
  } else {
    return std::forward<A>(awaitable);
  }
}

// The result of a future is moved out only where it cannot be copied: others may hold it too.
template <class A>
Coro<await_result_t<A>> run_awaitable(A awaitable) {
  using T = await_result_t<A>;
  constexpr bool kCopy = is_future_v<A> && !std::is_void_v<T> && std::is_copy_constructible_v<T>;
  using Held = std::conditional_t<kCopy, A&, A&&>;
  if constexpr (std::is_void_v<T>) {
    co_await quietly(static_cast<Held>(awaitable));
  } else {
    co_return co_await quietly(static_cast<Held>(awaitable));
  }
}

/// Any awaitable as a coroutine; a coroutine stays itself.
template <class A>
auto to_coro(A&& awaitable) {
  if constexpr (iscoroutine_v<A>) {
    // Also out of a named one: a coroutine is awaited once.
    // NOLINTNEXTLINE(bugprone-move-forwarding-reference)
    return std::remove_cvref_t<A>(std::move(awaitable));
  } else {
    return run_awaitable<std::decay_t<A>>(std::forward<A>(awaitable));
  }
}

template <class T, class Block, class Source>
Task<T> make_task(Scheduler& scheduler, Source source, const TaskOptions& options) {
  auto* block = new Block(scheduler, std::move(source), options);
  Task<T> task{Ref<FutureBase>(block)};
  block->start(options.eager_start.value_or(false));
  return task;
}

template <class T, class Block, class Source>
class FactoryCoroOf final : public FactoryCoro {
 public:
  FactoryCoroOf(Scheduler& scheduler, Source source)
      : scheduler_(&scheduler), source_(std::move(source)) {}

 private:
  AnyTask make(const TaskOptions& options) override {
    return make_task<T, Block>(*scheduler_, std::move(source_), options);
  }
  Scheduler* scheduler_;
  Source source_;
};

inline bool has_task_factory(Scheduler& scheduler) {
  return loops_with_task_factory.load(std::memory_order_relaxed) != 0 &&
         asks_task_factory(scheduler);
}

// `Source` is a coroutine, or a function that makes one.
template <class T, class Block, class Source>
ASYNCIO_ALWAYS_INLINE Task<T> spawn_as(Scheduler& scheduler, Source source,
                                       const TaskOptions& options) {
  if (has_task_factory(scheduler)) [[unlikely]] {
    FactoryCoroOf<T, Block, Source> coroutine(scheduler, std::move(source));
    return Task<T>(Ref<FutureBase>(run_task_factory(scheduler, coroutine, options).block()));
  }
  return make_task<T, Block>(scheduler, std::move(source), options);
}

template <class T>
ASYNCIO_ALWAYS_INLINE Task<T> spawn(Scheduler& scheduler, Coro<T> coroutine,
                                    const TaskOptions& options = {}) {
  return spawn_as<T, TaskBlock<T>>(scheduler, std::move(coroutine), options);
}

template <class F>
auto spawn_callable(Scheduler& scheduler, F callable, const TaskOptions& options) {
  using T = typename std::invoke_result_t<F&>::value_type;
  return spawn_as<T, TaskBlockOf<T, F>>(scheduler, std::move(callable), options);
}

template <class A>
concept TaskSource = Awaitable<A> || CoroutineFunction<std::decay_t<A>&>;

template <TaskSource A>
ASYNCIO_ALWAYS_INLINE auto spawn_any(Scheduler& scheduler, A&& source, const TaskOptions& options) {
  if constexpr (CoroutineFunction<std::decay_t<A>&>) {
    return spawn_callable<std::decay_t<A>>(scheduler, std::forward<A>(source), options);
  } else {
    return spawn(scheduler, to_coro(std::forward<A>(source)), options);
  }
}

}  // namespace detail

/// Runs a coroutine as a task of the running loop, from the next turn on. Takes a Coro, any other
/// awaitable, or a function without parameters that returns a Coro; the latter is kept alive with
/// the task, so `create_task([x]() -> Coro<> {...})` is safe. RuntimeError when no loop runs.
/// Python: asyncio.create_task.
template <detail::TaskSource A>
[[nodiscard]] auto create_task(A&& source, TaskOptions options = {},
                               std::source_location here = std::source_location::current()) {
  options.created = here;
  return detail::spawn_any(detail::running_scheduler(), std::forward<A>(source), options);
}

/// A future or task as it is; anything else as by create_task, before the loop runs also: then a
/// task of the loop that get_event_loop() gave. Python: asyncio.ensure_future.
template <class A>
[[nodiscard]] auto ensure_future(A&& source,
                                 std::source_location here = std::source_location::current()) {
  if constexpr (detail::is_future_v<A>) {
    return std::remove_cvref_t<A>(std::forward<A>(source));
  } else {
    return detail::spawn_any(detail::current_scheduler(), std::forward<A>(source),
                             {.created = here});
  }
}
/// The same for a given loop; ValueError for a future of another one.
template <class A>
[[nodiscard]] auto ensure_future(A&& source, Scheduler& scheduler,
                                 std::source_location here = std::source_location::current()) {
  if constexpr (detail::is_future_v<A>) {
    if (&source.block()->scheduler() != &scheduler) {
      throw ValueError(
          "The future belongs to a different loop than the one specified as the loop argument");
    }
    return std::remove_cvref_t<A>(std::forward<A>(source));
  } else {
    return detail::spawn_any(scheduler, std::forward<A>(source), {.created = here});
  }
}

/// The task that runs now; empty in a plain callback. RuntimeError when no loop runs.
/// Python: asyncio.current_task.
[[nodiscard]] AnyTask current_task();

/// The unfinished tasks of the running loop, in order of creation. Loop thread only, unlike
/// Python's, since handles count without atomics; in debug mode RuntimeError from another thread
/// while the loop runs. Python: asyncio.all_tasks.
[[nodiscard]] std::vector<AnyTask> all_tasks();
[[nodiscard]] std::vector<AnyTask> all_tasks(const Scheduler& scheduler);

}  // namespace asyncio
