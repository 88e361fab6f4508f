#include "asyncio/loop/scheduler.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"

namespace asyncio {

constinit thread_local Scheduler* Scheduler::current_ = nullptr;
constinit thread_local Scheduler* Scheduler::chosen_ = nullptr;

// What another thread wants run here: a callable or a finished job. From malloc, not from the pool:
// a pooled block that is always made on one thread and freed on another never comes back.
struct Scheduler::RemoteCall {
  RemoteCall* next = nullptr;
  base::UniqueFunction<void()> callback;
  detail::ContextSlot context;  // of the callback
  BlockingJob* job = nullptr;
};

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

}  // namespace

Scheduler::Scheduler() : backend_(make_backend(&on_job_done, this)) {
  OpenLoops::instance().add(this);
}

Scheduler::Scheduler(std::unique_ptr<Backend> backend) : backend_(std::move(backend)) {
  OpenLoops::instance().add(this);
}

bool Scheduler::is_registered(const Scheduler* loop) noexcept {
  return OpenLoops::instance().contains(loop);
}

Scheduler::~Scheduler() {
  if (!closed_) close();
}

void Scheduler::throw_closed() { throw RuntimeError("Event loop is closed"); }

// --- from other threads -------------------------------------------------------------------------

void Scheduler::call_soon_threadsafe(base::UniqueFunction<void()> callback,
                                     CallbackOptions options) {
  check_open();
  auto* call = new RemoteCall;
  call->callback = std::move(callback);
  call->context = detail::context_or_copy(options.context);
  push_remote(call);
}

void Scheduler::on_job_done(void* context, BlockingJob& job) noexcept {
  auto* call = new RemoteCall;
  call->job = &job;
  static_cast<Scheduler*>(context)->push_remote(call);
}

void Scheduler::push_remote(RemoteCall* call) noexcept {
  RemoteCall* head = remote_.load(std::memory_order_relaxed);
  do {
    call->next = head;
  } while (!remote_.compare_exchange_weak(head, call));
  // Only the first of a batch needs to wake the loop: it takes the whole list at once.
  if (head == nullptr) backend_->wake();
}

void Scheduler::take_remote_calls() noexcept {
  RemoteCall* newest = remote_.exchange(nullptr);
  RemoteCall* oldest = nullptr;
  while (newest != nullptr) {
    RemoteCall* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    std::unique_ptr<RemoteCall> call(oldest);
    oldest = call->next;
    if (call->job != nullptr) {
      call->job->done();
    } else if (!closed_) {
      using Block = detail::CallbackWith<detail::SoonBlock, base::UniqueFunction<void()>>;
      auto* block = new Block(std::move(call->callback), *this, std::move(call->context));
      ready_.push(block);
    }
  }
}

// --- running ------------------------------------------------------------------------------------

void Scheduler::run_forever() {
  check_open();
  if (running_) throw RuntimeError("This event loop is already running");
  if (current_ != nullptr) {
    throw RuntimeError("Cannot run the event loop while another loop is running");
  }
  struct Running {
    Scheduler& loop;
    explicit Running(Scheduler& of) : loop(of) {
      loop.running_ = true;
      current_ = &loop;
      if (loop.task_state) loop.task_state->on_run_begin();
    }
    ~Running() {
      if (loop.task_state) loop.task_state->on_run_end();
      current_ = nullptr;
      loop.running_ = false;
      loop.stopping_ = false;
    }
  } const guard(*this);
  do {
    run_turn();
  } while (!stopping_);
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
  const Nanoseconds now = backend_->now();
  while (timers_.top() != nullptr && timers_.top()->deadline <= now) {
    due_.push_back(static_cast<TimerNode*>(timers_.pop()));
  }
}

void Scheduler::run_ready() {
  if (ready_.empty()) return;
  const ReadyNode* last = ready_.last();
  for (bool more = true; more;) {
    ReadyNode* node = ready_.pop();
    more = node != last;
    node->run(node);
    if (fatal_) [[unlikely]]
      leave_if_fatal();
  }
}

void Scheduler::run_due_timers() {
  while (TimerNode* timer = due_.pop_front()) {
    timer->run(timer);
    if (fatal_) [[unlikely]]
      leave_if_fatal();
  }
}

void Scheduler::leave_if_fatal() {
  if (fatal_) std::rethrow_exception(std::exchange(fatal_, nullptr));
}

void Scheduler::close() {
  if (running_) throw RuntimeError("Cannot close a running event loop");
  if (closed_) return;
  // From here on every callback that is run only lets go of what it holds.
  closed_ = true;
  OpenLoops::instance().remove(this);
  discard_ready();
  task_state.reset();
  facade_state.reset();
  discard_ready();
  // The awaiters' timers went with their tasks; what is left are callbacks.
  discard_timers();
  while (LoopResource* resource = resources_.pop_front()) resource->on_loop_close();
  // Joins the workers, whose last jobs still come back to us.
  backend_->close_all();
  take_remote_calls();
}

void Scheduler::discard_ready() noexcept {
  take_remote_calls();
  while (!ready_.empty()) {
    ReadyNode* node = ready_.pop();
    node->run(node);
  }
}

void Scheduler::discard_timers() noexcept {
  while (timers_.top() != nullptr) due_.push_back(static_cast<TimerNode*>(timers_.pop()));
  while (TimerNode* timer = due_.pop_front()) timer->run(timer);
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
  } else {
    ExceptionContext context(message, std::move(error), future);
    context.handle = handle;
    call_exception_handler(context);
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

void Scheduler::call_exception_handler(const ExceptionContext& context) noexcept {
  try {
    if (handler_) {
      call_handler(context);
    } else {
      default_exception_handler(context);
    }
  } catch (const KeyboardInterrupt&) {
    set_fatal(std::current_exception());
  } catch (const SystemExit&) {
    set_fatal(std::current_exception());
  } catch (...) {
    try {
      default_exception_handler(
          ExceptionContext("Unhandled error in exception handler", std::current_exception()));
      default_exception_handler(context);
    } catch (...) {
      log(LogLevel::error, "Exception in default exception handler");
    }
  }
}

std::span<std::byte> Scheduler::scratch(ScratchTenant* tenant) {
  constexpr std::size_t kSize = 256 * 1024;
  if (scratch_tenant_ != nullptr && scratch_tenant_ != tenant) scratch_tenant_->vacate_scratch();
  scratch_tenant_ = tenant;
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<std::byte[]>(kSize);
  return {scratch_.get(), kSize};
}

}  // namespace asyncio
