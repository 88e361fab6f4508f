// enter(): a resource until the end of the coroutine, whose exit is awaited. Python: `async with`
// around all that follows.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "asyncio/base/check.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"

namespace asyncio {

namespace detail {

// Without the resource's type: g++ warns of frames that hold a type of an anonymous namespace.
template <class Exit>
Coro<> leave_resource(Exit exit, std::exception_ptr error) {
  co_await pass(std::move(exit));
  if (error) co_await raise(std::move(error));
}

// The resource and its exit, owned by the coroutine that entered it. `R` may be a reference.
template <class R>
class ExitOf final : public PendingExit, public base::Pooled {
 public:
  template <class... Args>
  explicit ExitOf(Args&&... args) : resource(std::forward<Args>(args)...) {}

  bool start(const Continuation& parent, std::exception_ptr error) override {
    try {
      leaving_.emplace(leave_resource(resource.aexit(error), error).release());
    } catch (...) {
      failure_ = std::current_exception();
      return false;
    }
    return leaving_->await_suspend(parent);
  }
  std::exception_ptr outcome() override { return failure_ ? failure_ : leaving_->error(); }

  R resource;

 private:
  std::optional<CoroAwaiter<void>> leaving_;
  std::exception_ptr failure_;  // aexit threw, or there is no memory to await it
};

/// A resource that is bound to the task which enters it and may cancel that task says so with
/// `kCancelsItsTask = true`.
template <class R>
concept CancelsItsTask = requires { requires std::remove_reference_t<R>::kCancelsItsTask; };

template <class R>
class Enter {
  using Resource = std::remove_reference_t<R>;
  using Entering = decltype(std::declval<Resource&>().aenter());
  static_assert(QuietAwaiter<awaiter_t<Entering>>,
                "aenter() must give an awaitable of the library");

 public:
  /// Not in an async generator: between two values the task is elsewhere.
  static constexpr bool kCancelsItsTask = CancelsItsTask<R>;

  template <class... Args>
  explicit Enter(std::in_place_t, Args&&... args)
      : exit_(std::make_unique<ExitOf<R>>(std::forward<Args>(args)...)),
        entering_(exit_->resource.aenter()),
        awaiter_(get_awaiter(std::forward<Entering>(entering_))) {}
  Enter(Enter&&) = delete;

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation parent) {
    ASYNCIO_CHECK(parent.frame != nullptr, "enter() is awaited in a coroutine that returns a Coro");
    frame_ = parent.frame;
    return !awaiter_.await_ready() && awaiter_.await_suspend(parent);
  }
  decltype(auto) await_resume() {
    if constexpr (std::is_void_v<entered_t<Resource>>) {
      awaiter_.await_resume();
      return owned_by_frame();
    } else {
      decltype(auto) entered = awaiter_.await_resume();
      owned_by_frame();
      return static_cast<entered_t<Resource>>(entered);
    }
  }
  [[nodiscard]] std::exception_ptr error() noexcept { return awaiter_.error(); }

 private:
  Resource& owned_by_frame() noexcept {
    exit_->next = frame_->exits;
    frame_->exits = exit_.get();
    return exit_.release()->resource;
  }

  std::unique_ptr<ExitOf<R>> exit_;
  Entering entering_;
  awaiter_in_place_t<Entering> awaiter_;
  Frame* frame_ = nullptr;
};

/// A resource whose tasks would outlive the coroutine's locals says so with `kNeedsBlock = true`.
template <class R>
concept NeedsBlock = requires { requires std::remove_reference_t<R>::kNeedsBlock; };

}  // namespace detail

/// `auto& lock = co_await enter<Lock>(args...)`: makes an R from the arguments and enters it; gives
/// the resource, or what entering it gave (`int index = co_await enter<Barrier&>(barrier)`). When
/// the coroutine ends - by co_return, an exception, pass() or raise() - its locals go, then the
/// exits are awaited, the newest first, and then its outcome goes to whoever awaits it.
/// `enter<R&>(named)` uses a resource that outlives the coroutine.
///
/// An exception from aexit replaces the one on its way. Refused for resources that may swallow an
/// exception, since nothing says what the coroutine would return, and for task groups: use with().
template <class R, class... Args>
  requires AsyncContextManager<std::remove_reference_t<R>>
[[nodiscard]] detail::Enter<R> enter(Args&&... args) {
  using Resource = std::remove_reference_t<R>;
  using Exit = decltype(std::declval<Resource&>().aexit(std::exception_ptr()));
  static_assert(!detail::NeedsBlock<R>,
                "this resource's tasks would outlive the coroutine's locals: use with()");
  static_assert(!std::is_same_v<await_result_t<Exit>, bool>,
                "this resource may swallow exceptions: use with()");
  return detail::Enter<R>(std::in_place, std::forward<Args>(args)...);
}

}  // namespace asyncio
