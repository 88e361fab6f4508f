// Event: many tasks wait until something has happened.
#pragma once

#include <exception>
#include <string>
#include <type_traits>

#include "asyncio/sync/wait_queue.hpp"

namespace asyncio {

class Event;

/// What Event::wait() gives, and Queue::join().
template <class T>
class EventAwaiter final : public detail::QueuedWait, public AsCoro<EventAwaiter<T>, T> {
 public:
  explicit EventAwaiter(Event& event) noexcept : event_(&event) {}

  [[nodiscard]] bool await_ready() const noexcept;
  bool await_suspend(detail::Continuation continuation);
  [[nodiscard]] std::exception_ptr error() {
    settle();
    return failure();
  }
  T await_resume() {
    settle();
    check();
    if constexpr (!std::is_void_v<T>) return true;
  }

 private:
  void settle() noexcept;

  Event* event_;
};

/// A flag that tasks of one loop can wait for.
///
/// Bound to the loop of the first task that had to wait: RuntimeError elsewhere. Must outlive who
/// waits for it: a task that still does is cancelled, with a warning. Loop thread only. Python:
/// asyncio.Event.
class Event : private detail::LoopBound {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Waits until the event is set; `true`. Does not suspend when it is. Whoever waits at a set()
  /// is released, even if clear() follows at once. A cancelled wait just leaves.
  /// Python: Event.wait.
  [[nodiscard]] EventAwaiter<bool> wait() noexcept { return EventAwaiter<bool>(*this); }
  /// Releases all who wait, in the order in which they came. Python: Event.set.
  void set() noexcept {
    if (set_) return;
    set_ = true;
    waiters_.wake_all();
  }
  /// From now on wait() waits again. Python: Event.clear.
  void clear() noexcept { set_ = false; }
  /// Python: Event.is_set.
  [[nodiscard]] bool is_set() const noexcept { return set_; }
  /// "<asyncio.Event [unset, waiters:2]>". Python: repr.
  [[nodiscard]] std::string repr() const;

 private:
  template <class T>
  friend class EventAwaiter;

  detail::WaitQueue waiters_;
  bool set_ = false;
};

template <class T>
bool EventAwaiter<T>::await_ready() const noexcept {
  return event_->set_;
}

template <class T>
bool EventAwaiter<T>::await_suspend(detail::Continuation continuation) {
  if (!event_->bind()) [[unlikely]] {
    refusal_ = detail::LoopBound::other_loop(event_->repr());
    return false;
  }
  return wait_in(event_->waiters_, continuation);
}

template <class T>
void EventAwaiter<T>::settle() noexcept {
  if (linked()) event_->waiters_.remove(*this);
}

}  // namespace asyncio
