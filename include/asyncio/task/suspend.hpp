// The only way to wait. Every awaiter of the library that parks derives from Suspend: futures,
// sleep, locks, queues, sockets. So cancellation is written once.
#pragma once

#include <coroutine>
#include <exception>
#include <string_view>
#include <utility>

#include "asyncio/base/check.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/frame.hpp"

namespace asyncio {

class Scheduler;

namespace detail {
class FutureBase;
class TaskBase;
}  // namespace detail

/// Parks the current task. A derived awaiter registers itself wherever it waits, calls park() from
/// await_suspend and returns its answer; whoever has what it waits for calls wake().
///
/// Life: idle -> parked -> (wake) woken -> (the task's turn) resumed. An awaiter that is destroyed
/// while parked takes itself out; the derived class does the same for its own queues.
class Suspend {
 public:
  Suspend() = default;
  Suspend([[maybe_unused]] Suspend&& other) noexcept {
    ASYNCIO_DEBUG_CHECK(other.state_ == State::idle, "an awaiter moved while it waits");
  }
  Suspend& operator=(Suspend&&) = delete;

 protected:
  ~Suspend() {
    if (state_ == State::parked || state_ == State::woken) [[unlikely]]
      leave();
  }

  // --- the three hooks ------------------------------------------------------------------------

  /// The task was told to cancel while we are parked. True: I have left every queue, deliver the
  /// CancelledError. False: I have passed the request on to what I wait for; I keep waiting and
  /// it will wake me.
  virtual bool abort() = 0;
  /// Our turn has come, before the coroutine runs. True: go on. False: what we were woken for is
  /// gone, I have queued again (a recv that would block, an item that another one took).
  virtual bool retry() { return true; }
  /// We were woken and then cancelled before our turn: hand the permit, item or notification on.
  virtual void lost() {}

  // --- for those who look ---------------------------------------------------------------------

  /// The future or task that is awaited, or null when it is something else.
  [[nodiscard]] virtual const detail::FutureBase* awaited() const noexcept { return nullptr; }

  // --- for derived awaiters -------------------------------------------------------------------

  /// Suspends the current task until wake(). When a cancellation is pending, abort() is called at
  /// once; the delivery still takes one turn. Returns true, for await_suspend to return.
  bool park(detail::Continuation continuation) noexcept;
  /// park() and wake() in one: the task goes on in the next turn.
  bool park_woken(detail::Continuation continuation) noexcept;
  /// Makes the parked task ready. No effect when that has happened already. Loop thread only.
  void wake() noexcept;

  [[nodiscard]] bool parked() const noexcept {
    return state_ == State::parked || state_ == State::stranded;
  }
  /// Parked, and the loop has closed: nothing will wake it.
  [[nodiscard]] bool stranded() const noexcept { return state_ == State::stranded; }
  /// The await ends with CancelledError. Valid once resumed.
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  /// The CancelledError to deliver, with the message given to cancel(); null when not cancelled.
  [[nodiscard]] std::exception_ptr cancellation() const;
  /// For abort(): the request could not be passed on; cancel the await when it is woken.
  void cancel_at_next_turn() noexcept;
  /// For an awaiter with work left before it may end. In lost(): false; retry() is asked then, as
  /// without a cancellation. In retry(): true, to end the await with CancelledError after all.
  void set_cancelled(bool cancelled) noexcept { cancelled_ = cancelled; }
  /// For abort(): the message given to cancel(), to pass on.
  [[nodiscard]] std::string_view cancel_message() const noexcept;

  [[nodiscard]] detail::TaskBase& task() const noexcept { return *task_; }

 private:
  friend class detail::TaskBase;
  // Stranded: parked, and the loop closes, so that nothing can wake it any more.
  enum class State : unsigned char { idle, parked, woken, resumed, stranded };

  void leave() noexcept;
  void tell_to_abort() noexcept;
  void attach(detail::Continuation continuation) noexcept;

  detail::TaskBase* task_ = nullptr;
  detail::Continuation continuation_;
  State state_ = State::idle;
  bool cancelled_ = false;
  bool told_ = false;  // to abort, in this park, and woken for that: the message is settled
};

/// Mixin of the library's awaiters: `Coro<T> c = sleep(1s);`, so that they go wherever a coroutine
/// does: into gather(), create_task(), a vector of coroutines.
template <class Derived, class T>
class AsCoro {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator Coro<T>() && { return run(static_cast<Derived&&>(*this)); }

 private:
  static Coro<T> run(Derived awaiter);
};

}  // namespace asyncio

#include "asyncio/task/suspend_impl.hpp"
