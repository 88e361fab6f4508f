// What every coroutine of the library has in common: the base of its promise.
//
// A coroutine is resumed *inside* its parent's await_suspend, which returns false when the child
// finished at once. That costs the same as symmetric transfer and, unlike it, does not grow the
// stack in debug and sanitizer builds. A child that parks instead hands control back later, by a
// transfer from its final suspension to whoever waits.
//
// Must not know of the loop or of tasks.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include "asyncio/base/config.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/coro/traceback.hpp"

namespace asyncio::detail {

struct Frame;

/// The first two words of any coroutine frame (gcc and clang agree). An object that starts with
/// them can be resumed like a coroutine: completion of a task, or of an operand of pass(), is then
/// an ordinary resume, without a wrapper coroutine.
struct FakeFrame {
  void (*resume)(FakeFrame*) = nullptr;
  void (*destroy)(FakeFrame*) = nullptr;

  [[nodiscard]] std::coroutine_handle<> handle() noexcept {
    return std::coroutine_handle<>::from_address(this);
  }
};

/// Who goes on when an awaited thing is done: a handle, and its frame when it is one of ours.
struct Continuation {
  std::coroutine_handle<> handle;
  Frame* frame = nullptr;

  Continuation() = default;
  Continuation(std::coroutine_handle<> to, Frame* of) noexcept : handle(to), frame(of) {}
  template <class Promise>
  Continuation(std::coroutine_handle<Promise> to) noexcept  // NOLINT(google-explicit-constructor)
      : handle(to) {
    if constexpr (std::is_base_of_v<Frame, Promise>) frame = &to.promise();
  }
};

/// The awaiting side of one await of a coroutine.
struct Waiter {
  enum class State : unsigned char {
    idle,     ///< the child has not been started
    inlined,  ///< the child runs inside our await_suspend
    parked,   ///< the child suspended; its completion resumes us
    done,     ///< the outcome is in the slot
  };

  std::coroutine_handle<> handle;  // resumed when the child finishes after having parked
  Frame* parent = nullptr;         // the coroutine that awaits, or null for a task
  State state = State::idle;
  bool child_gone = false;  // the child's frame was destroyed by pass() or raise()
  bool exiting = false;     // the child's exits run: `handle` is theirs, and owned here
};

/// An awaited exit that enter() has registered with a coroutine.
class PendingExit {
 public:
  virtual ~PendingExit() = default;
  /// Starts the exit. Returns whether it parked; `parent` goes on when it is done. `error` is what
  /// leaves the coroutine so far, or null.
  virtual bool start(const Continuation& parent, std::exception_ptr error) = 0;
  /// What is to leave the coroutine after this exit, or null.
  virtual std::exception_ptr outcome() = 0;

  PendingExit* next = nullptr;  // entered before this one
};
void drop_exits(PendingExit* exits) noexcept;

/// Base of all promises. Set before the first resume: `waiter` and `slot`.
struct Frame {
  Waiter* waiter = nullptr;  // null at the end: it was never awaited
  base::SlotBase* slot = nullptr;
  std::source_location where;  // definition first, then the current or last co_await
#if !ASYNCIO_AWAIT_NAMES_ITS_COROUTINE
  const char* defined_name = "";
#endif
  PendingExit* exits = nullptr;
#if ASYNCIO_GCC_FRAME_BUG
  void (*repaired_resume)(void*) = nullptr;
  void (*repaired_destroy)(void*) = nullptr;
  void* true_frame = nullptr;
#endif

  Frame() = default;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  ~Frame() {
    if (exits != nullptr) [[unlikely]]
      drop_exits(exits);
  }

  static void* operator new(std::size_t size) { return base::Pool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    base::Pool::deallocate(memory, size);
  }

  void set_definition(const std::source_location& here) noexcept {
    where = here;
#if !ASYNCIO_AWAIT_NAMES_ITS_COROUTINE
    defined_name = here.function_name();
#endif
  }
  /// As the compiler spells the function.
  [[nodiscard]] const char* name() const noexcept {
#if ASYNCIO_AWAIT_NAMES_ITS_COROUTINE
    return where.function_name();
#else
    return defined_name;
#endif
  }

  /// The handle that belongs to this promise. On g++ 12.2 the compiler may pass another one.
  [[nodiscard]] std::coroutine_handle<Frame> self() noexcept {
    return std::coroutine_handle<Frame>::from_promise(*this);
  }

#if ASYNCIO_GCC_FRAME_BUG
  struct InitialAwaiter {
    Frame* frame;
    static constexpr bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
      if (handle.address() != frame->self().address()) frame->repair(handle.address());
    }
    void await_resume() noexcept {}
  };
  struct FinalAwaiter {
    Frame* frame;
    static constexpr bool await_ready() noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
      return frame->hand_over();
    }
    void await_resume() noexcept {}
  };
  InitialAwaiter initial_suspend() noexcept { return {this}; }
  FinalAwaiter final_suspend() noexcept { return {this}; }
#else
  // Without a pointer to the frame, which would be kept in it.
  struct FinalAwaiter {
    static constexpr bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) noexcept {
      return handle.promise().hand_over();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
#endif
  void unhandled_exception() noexcept {
    slot->error = std::current_exception();
    note_error(*this, slot->error);
  }

 private:
  /// The body is over: who runs next?
  [[nodiscard]] std::coroutine_handle<> hand_over() noexcept;
#if ASYNCIO_GCC_FRAME_BUG
  ASYNCIO_COLD void repair(void* frame) noexcept;
#endif
};

/// How deep coroutines are nested right now on this thread: awaits that have not parked yet.
/// Python's limit is 1,000 interpreter frames; a frame of ours is smaller.
inline constexpr unsigned kRecursionLimit = 5000;
extern constinit thread_local unsigned recursion_depth;

/// The outcome of a child is in its slot: who runs next?
inline std::coroutine_handle<> finished(Waiter& waiter) noexcept {
  const bool inlined = waiter.state == Waiter::State::inlined;
  waiter.state = Waiter::State::done;
  return inlined ? std::noop_coroutine() : waiter.handle;
}

/// The body is over: runs the exits that enter() registered, newest first, each awaited; then the
/// outcome goes to the waiter. Returns who runs next.
std::coroutine_handle<> run_exits(PendingExit* exits, Waiter& waiter,
                                  base::SlotBase& slot) noexcept;

inline std::coroutine_handle<> Frame::hand_over() noexcept {
  if (exits != nullptr) [[unlikely]]
    return run_exits(std::exchange(exits, nullptr), *waiter, *slot);
  return finished(*waiter);
}

/// Ends `frame`, which is suspended, with `error`, without a throw: destroys it (its locals go in
/// the usual order), runs its exits and hands the error to whoever waits. Returns who runs next.
std::coroutine_handle<> propagate(Frame& frame, std::exception_ptr error) noexcept;

/// The awaiter goes before its child is done, or the child went before it: destroys what is left.
ASYNCIO_COLD void drop_child(Frame& child, Waiter& waiter) noexcept;

/// Starts the child inside its parent's await_suspend. Returns whether the parent stays suspended.
ASYNCIO_ALWAYS_INLINE bool start_child(Frame& child, Waiter& waiter, base::SlotBase& slot,
                                       const Continuation& parent) noexcept;
ASYNCIO_COLD void fail_recursion(Waiter& waiter, base::SlotBase& slot) noexcept;

bool start_child(Frame& child, Waiter& waiter, base::SlotBase& slot,
                 const Continuation& parent) noexcept {
  child.waiter = &waiter;
  child.slot = &slot;
  waiter.handle = parent.handle;
  waiter.parent = parent.frame;
  unsigned& depth = recursion_depth;
  if (depth >= kRecursionLimit) [[unlikely]] {
    fail_recursion(waiter, slot);
    return false;
  }
  waiter.state = Waiter::State::inlined;
  ++depth;
  child.self().resume();
  --depth;
  if (waiter.state == Waiter::State::done) return false;
  waiter.state = Waiter::State::parked;
  return true;
}

/// Reports a coroutine that goes without having run, with its name, file and line.
ASYNCIO_COLD void report_never_awaited(const Frame& frame) noexcept;

/// "shop::fetch" out of "Coro<T> shop::fetch(T, int) [with T = int]".
std::string short_name(const char* function_name);

}  // namespace asyncio::detail
