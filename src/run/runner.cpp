#include "asyncio/run/runner.hpp"

#include "asyncio/base/log.hpp"
#include "asyncio/loop/interrupt.hpp"
#include "asyncio/threads/close_in_order.hpp"

namespace asyncio {
namespace {

// A destructor cannot throw: a Ctrl-C during the shutdown, a shutdown that was cancelled, and the
// end of the memory are told.
void report_shutdown(const std::exception_ptr& error) noexcept {
  try {
    log(LogLevel::error, "run: the shutdown failed: " + base::describe(error));
  } catch (...) {
    log(LogLevel::error, "run: the shutdown failed, and there is no memory to say why");
  }
}

}  // namespace

Runner::~Runner() {
  try {
    close();
  } catch (...) {
    report_shutdown(std::current_exception());
  }
}

EventLoop& Runner::get_loop() {
  if (closed_) throw RuntimeError("Runner is closed");
  if (!loop_) {
    loop_ = options_.loop_factory != nullptr ? options_.loop_factory() : new_event_loop();
    if (options_.debug) loop_->set_debug(*options_.debug);
    context_ = copy_context();
  }
  return *loop_;
}

EventLoop& Runner::prepare(detail::OurCoroutines) {
  if (Scheduler::running() != nullptr) {
    throw RuntimeError("asyncio.run() cannot be called from a running event loop");
  }
  return get_loop();
}

TaskOptions Runner::task_options(const MainOptions& options) const noexcept {
  return {.context = options.context != nullptr ? options.context : &*context_};
}

void Runner::drive(const AnyTask& task) {
  unsigned interrupts = 0;
  const InterruptGuard guard(loop_->scheduler(), [&] {
    if (++interrupts == 1 && !task.done()) {
      task.cancel();
    } else {
      loop_->scheduler().set_fatal(std::make_exception_ptr(KeyboardInterrupt()));
    }
  });
  detail::run_until_done(loop_->scheduler(), task);
  detail::remember_failure(task);
  // Cancelled by Ctrl-C and by nobody else: that is what the caller should hear.
  if (interrupts > 0 && task.cancelled() && task.uncancel() == 0) throw KeyboardInterrupt();
}

void Runner::close() {
  if (std::exchange(closed_, true) || !loop_) return;
  detail::close_in_order(loop_->scheduler());
}

EventLoop* detail::nestable_loop() {
  Scheduler* running = Scheduler::running();
  return running != nullptr && running->nestable() ? &get_running_loop() : nullptr;
}

}  // namespace asyncio
