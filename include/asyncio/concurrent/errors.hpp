// What comes back from a worker process when its function did not return: the function's own
// exception, or the news that the worker is gone.
#pragma once

#include <concepts>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"

namespace asyncio::concurrent {

/// A worker process is gone, and with it what it was doing. Python:
/// concurrent.futures.process.BrokenProcessPool.
class BrokenProcessPool : public BrokenExecutor {
 public:
  /// `exit_code` as Python's Process.exitcode: negative for the signal that killed it.
  explicit BrokenProcessPool(const std::string& text, std::string cause = {}, int exit_code = 0)
      : BrokenExecutor(text), cause_(std::move(cause)), exit_code_(exit_code) {}

  /// "Process 4711 terminated abruptly with exit code -9"; empty when nobody knows. Python: the
  /// text of __cause__.
  [[nodiscard]] const std::string& cause() const noexcept { return cause_; }
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  std::string cause_;
  int exit_code_;
};

/// An argument or a result could not be taken apart or put together again. Only that call fails.
/// Python: pickle.PicklingError.
class SerializationError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// Where an exception of a worker process came from: every one that is thrown again on this side
/// carries it, so that `catch (const RemoteCause& cause)` finds it. Python: _RemoteTraceback.
class RemoteCause {
 public:
  RemoteCause(std::string type_name, std::string text, int pid)
      : type_name_(std::move(type_name)), text_(std::move(text)), pid_(pid) {}
  RemoteCause(const RemoteCause&) = default;
  RemoteCause& operator=(const RemoteCause&) = default;
  virtual ~RemoteCause();

  /// "std::out_of_range", of what the function threw.
  [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }
  /// Its what().
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Of the worker process in which it was thrown.
  [[nodiscard]] int pid() const noexcept { return pid_; }

 private:
  std::string type_name_;
  std::string text_;
  int pid_;
};

/// An exception of type E from a worker process: `catch (const E&)` catches it as ever.
template <class E>
class Remote final : public E, public RemoteCause {
 public:
  Remote(E error, RemoteCause cause) : E(std::move(error)), RemoteCause(std::move(cause)) {}
};

/// An exception of a type that this side cannot make again: "shop::OutOfStock: no pears". The
/// exceptions of the standard library and of asyncio it can; others when rebuild_as() names them.
class RemoteError final : public std::runtime_error, public RemoteCause {
 public:
  explicit RemoteError(RemoteCause cause)
      : std::runtime_error(cause.text().empty() ? cause.type_name()
                                                : cause.type_name() + ": " + cause.text()),
        RemoteCause(std::move(cause)) {}
};

/// Where `error` came from, or null when no worker process threw it. Lives as long as `error`.
[[nodiscard]] inline const RemoteCause* remote_cause(const std::exception_ptr& error) noexcept {
  return static_cast<const RemoteCause*>(base::exception_cast(error, typeid(RemoteCause)));
}

}  // namespace asyncio::concurrent

namespace asyncio::detail {

using RebuildError = std::exception_ptr (*)(const concurrent::RemoteCause& cause);
void rebuild_error_with(const std::type_info& type, RebuildError rebuild);

}  // namespace asyncio::detail

namespace asyncio::concurrent {

/// From now on an E that a worker process throws is an E here too, made from its what(). Any
/// thread, at any time before the exception comes.
template <class E>
  requires std::constructible_from<E, const std::string&> && (!std::is_final_v<E>)
void rebuild_as() {
  asyncio::detail::rebuild_error_with(typeid(E), [](const RemoteCause& cause) {
    return std::make_exception_ptr(Remote<E>(E(cause.text()), cause));
  });
}

}  // namespace asyncio::concurrent
