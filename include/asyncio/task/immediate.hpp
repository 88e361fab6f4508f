// An await that is over before it begins.
#pragma once

#include <exception>
#include <utility>

#include "asyncio/coro/frame.hpp"

namespace asyncio::detail {

/// Something that is there already: nothing, or an error.
class Immediate {
 public:
  explicit Immediate(std::exception_ptr error = nullptr) noexcept : error_(std::move(error)) {}
  static constexpr bool await_ready() noexcept { return true; }
  static bool await_suspend(Continuation) noexcept { return false; }
  void await_resume() const {
    if (error_) std::rethrow_exception(error_);
  }
  [[nodiscard]] std::exception_ptr error() const noexcept { return error_; }

 private:
  std::exception_ptr error_;
};

}  // namespace asyncio::detail
