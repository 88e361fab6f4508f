// Generator<T>: a function that yields, run step by step. Python: a generator (`def` with `yield`).
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "asyncio/base/check.hpp"
#include "asyncio/base/config.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/base/pool.hpp"

namespace asyncio {

/// The end of a generator, for next(generator). Python: StopIteration.
class StopIteration : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "StopIteration"; }
};

/// Lazy: calling the function runs nothing; next() runs it to its next `co_yield`. Needs no loop.
/// An exception in the body comes out of next(), and the generator has then ended.
///
///   Generator<int> count() { for (int i = 0;; ++i) co_yield i; }
///   auto numbers = count();
///   while (auto number = numbers.next()) ...   // std::optional<int>
///   for (int number : numbers) ...
template <class T>
class [[nodiscard("a generator does nothing until next() or a loop over it")]] Generator {
 public:
  using value_type = T;

  struct promise_type : base::Pooled {
    std::add_pointer_t<T> current = nullptr;
    std::exception_ptr error;
    bool movable = false;
    bool running = false;

    Generator get_return_object() noexcept {
      return Generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    // The value lives in the generator's frame until it is resumed. A variable of the generator's
    // stays its own, so next() copies it; a temporary is nobody else's and may be moved out.
    std::suspend_always yield_value(std::remove_reference_t<T>& value) noexcept {
      current = std::addressof(value);
      movable = !std::is_copy_constructible_v<std::remove_cvref_t<T>>;
      return {};
    }
    std::suspend_always yield_value(std::remove_reference_t<T>&& value) noexcept {
      current = std::addressof(value);
      movable = true;
      return {};
    }
    class Copied {
     public:
      Copied(const std::remove_cvref_t<T>& value, promise_type& promise)
          : copy_(value), promise_(&promise) {}
      static constexpr bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) noexcept {
        promise_->current = std::addressof(copy_);
        promise_->movable = true;
      }
      void await_resume() const noexcept {}

     private:
      std::remove_cvref_t<T> copy_;
      promise_type* promise_;
    };
    Copied yield_value(const std::remove_cvref_t<T>& value)
      requires(!std::is_const_v<std::remove_reference_t<T>> &&
               std::is_copy_constructible_v<std::remove_cvref_t<T>>)
    {
      return Copied(value, *this);
    }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { error = std::current_exception(); }
    template <class A>
    void await_transform(A&&) = delete;  // a generator yields; to await, write a coroutine
  };

  Generator() = default;
  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Generator() { close(); }

  /// The next value, or nullopt at the end, again and again. ValueError while it runs already: when
  /// its body calls this.
  [[nodiscard]] std::optional<std::remove_cvref_t<T>> next() {
    if (!advance()) return std::nullopt;
    promise_type& promise = handle_.promise();
    if constexpr (std::is_copy_constructible_v<std::remove_cvref_t<T>>) {
      if (!promise.movable) return std::optional<std::remove_cvref_t<T>>(*promise.current);
    }
    return std::optional<std::remove_cvref_t<T>>(std::move(*promise.current));
  }

  /// Ends it where it stands: the destructors of its locals run. Not while it runs: its body cannot
  /// end itself so. Python: generator.close.
  void close() noexcept {
    if (!handle_) return;
    ASYNCIO_CHECK(!handle_.promise().running, "a generator that runs was closed, or let go of");
    std::exchange(handle_, {}).destroy();
  }

  /// For range-for. One pass; begin() runs to the first value.
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = std::remove_cvref_t<T>;

    explicit Iterator(Generator* of) noexcept : generator_(of) {}
    std::remove_reference_t<T>& operator*() const noexcept {
      return *generator_->handle_.promise().current;
    }
    Iterator& operator++() {
      if (!generator_->advance()) generator_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return generator_ == nullptr; }

   private:
    Generator* generator_;
  };

  /// Runs to the next value; an exception of the generator comes out here or at `++`.
  Iterator begin() { return Iterator(advance() ? this : nullptr); }
  static std::default_sentinel_t end() noexcept { return {}; }

 private:
  explicit Generator(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

  bool advance() {
    if (!handle_) return false;
    // The body may move this object away meanwhile.
    const std::coroutine_handle<promise_type> handle = handle_;
    promise_type& promise = handle.promise();
    if (promise.running) [[unlikely]]
      already_executing();
    if (handle.done()) return false;
    promise.running = true;
    handle.resume();
    promise.running = false;
    if (!handle.done()) return true;
    if (std::exception_ptr error = std::exchange(promise.error, nullptr)) {
      std::rethrow_exception(error);
    }
    return false;
  }
  [[noreturn]] ASYNCIO_COLD static void already_executing() {
    throw ValueError("generator already executing");
  }

  std::coroutine_handle<promise_type> handle_;
};

/// The next value of a generator; throws StopIteration at its end. Python: next(generator).
template <class T>
std::remove_cvref_t<T> next(Generator<T>& generator) {
  auto value = generator.next();
  if (!value) throw StopIteration();
  return std::move(*value);
}

}  // namespace asyncio
