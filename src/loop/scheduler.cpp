#include "asyncio/loop/scheduler.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/loop/remote_loop.hpp"
#include "loop/fork_count.hpp"

namespace asyncio {

constinit thread_local Scheduler* Scheduler::current_ = nullptr;
constinit thread_local Scheduler* Scheduler::chosen_ = nullptr;

namespace {

// The loops that are open, of all threads. Handles to futures may outlive their loop, and a count
// in the loop would cost every future; only those that have something left to tell ask here.
class OpenLoops {
 public:
  static OpenLoops& instance() {
    static auto* loops = new OpenLoops;  // a loop may close after main has returned
    return *loops;
  }
  void add(const Scheduler* loop) {
    const std::lock_guard lock(mutex_);
    loops_.push_back(loop);
  }
  void remove(const Scheduler* loop) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase(loops_, loop);
  }
  bool contains(const Scheduler* loop) noexcept {
    const std::lock_guard lock(mutex_);
    return std::find(loops_.begin(), loops_.end(), loop) != loops_.end();
  }

 private:
  std::mutex mutex_;
  std::vector<const Scheduler*> loops_;
};

bool debug_from_environment() noexcept {
  const char* value = std::getenv("ASYNCIO_DEBUG");
  return value != nullptr && *value != '\0';
}

}  // namespace

Scheduler::Scheduler() : Scheduler(nullptr) { backend_ = make_backend(&on_job_done, this); }

Scheduler::Scheduler(std::unique_ptr<Backend> backend)
    : backend_(std::move(backend)), remote_loop_(std::make_shared<detail::RemoteLoop>(*this)) {
  set_debug(debug_from_environment());
  OpenLoops::instance().add(this);
  // Whoever forks inside a loop is outside of it in the child, and may run one of its own there.
  [[maybe_unused]] static const bool once = [] {
    detail::in_forked_child([] { current_ = nullptr; });
    return true;
  }();
}

bool Scheduler::is_registered(const Scheduler* loop) noexcept {
  return OpenLoops::instance().contains(loop);
}

Scheduler::~Scheduler() {
  if (!is_closed()) close();
  discard_ready();  // what came after the end
  while (!states_.empty()) states_.pop_back();
}

void Scheduler::throw_closed() { throw RuntimeError("Event loop is closed"); }

void Scheduler::check_guarded() const {
  check_open();
  const void* thread = running_on_.load(std::memory_order_relaxed);
  if (debug_ && thread != nullptr && thread != this_thread()) {
    throw RuntimeError(
        "Non-thread-safe operation invoked on an event loop other than the current one");
  }
}

// --- from other threads -------------------------------------------------------------------------

void Scheduler::on_job_done(void* context, BlockingJob& job) noexcept {
  static_cast<Scheduler*>(context)->send(job);
}

void Scheduler::push_remote(ReadyNode* node) noexcept {
  ReadyNode* head = remote_.load(std::memory_order_relaxed);
  do {
    node->next = head;
  } while (!remote_.compare_exchange_weak(head, node));
  // Only the first of a batch needs to wake the loop: it takes the whole list at once.
  if (head == nullptr) backend_->wake();
}

void Scheduler::take_remote_calls() noexcept {
  ReadyNode* newest = remote_.exchange(nullptr);
  ReadyNode* oldest = nullptr;
  while (newest != nullptr) {
    ReadyNode* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    ReadyNode* node = oldest;
    oldest = node->next;
    if (node->run == &BlockingJob::arrived) {
      node->run(node);  // only makes something ready
    } else {
      ready_.push(node);
    }
  }
}

// --- running ------------------------------------------------------------------------------------

// One run_forever() that is under way, and the flag of the one around it.
struct Scheduler::Run {
  explicit Run(Scheduler& of) noexcept
      : loop(of), outer(of.innermost_), outer_stopping(outer != nullptr && of.stopping_) {
    loop.innermost_ = this;
    ++loop.depth_;
    // A stop() that came before the outermost run counts; one of the run around this one is its
    // own.
    if (outer != nullptr) loop.stopping_ = false;
    loop.running_on_.store(this_thread(), std::memory_order_relaxed);
    current_ = &loop;
    if (outer == nullptr && loop.task_state) loop.task_state->on_run_begin();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() {
    loop.innermost_ = outer;
    --loop.depth_;
    loop.stopping_ = outer_stopping;
    if (outer != nullptr) {
      // What the turn around us had yet to run was run in here.
      loop.disturbed_ = true;
      return;
    }
    if (loop.task_state) loop.task_state->on_run_end();
    current_ = nullptr;
    loop.running_on_.store(nullptr, std::memory_order_relaxed);
  }

  Scheduler& loop;
  Run* outer;
  bool outer_stopping;
};

void Scheduler::check_runnable() const {
  check_open();
  if (is_running()) {
    if (!nestable_ || current_ != this) throw RuntimeError("This event loop is already running");
    constexpr unsigned kDeepest = 100;
    if (depth_ >= kDeepest) {
      throw RecursionError(
          "maximum recursion depth exceeded: 100 runs of the event loop inside each other");
    }
  } else if (current_ != nullptr) {
    throw RuntimeError("Cannot run the event loop while another loop is running");
  }
}

void Scheduler::run_forever() {
  check_runnable();
  const Run run(*this);
  do {
    run_turn();
  } while (!stopping_);
}

void Scheduler::stop_run(unsigned depth) noexcept {
  if (depth == depth_) {
    stopping_ = true;
    return;
  }
  unsigned at = depth_ - 1;  // of the run whose flag `run` keeps
  for (Run* run = innermost_; run != nullptr; run = run->outer, --at) {
    if (at == depth) run->outer_stopping = true;
  }
}

void Scheduler::run_turn() {
  ++turns_;
  poll();
  if (remote_.load(std::memory_order_relaxed) != nullptr) take_remote_calls();
  if (interrupted_.load(std::memory_order_relaxed)) [[unlikely]]
    handle_interrupt();
  collect_due_timers();
  run_ready();
  run_due_timers();
}

void Scheduler::poll() {
  const bool busy = stopping_ || !ready_.empty() || !due_.empty();
  if (busy && !backend_->watching()) return;
  Nanoseconds deadline = Nanoseconds::max();
  if (busy) {
    deadline = Nanoseconds::min();
  } else if (const base::HeapNode* next = timers_.top()) {
    deadline = next->deadline;
  }
  backend_->wait(deadline);
}

void Scheduler::handle_interrupt() {
  if (interrupted_.exchange(false) && on_interrupt_) on_interrupt_();
  leave_if_fatal();
}

void Scheduler::collect_due_timers() noexcept {
  if (timers_.empty()) return;
  due_.collect(timers_, backend_->now());
}

void Scheduler::run_ready() {
  if (ready_.empty()) return;
  if (debug_) [[unlikely]]
    return run_ready_timed();
  const ReadyNode* last = ready_.last();
  for (bool more = true; more;) {
    ReadyNode* node = ready_.pop();
    more = node != last;
    // Among many tasks the next one is no longer in the cache.
    __builtin_prefetch(node->next);
    node->run(node);
    if (disturbed_) [[unlikely]] {
      leave_if_fatal();
      return;  // a nested run has done the rest of this turn, and `last` is gone
    }
  }
}

void Scheduler::run_due_timers() {
  while (TimerNode* timer = due_.pop_front()) {
    if (debug_) [[unlikely]] {
      run_timed(*timer);
    } else {
      timer->run(timer);
    }
    if (disturbed_) [[unlikely]]
      leave_if_fatal();
  }
}

// --- debug mode ---------------------------------------------------------------------------------

void Scheduler::run_ready_timed() {
  const ReadyNode* last = ready_.last();
  for (bool more = true; more;) {
    ReadyNode* node = ready_.pop();
    more = node != last;
    run_timed(*node);
    if (disturbed_) return leave_if_fatal();
  }
}

void Scheduler::run_timed(ReadyNode& node) {
  const Nanoseconds start = time();
  std::string name;
  if (node.run == &detail::SoonBlock::run_soon) {
    auto& block = static_cast<detail::SoonBlock&>(node);
    const Handle keep(&block);
    node.run(&node);
    if (time() - start >= slow_callback_) name = block.repr();
  } else if (!task_state || !task_state->run_timed(node, slow_callback_, name)) {
    node.run(&node);
    if (time() - start >= slow_callback_) name = "a callback";
  }
  if (!name.empty()) report_slow(name, time() - start);
}

void Scheduler::run_timed(TimerNode& timer) {
  const Nanoseconds start = time();
  if (timer.run != &detail::TimerBlock::run_due) return timer.run(&timer);
  auto& block = static_cast<detail::TimerBlock&>(timer);
  const Handle keep(&block);
  timer.run(&timer);
  if (time() - start >= slow_callback_) report_slow(block.repr(), time() - start);
}

void Scheduler::report_slow(const std::string& name, Nanoseconds took) const {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", std::chrono::duration<double>(took).count());
  log(LogLevel::warning, "Executing " + name + " took " + seconds + " seconds");
}

void Scheduler::leave_if_fatal() {
  disturbed_ = false;
  if (fatal_) std::rethrow_exception(std::exchange(fatal_, nullptr));
}

void Scheduler::close() {
  if (is_running()) throw RuntimeError("Cannot close a running event loop");
  if (is_closed()) return;
  // From here on every callback that is run only lets go of what it holds.
  closed_.store(true, std::memory_order_relaxed);
  guarded_.store(true, std::memory_order_relaxed);
  OpenLoops::instance().remove(this);
  discard_ready();
  task_state.reset();
  facade_state.reset();
  thread_state.reset();  // after the tasks: nobody waits for a thread any more
  remote_loop_->detach();
  discard_ready();
  // The awaiters' timers went with their tasks; what is left are callbacks.
  discard_timers();
  while (LoopResource* resource = resources_.pop_front()) resource->on_loop_close();
  // Joins the workers, whose last jobs still come back to us.
  backend_->close_all();
  discard_ready();
}

void Scheduler::discard_ready() noexcept {
  take_remote_calls();
  while (!ready_.empty()) {
    ReadyNode* node = ready_.pop();
    node->run(node);
  }
}

void Scheduler::discard_timers() noexcept {
  while (TimerNode* timer = due_.pop_front()) timer->run(timer);
  while (base::HeapNode* node = timers_.pop()) {
    auto* timer = static_cast<TimerNode*>(node);
    timer->run(timer);
  }
}

// --- errors -------------------------------------------------------------------------------------

void Scheduler::default_exception_handler(const ExceptionContext& context) {
  log(LogLevel::error, context.to_string());
}

void Scheduler::report_caught(const char* message, const Describable* future,
                              const Describable* handle) noexcept {
  std::exception_ptr error = std::current_exception();
  if (base::exception_is<KeyboardInterrupt>(error) || base::exception_is<SystemExit>(error)) {
    set_fatal(std::move(error));
    return;
  }
  try {
    ExceptionContext context(message, std::move(error), future);
    context.handle = handle;
    call_exception_handler(context);
  } catch (...) {
    log(LogLevel::error, message);  // no memory for more
  }
}

void Scheduler::call_handler(const ExceptionContext& context) {
  // A copy: the handler may replace itself.
  const ExceptionHandler handler = handler_;
  const Describable* concerned = context.future != nullptr ? context.future : context.handle;
  detail::ContextSlot* slot = concerned != nullptr ? concerned->context_slot() : nullptr;
  if (slot == nullptr) return handler(*this, context);
  // Refused when that is where the error was seen: then it is the right one already.
  const detail::ContextScope scope(*slot);
  handler(*this, context);
}

void Scheduler::call_default_handler(const ExceptionContext& context,
                                     const char* last_resort) noexcept {
  try {
    default_exception_handler(context);
  } catch (const KeyboardInterrupt&) {
    set_fatal(std::current_exception());
  } catch (const SystemExit&) {
    set_fatal(std::current_exception());
  } catch (...) {
    log(LogLevel::error, last_resort);
  }
}

void Scheduler::call_exception_handler(const ExceptionContext& context) noexcept {
  try {
    if (!handler_) return call_default_handler(context, "Exception in default exception handler");
    call_handler(context);
  } catch (const KeyboardInterrupt&) {
    set_fatal(std::current_exception());
  } catch (const SystemExit&) {
    set_fatal(std::current_exception());
  } catch (...) {
    const char* last_resort =
        "Exception in default exception handler while handling an unexpected error in custom "
        "exception handler";
    try {
      const ExceptionContext second("Unhandled error in exception handler",
                                    std::current_exception());
      call_default_handler(second, last_resort);
    } catch (...) {
      log(LogLevel::error, last_resort);  // no memory for more
    }
    call_default_handler(context, last_resort);
  }
}

void Scheduler::prepare_scratch(ScratchTenant* tenant) {
  if (scratch_tenant_ != nullptr && scratch_tenant_ != tenant) scratch_tenant_->vacate_scratch();
  scratch_tenant_ = nullptr;
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<std::byte[]>(kScratchSize);
  scratch_tenant_ = tenant;
}

}  // namespace asyncio
