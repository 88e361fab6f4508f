// Waiting for a Lock or a Semaphore, and the guard that gives it back.
#pragma once

#include <exception>
#include <type_traits>
#include <utility>

#include "asyncio/base/list.hpp"
#include "asyncio/sync/wait_queue.hpp"

namespace asyncio {

/// Holds a lock, or one permit of a semaphore, until it goes: `auto guard = co_await
/// lock.scoped();`. Releasing needs no await, so a destructor can do it. When the primitive goes
/// first, the guard holds nothing. Loop thread only.
template <class P>
class [[nodiscard("the guard releases when it goes: give it a name")]] Guard
    : private base::ListNode {
 public:
  Guard(Guard&& other) noexcept : primitive_(other.primitive_) {
    if (!other.linked()) return;
    other.unlink();
    primitive_->guards_.push_back(this);
  }
  Guard& operator=(Guard&&) = delete;
  ~Guard() { release(); }

  /// Gives it back now. No effect the second time.
  void release() noexcept {
    if (!linked()) return;
    unlink();
    primitive_->release_guarded();
  }
  /// Whether it still has something to give back.
  [[nodiscard]] bool holds() const noexcept { return linked(); }

 private:
  friend P;
  friend base::List<Guard>;
  template <class Primitive, class T>
  friend class AcquireAwaiter;
  explicit Guard(P& primitive) noexcept : primitive_(&primitive) {
    primitive_->guards_.push_back(this);
  }

  P* primitive_;
};

/// What acquire(), aenter() and scoped() give: the same wait with another result.
template <class P, class T>
class AcquireAwaiter final : public detail::QueuedWait, public AsCoro<AcquireAwaiter<P, T>, T> {
 public:
  explicit AcquireAwaiter(P& primitive) noexcept : primitive_(&primitive) {}

  [[nodiscard]] bool await_ready() noexcept { return primitive_->try_acquire(); }
  bool await_suspend(detail::Continuation continuation) {
    if (!primitive_->bind()) [[unlikely]] {
      refusal_ = detail::LoopBound::other_loop(primitive_->repr());
      return false;
    }
    return wait_in(primitive_->waiters_, continuation);
  }
  [[nodiscard]] std::exception_ptr error() {
    settle();
    return failure();
  }
  T await_resume() {
    settle();
    check();
    if constexpr (std::is_same_v<T, Guard<P>>) {
      return Guard<P>(*primitive_);
    } else if constexpr (!std::is_void_v<T>) {
      return true;
    }
  }

 private:
  // Our turn: takes what was freed, or makes sure that another one does. Once.
  void settle() noexcept {
    if (linked()) primitive_->settle(*this, cancelled());
  }

  P* primitive_;
};

}  // namespace asyncio
