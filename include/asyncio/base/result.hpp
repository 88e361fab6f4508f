// A value or the exception in its place.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "asyncio/base/check.hpp"
#include "asyncio/base/config.hpp"

namespace asyncio {

namespace base {

template <class T>
struct NonVoid {
  using type = T;
};
template <>
struct NonVoid<void> {
  using type = std::monostate;
};

/// T, or std::monostate for void: in tuples, vectors and Result.
template <class T>
using non_void_t = typename NonVoid<T>::type;

/// How a T is kept: a reference as a pointer, void as nothing.
template <class T>
struct Stored {
  using type = T;
  static T&& out(type& value) noexcept { return std::move(value); }
};
template <class T>
struct Stored<T&> {
  using type = T*;
  static T& out(type& value) noexcept { return *value; }
};
template <>
struct Stored<void> {
  using type = std::monostate;
  static void out(type&) noexcept {}
};

/// The error half of a slot, so that code that knows no T can set and read it.
struct SlotBase {
  std::exception_ptr error;
};

/// Where a finished coroutine leaves its outcome. It lives with whoever awaits (the parent's
/// awaiter, or the task), never in the coroutine's own frame, which may be gone by then.
template <class T>
struct Slot : SlotBase {
  std::optional<typename Stored<T>::type> value;

  template <class U>
  void emplace(U&& from) {
    if constexpr (std::is_reference_v<T>) {
      value.emplace(std::addressof(from));
    } else {
      value.emplace(std::forward<U>(from));
    }
  }

  /// Rethrows the error or moves the value out.
  ASYNCIO_ALWAYS_INLINE T take() {
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
    if constexpr (!std::is_void_v<T>) return Stored<T>::out(*value);
  }
};

// Nothing to keep: an empty coroutine costs its awaiter one pointer.
template <>
struct Slot<void> : SlotBase {
  ASYNCIO_ALWAYS_INLINE void take() {
    if (error) [[unlikely]]
      std::rethrow_exception(std::exchange(error, nullptr));
  }
};

}  // namespace base

/// What gather(return_exceptions, ...) and try_() give: the value, or the exception.
/// void is std::monostate.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = base::non_void_t<T>;

  Result() = default;
  explicit Result(std::exception_ptr error) : error_(std::move(error)) {}
  template <class U = value_type>
    requires(std::is_constructible_v<value_type, U &&>)
  explicit Result(std::in_place_t, U&& value) {
    if constexpr (std::is_reference_v<value_type>) {
      value_.emplace(std::addressof(value));
    } else {
      value_.emplace(std::forward<U>(value));
    }
  }

  /// Takes the outcome out of a slot.
  explicit Result(base::Slot<T>& slot) : error_(std::exchange(slot.error, nullptr)) {
    if constexpr (std::is_void_v<T>) {
      if (!error_) value_.emplace();
    } else {
      value_ = std::move(slot.value);
    }
  }

  /// Whether there is a value.
  [[nodiscard]] bool ok() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return ok(); }

  /// The value; rethrows the exception when there is one.
  [[nodiscard]] decltype(auto) value() & {
    if (error_) std::rethrow_exception(error_);
    if constexpr (std::is_reference_v<value_type>) {
      return static_cast<value_type>(**value_);
    } else {
      return static_cast<value_type&>(*value_);
    }
  }
  [[nodiscard]] const auto& value() const& {
    if (error_) std::rethrow_exception(error_);
    if constexpr (std::is_reference_v<value_type>) {
      return **value_;
    } else {
      return *value_;
    }
  }
  [[nodiscard]] value_type value() && {
    if (error_) std::rethrow_exception(error_);
    return base::Stored<value_type>::out(*value_);
  }

  /// The exception, or null. Python: the object that gather(return_exceptions=True) returns.
  [[nodiscard]] const std::exception_ptr& exception() const noexcept { return error_; }

 private:
  std::optional<typename base::Stored<value_type>::type> value_;
  std::exception_ptr error_;
};

}  // namespace asyncio
