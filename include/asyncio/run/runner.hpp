// run() and Runner: from a plain main() into coroutines.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "asyncio/run/event_loop.hpp"

namespace asyncio {

namespace detail {

/// clang, g++ and g++ before 12.3 lay out the library's coroutines in three ways. A program that
/// was compiled in another way than the library does not link: it misses a Runner::prepare() of its
/// own way. (CMake's find_package says so before.)
template <bool repaired, bool named_by_await>
struct CoroutinesAs {};
using OurCoroutines = CoroutinesAs<ASYNCIO_GCC_FRAME_BUG, ASYNCIO_AWAIT_NAMES_ITS_COROUTINE>;

}  // namespace detail

struct RunOptions {
  /// As EventLoop::set_debug; nullopt: as the environment variable ASYNCIO_DEBUG says.
  std::optional<bool> debug = {};
  /// Makes the loop; null: new_event_loop. Python: loop_factory.
  std::unique_ptr<EventLoop> (*loop_factory)() = nullptr;
};

/// Options of Runner::run.
struct MainOptions {
  /// What the main task runs in; null: the runner's own context.
  const Context* context = nullptr;
};

/// A loop for one or several main coroutines, closed in order at the end. Ctrl-C in the main thread
/// cancels the main task; when it ends by that, run() throws KeyboardInterrupt. A second Ctrl-C
/// leaves at once. Python: asyncio.Runner.
class Runner {
 public:
  explicit Runner(RunOptions options = {}) : options_(options) {}
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  /// close(), if nobody has called it.
  ~Runner();

  /// Runs the awaitable as the main task and gives its result. RuntimeError inside a running loop
  /// or after close(). May be called again: all runs have the same context, a copy of the one in
  /// which the loop was made. Python: Runner.run.
  template <class A>
  auto run(A&& main, MainOptions options = {}) {
    EventLoop& loop = prepare(detail::OurCoroutines());
    auto task = loop.create_task(std::forward<A>(main), task_options(options));
    drive(task);
    return std::move(task).result();
  }

  /// The loop, made at the first use. Python: Runner.get_loop.
  [[nodiscard]] EventLoop& get_loop();

  /// Cancels what still runs and waits for its end, then for the default executor (300 s), then
  /// closes the loop. What those tasks fail with goes to the exception handler.
  /// Python: Runner.close.
  void close();

 private:
  EventLoop& prepare(detail::OurCoroutines compiler);
  [[nodiscard]] TaskOptions task_options(const MainOptions& options) const noexcept;
  void drive(const AnyTask& task);

  RunOptions options_;
  std::unique_ptr<EventLoop> loop_;
  std::optional<Context> context_;
  bool closed_ = false;
};

namespace detail {

/// The running loop, if nest_asyncio::apply() was called for it.
EventLoop* nestable_loop();

// asyncio::run() inside a loop that allows it. What ends before its task does cancels it.
template <class A>
auto run_nested(EventLoop& loop, A&& main) {
  auto task = loop.create_task(std::forward<A>(main));
  task.task_block()->expect_pending();
  try {
    run_until_done(loop.scheduler(), task);
  } catch (...) {
    task.cancel();
    throw;
  }
  return std::move(task).result();
}

}  // namespace detail

/// Runs `main` in a new loop and closes it: cancels what is left, waits for its end. Gives the
/// result of main or throws its exception. RuntimeError when a loop runs in this thread already,
/// but see nest_asyncio::apply(). Python: asyncio.run.
template <class A>
auto run(A&& main, RunOptions options = {})
    -> decltype(std::declval<Runner&>().run(std::forward<A>(main))) {
  if (EventLoop* nestable = detail::nestable_loop()) {
    return detail::run_nested(*nestable, std::forward<A>(main));
  }
  Runner runner(options);
  if constexpr (std::is_void_v<decltype(runner.run(std::forward<A>(main)))>) {
    runner.run(std::forward<A>(main));
    runner.close();
  } else {
    auto result = runner.run(std::forward<A>(main));
    runner.close();
    return result;
  }
}

}  // namespace asyncio
