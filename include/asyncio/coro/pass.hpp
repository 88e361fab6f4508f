// Errors without throws.
//
// A C++ throw costs 0.6 to 1 us for every coroutine it passes through; Python's costs 0.13. These
// three let a program opt out where it matters:
//
//   auto value = co_await pass(x);   // like `?` in Rust: on error, end this coroutine with it
//   Result<T> r = co_await try_(x);  // value or exception, no throw
//   co_await raise<ValueError>("…");  // end this coroutine with an error
//
// pass() and raise() leave the coroutine without unwinding it: its frame is destroyed, locals in
// the usual order, and the error goes to whoever awaits. A `try` block around them is therefore
// never entered by the error. Inside `try`, use a plain co_await.
#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "asyncio/coro/awaitable.hpp"
#include "asyncio/coro/coro.hpp"

namespace asyncio {

namespace detail {

// The operand is given a fake frame as its continuation, so that an error never resumes `frame_`.
template <class Source>
class PassAwaiter : FakeFrame {
 public:
  PassAwaiter(Source&& source, Frame& frame)
      : awaiter_(get_awaiter(std::forward<Source>(source))), frame_(&frame) {
    this->resume = &on_done;
  }
  PassAwaiter(PassAwaiter&&) = delete;

  bool await_ready() { return false; }

  bool await_suspend(std::coroutine_handle<>) {
    if (!awaiter_.await_ready()) {
      using Answer = decltype(awaiter_.await_suspend(Continuation(handle(), frame_)));
      static_assert(std::is_same_v<Answer, bool>, "pass() takes the library's own awaitables");
      if (awaiter_.await_suspend(Continuation(handle(), frame_))) return true;
    }
    std::exception_ptr error = awaiter_.error();
    if (!error) return false;
    propagate(*frame_, std::move(error)).resume();
    return true;  // this awaiter and its coroutine are gone
  }

  decltype(auto) await_resume() { return awaiter_.await_resume(); }

 private:
  static void on_done(FakeFrame* fake) {
    auto* self = static_cast<PassAwaiter*>(fake);
    if (std::exception_ptr error = self->awaiter_.error()) {
      propagate(*self->frame_, std::move(error)).resume();
    } else {
      self->frame_->self().resume();
    }
  }

  awaiter_in_place_t<Source> awaiter_;
  Frame* frame_;
};

// Refers to its operand, which lives until the end of the co_await expression.
template <class Source>
class Pass {
 public:
  explicit Pass(Source&& source) noexcept : source_(std::forward<Source>(source)) {}
  PassAwaiter<Source> awaiter_in(Frame& frame) && {
    return PassAwaiter<Source>(std::forward<Source>(source_), frame);
  }

 private:
  Source&& source_;
};

class RaiseAwaiter {
 public:
  RaiseAwaiter(std::exception_ptr error, Frame& frame) noexcept
      : error_(std::move(error)), frame_(&frame) {}
  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(std::coroutine_handle<>) noexcept {
    propagate(*frame_, std::move(error_)).resume();
    return true;
  }
  [[noreturn]] void await_resume() noexcept { std::terminate(); }

 private:
  std::exception_ptr error_;
  Frame* frame_;
};

class Raise {
 public:
  explicit Raise(std::exception_ptr error) noexcept : error_(std::move(error)) {}
  RaiseAwaiter awaiter_in(Frame& frame) && { return RaiseAwaiter(std::move(error_), frame); }

 private:
  std::exception_ptr error_;
};

template <class Source>
class TryAwaiter {
 public:
  explicit TryAwaiter(Source&& source) : awaiter_(get_awaiter(std::forward<Source>(source))) {}

  decltype(auto) await_ready() { return awaiter_.await_ready(); }
  // A wait that could not begin (no thread, no memory) is an error as any other.
  bool await_suspend(Continuation parent) {
    try {
      return awaiter_.await_suspend(parent);
    } catch (...) {
      refusal_ = std::current_exception();
      return false;
    }
  }

  auto await_resume() {
    using T = decltype(awaiter_.await_resume());
    if (refusal_) [[unlikely]]
      return Result<T>(std::move(refusal_));
    if (std::exception_ptr error = awaiter_.error()) return Result<T>(std::move(error));
    if constexpr (std::is_void_v<T>) {
      awaiter_.await_resume();
      return Result<T>(std::in_place, std::monostate());
    } else {
      return Result<T>(std::in_place, awaiter_.await_resume());
    }
  }
  std::exception_ptr error() noexcept { return nullptr; }

 private:
  awaiter_in_place_t<Source> awaiter_;
  std::exception_ptr refusal_;
};

}  // namespace detail

/// `co_await pass(x)` is `co_await x`, but an error ends the awaiting coroutine at once, without a
/// throw: 0.07 us per frame instead of 0.9. Never caught by a `try` around it.
template <Awaitable A>
[[nodiscard]] auto pass(A&& awaitable) {
  static_assert(detail::QuietAwaiter<detail::awaiter_t<A>>,
                "pass() takes the library's own awaitables; co_await this one plainly");
  return detail::Pass<A>(std::forward<A>(awaitable));
}

/// `Result<T> r = co_await try_(x)`: the value or the exception (also CancelledError), no throw.
/// Await it where it is written: it may refer to its operand.
template <Awaitable A>
[[nodiscard]] auto try_(A&& awaitable) {
  static_assert(detail::QuietAwaiter<detail::awaiter_t<A>>,
                "try_() takes the library's own awaitables; co_await this one in a try block");
  return detail::TryAwaiter<A>(std::forward<A>(awaitable));
}

/// `co_await raise<E>(args...)` ends the coroutine with E(args...), without a throw. The exception
/// is built here, because g++ 12 destroys a temporary in a co_await expression twice.
template <class E, class... Args>
[[nodiscard]] detail::Raise raise(Args&&... args) {
  return detail::Raise(std::make_exception_ptr(E(std::forward<Args>(args)...)));
}

/// Ends the coroutine with an exception that is already there.
[[nodiscard]] inline detail::Raise raise(std::exception_ptr error) {
  return detail::Raise(std::move(error));
}

}  // namespace asyncio
