// The loop itself: callbacks, time, and turns. Knows nothing of coroutines.
//
// One turn:
//   1. wait for events, at most until the next timer (not at all when something is ready)
//   2. take what other threads have sent
//   3. run what was ready at that point, in order
//   4. run the timers that were due at that point, in order of their deadlines
// What runs in a turn and makes something ready makes it ready for the next one.
//
// Python's large loop object is EventLoop (run/event_loop.hpp); this is its scheduling half.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/function.hpp"
#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/exception_context.hpp"
#include "asyncio/loop/handle.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/remote_call.hpp"
#include "asyncio/loop/timer.hpp"

namespace asyncio {

namespace detail {
class RemoteLoop;
}

/// State that a higher layer keeps with a loop (tasks, the facade). Destroyed with the loop.
class LayerState {
 public:
  virtual ~LayerState() = default;
  /// The loop begins to run in this thread, or ends.
  virtual void on_run_begin() noexcept {}
  virtual void on_run_end() noexcept {}
  /// Debug mode: runs `node` when it is of this layer. What it was, in words, goes to `name` if it
  /// took longer than `limit`. False: not one of ours.
  virtual bool run_timed(ReadyNode& /*node*/, Nanoseconds /*limit*/, std::string& /*name*/) {
    return false;
  }
};

/// Something that belongs to a loop and must let go of it when the loop closes first: an open
/// socket. Joins with Scheduler::attach and leaves by being destroyed.
class LoopResource : public base::ListNode {
 public:
  /// Close what you hold, now; the loop is not to be used after this call. Runs no user code.
  virtual void on_loop_close() noexcept = 0;

 protected:
  ~LoopResource() = default;
};

/// Whoever has left bytes in the loop's scratch buffer that it still needs.
class ScratchTenant {
 public:
  /// Somebody else is about to write there: copy out what you need, now.
  virtual void vacate_scratch() noexcept = 0;

 protected:
  ~ScratchTenant() = default;
};

class Scheduler {
 public:
  /// With the kernel's best backend, or a given one (a simulated world, for tests).
  Scheduler();
  explicit Scheduler(std::unique_ptr<Backend> backend);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;
  /// Closes it.
  ~Scheduler();

  // --- scheduling ---------------------------------------------------------------------------

  // Callbacks run in a copy of the context of whoever schedules them, or in the one given.

  /// Runs `callback()` in the next turn. FIFO. RuntimeError when closed, and in debug mode from
  /// another thread. Loop thread only. Python: loop.call_soon.
  template <class F>
  Handle call_soon(F&& callback, CallbackOptions options = {}) {
    check_callback<F>();
    using Block = detail::CallbackWith<detail::SoonBlock, std::decay_t<F>>;
    auto* block =
        new Block(std::forward<F>(callback), *this, detail::context_or_copy(options.context));
    ready_.push(block);
    return Handle(block);
  }

  /// Runs `callback()` once `when` (in time()) has come. Equal deadlines run in order of these
  /// calls. Python: loop.call_at.
  template <class F>
  TimerHandle call_at(Nanoseconds when, F&& callback, CallbackOptions options = {}) {
    check_callback<F>();
    using Block = detail::CallbackWith<detail::TimerBlock, std::decay_t<F>>;
    auto* block =
        new Block(std::forward<F>(callback), *this, detail::context_or_copy(options.context));
    TimerHandle handle(block);
    try {
      arm(*block, when);
    } catch (...) {
      block->drop_reference();
      throw;
    }
    return handle;
  }

  /// call_at(time() + delay). A delay of zero or less runs in the next turn.
  /// Python: loop.call_later.
  template <class F>
  TimerHandle call_later(Delay delay, F&& callback, CallbackOptions options = {}) {
    return call_at(base::saturating_add(time(), delay.value()), std::forward<F>(callback), options);
  }

  /// As call_soon, from any thread; wakes the loop. RuntimeError when closed; the caller sees to it
  /// that the loop does not go during the call. Python: loop.call_soon_threadsafe.
  template <class F>
  ThreadSafeHandle call_soon_threadsafe(F&& callback, CallbackOptions options = {}) {
    check_open();
    using Call = detail::RemoteCallOf<std::decay_t<F>>;
    auto* call =
        new Call(std::forward<F>(callback), *this, detail::context_or_copy(options.context), true);
    ThreadSafeHandle handle(call);
    push_remote(call);
    return handle;
  }

  /// The loop's clock: monotonic, in nanoseconds. Python: loop.time (in seconds).
  [[nodiscard]] Nanoseconds time() noexcept { return backend_->now(); }

  // --- running --------------------------------------------------------------------------------

  /// Turns until stop(). RuntimeError when closed, when another loop runs in this thread, or when
  /// this one runs already and allow_nesting() was not called. A KeyboardInterrupt or SystemExit
  /// from a callback leaves at once; the loop can run again. Python: loop.run_forever.
  void run_forever();
  /// Ends run_forever after the present turn; before it, after exactly one. Python: loop.stop.
  void stop() noexcept { stopping_ = true; }
  /// Any thread.
  [[nodiscard]] bool is_running() const noexcept {
    return running_on_.load(std::memory_order_relaxed) != nullptr;
  }
  /// Any thread.
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  /// From now on run_forever may be called while this loop runs in this thread: it then turns the
  /// same loop from inside. Python: the package nest_asyncio.
  void allow_nesting() noexcept { nestable_ = true; }
  [[nodiscard]] bool nestable() const noexcept { return nestable_; }
  /// Throws what run_forever() would refuse with.
  void check_runnable() const;
  /// How many run_forever() are under way, one inside the other.
  [[nodiscard]] unsigned depth() const noexcept { return depth_; }
  /// stop() for the run that made depth() this number, which need not be the innermost.
  void stop_run(unsigned depth) noexcept;
  /// Drops all callbacks and timers and closes the backend. RuntimeError while running.
  /// Python: loop.close.
  void close();

  /// The loop that runs in this thread, or null.
  [[nodiscard]] static Scheduler* running() noexcept { return current_; }
  /// Whether `loop` exists and is not closed: for what may outlive its loop. Any thread.
  [[nodiscard]] static bool is_open(const Scheduler* loop) noexcept {
    return loop == current_ || is_registered(loop);
  }
  /// The loop meant by code of this thread that runs in none, as programs wrote it before run():
  /// row 7 chooses it (set_event_loop, get_event_loop). Null for none.
  [[nodiscard]] static Scheduler* chosen() noexcept { return chosen_; }
  static void choose(Scheduler* loop) noexcept { chosen_ = loop; }

  /// How many turns were made: what "scheduling passes" counts.
  [[nodiscard]] std::uint64_t turns() const noexcept { return turns_; }

  // --- errors ---------------------------------------------------------------------------------

  /// Null restores the default, which logs. Python: loop.set_exception_handler.
  void set_exception_handler(ExceptionHandler handler) { handler_ = std::move(handler); }
  [[nodiscard]] const ExceptionHandler& get_exception_handler() const noexcept { return handler_; }
  /// Runs the handler in the context of the future or handle concerned. Never throws: a handler
  /// that fails is itself reported. Python: loop.call_exception_handler.
  void call_exception_handler(const ExceptionContext& context) noexcept;
  static void default_exception_handler(const ExceptionContext& context);
  /// Inside `catch (...)` around code of the user's: KeyboardInterrupt and SystemExit leave the
  /// loop; anything else goes to the exception handler with `message`.
  void report_caught(const char* message, const Describable* future = nullptr,
                     const Describable* handle = nullptr) noexcept;

  /// Whether mistakes that cost time to find are looked for: callbacks that run long, calls from
  /// the wrong thread, tasks that wait for each other, cancellations that are swallowed; and
  /// whether tasks remember where they were made. From the environment variable ASYNCIO_DEBUG at
  /// first. Python: loop.get_debug, set_debug; PYTHONASYNCIODEBUG.
  [[nodiscard]] bool get_debug() const noexcept { return debug_; }
  void set_debug(bool enabled) noexcept {
    debug_ = enabled;
    guarded_.store(debug_ || is_closed(), std::memory_order_relaxed);
  }
  /// In debug mode a callback or step that runs this long is logged. Python:
  /// loop.slow_callback_duration.
  [[nodiscard]] Nanoseconds slow_callback_duration() const noexcept { return slow_callback_; }
  void set_slow_callback_duration(Delay limit) noexcept { slow_callback_ = limit.value(); }

  // --- for the layers above -------------------------------------------------------------------

  [[nodiscard]] Backend& backend() noexcept { return *backend_; }
  /// For a job that needs it on its thread, where it may still be when the loop has gone.
  [[nodiscard]] std::shared_ptr<Backend> share_backend() const noexcept { return backend_; }
  void push(ReadyNode* node) noexcept { ready_.push(node); }
  void arm(TimerNode& timer, Nanoseconds when) {
    timer.deadline = when;
    timers_.push(&timer);
  }
  void disarm(TimerNode& timer) noexcept {
    if (timer.in_heap()) {
      timers_.remove(&timer);
    } else {
      due_.remove(timer);
    }
  }
  /// How many timers wait for their deadline.
  [[nodiscard]] std::size_t armed_timers() const noexcept { return timers_.size(); }
  /// For tests that look for code which leans on luck: timers of equal deadlines run in an order
  /// that `seed` chooses.
  void shuffle_equal_deadlines(std::uint64_t seed) noexcept { timers_.scatter_equal(seed); }
  /// Ends the running turn after the present callback and leaves run_forever with `error`:
  /// KeyboardInterrupt and SystemExit, which belong to the program and to no task.
  void set_fatal(std::exception_ptr error) noexcept {
    if (!fatal_) fatal_ = std::move(error);
    disturbed_ = true;
  }
  /// Runs in the next turn after interrupt(), on the loop's thread.
  void set_interrupt_handler(base::UniqueFunction<void()> handler) {
    on_interrupt_ = std::move(handler);
  }
  /// SIGINT has come. Any thread, also a signal handler. Returns false when the interrupt before
  /// has not been noticed yet: the loop is stuck in a callback.
  bool interrupt() noexcept {
    const bool noticed = !interrupted_.exchange(true);
    backend_->wake();
    return noticed;
  }
  void check_open() const {
    if (is_closed()) [[unlikely]]
      throw_closed();
  }
  /// For what only the loop's thread may do: check_open(), and in debug mode whose thread this is.
  void check_call() const {
    if (guarded_.load(std::memory_order_relaxed)) [[unlikely]]
      check_guarded();
  }
  /// As call_soon_threadsafe, without a handle and in an empty context: for the library's own.
  template <class F>
  void send(F&& callback) {
    push_remote(new detail::RemoteCallOf<std::decay_t<F>>(std::forward<F>(callback), *this,
                                                          detail::ContextSlot(), false));
  }
  /// Runs a node of the caller's in the next turn; it must not be on its way already, and stays
  /// alive until it has run, at the latest while the loop closes. Any thread, also a signal
  /// handler.
  void post(ReadyNode& node) noexcept { push_remote(&node); }
  /// A job that has run goes home. Any thread.
  void send(BlockingJob& job) noexcept { push_remote(&job.arrival_); }
  /// For threads that may outlive the loop. Any thread, while it is there.
  [[nodiscard]] const std::shared_ptr<detail::RemoteLoop>& remote() const noexcept {
    return remote_loop_;
  }
  /// Names the calling thread, by an address that no other living thread has.
  [[nodiscard]] static const void* this_thread() noexcept { return &current_; }
  void attach(LoopResource& resource) noexcept { resources_.push_back(&resource); }
  /// What rows 2 and 3 and the facade keep here; opaque to the loop.
  std::unique_ptr<LayerState> task_state;
  std::unique_ptr<LayerState> thread_state;
  std::unique_ptr<LayerState> facade_state;
  /// What a higher layer keeps with this loop, one object per type, made at its first use as
  /// State(scheduler). Goes with the loop object, the last made first; what must let go when the
  /// loop closes is a LoopResource besides.
  template <class State>
  [[nodiscard]] State& state() {
    if (State* found = find_state<State>()) return *found;
    states_.push_back({&kStateKey<State>, std::make_unique<State>(*this)});
    return static_cast<State&>(*states_.back().state);
  }
  /// Null when nobody has made it.
  template <class State>
  [[nodiscard]] State* find_state() const noexcept {
    for (const StateEntry& entry : states_) {
      if (entry.key == &kStateKey<State>) return static_cast<State*>(entry.state.get());
    }
    return nullptr;
  }
  /// 256 KB for whoever reads, so that an idle connection holds no buffer: valid until the next
  /// await, or for a tenant until it is told to vacate. Made at the first use.
  [[nodiscard]] std::span<std::byte> scratch(ScratchTenant* tenant = nullptr) {
    if (tenant == nullptr || scratch_tenant_ != tenant) prepare_scratch(tenant);
    return {scratch_.get(), kScratchSize};
  }
  /// The tenant goes, or needs nothing of it any more.
  void leave_scratch(const ScratchTenant& tenant) noexcept {
    if (scratch_tenant_ == &tenant) scratch_tenant_ = nullptr;
  }

 private:
  struct Run;
  struct StateEntry {
    const char* key;
    std::unique_ptr<LayerState> state;
  };
  template <class State>
  static inline const char kStateKey = 0;

  void call_handler(const ExceptionContext& context);
  void call_default_handler(const ExceptionContext& context, const char* last_resort) noexcept;
  template <class F>
  void check_callback() const {
    // A coroutine that nobody awaits: the layer of coroutines is not known here, their mark is.
    static_assert(
        !requires { typename std::invoke_result_t<std::decay_t<F>&>::promise_type; },
        "coroutines cannot be used with call_soon(), call_later() and call_at(): use "
        "create_task()");
    check_call();
  }
  void run_turn();
  void poll();
  void take_remote_calls() noexcept;
  void collect_due_timers() noexcept;
  void run_ready();
  void run_due_timers();
  void leave_if_fatal();
  void handle_interrupt();
  void discard_ready() noexcept;
  void discard_timers() noexcept;
  void prepare_scratch(ScratchTenant* tenant);
  ASYNCIO_COLD void run_ready_timed();
  ASYNCIO_COLD void run_timed(ReadyNode& node);
  ASYNCIO_COLD void run_timed(TimerNode& timer);
  void report_slow(const std::string& name, Nanoseconds took) const;
  [[noreturn]] ASYNCIO_COLD static void throw_closed();
  ASYNCIO_COLD void check_guarded() const;
  ASYNCIO_COLD static bool is_registered(const Scheduler* loop) noexcept;
  static void on_job_done(void* context, BlockingJob& job) noexcept;
  void push_remote(ReadyNode* node) noexcept;

  static constexpr std::size_t kScratchSize = 256 * 1024;

  static constinit thread_local Scheduler* current_;
  static constinit thread_local Scheduler* chosen_;

  ReadyQueue ready_;
  base::TimerHeap timers_;
  DueTimers due_;
  base::List<LoopResource> resources_;
  std::shared_ptr<Backend> backend_;
  std::vector<StateEntry> states_;
  std::exception_ptr fatal_;
  std::atomic<ReadyNode*> remote_{nullptr};  // newest first
  std::shared_ptr<detail::RemoteLoop> remote_loop_;
  std::atomic<bool> interrupted_{false};
  ExceptionHandler handler_;
  base::UniqueFunction<void()> on_interrupt_;
  std::unique_ptr<std::byte[]> scratch_;
  ScratchTenant* scratch_tenant_ = nullptr;
  std::uint64_t turns_ = 0;
  Nanoseconds slow_callback_ = std::chrono::milliseconds(100);
  Run* innermost_ = nullptr;
  unsigned depth_ = 0;
  std::atomic<const void*> running_on_{nullptr};  // this_thread() of whoever runs it
  std::atomic<bool> closed_{false};
  std::atomic<bool> guarded_{false};  // closed or in debug mode: one look for both
  bool stopping_ = false;             // the innermost run
  bool disturbed_ = false;            // the turn must not simply go on after this callback
  bool nestable_ = false;
  bool debug_ = false;
};

}  // namespace asyncio
