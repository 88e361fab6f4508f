// Python's built-in exceptions, as far as a program with an event loop meets them.
//
// Two roots, as in Python. What derives from std::exception is what `except Exception` catches.
// What derives from BaseException (a cancelled task, Ctrl-C, exit) does not, so that
// `catch (const std::exception&)` lets it pass, as `except Exception` does.
#pragma once

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>

namespace asyncio {

/// Root of the exceptions that are not errors: CancelledError, GeneratorExit, KeyboardInterrupt,
/// SystemExit.
/// `catch (...)` still swallows them: rethrow there.
class BaseException {
 public:
  explicit BaseException(std::string message = {}) : message_(std::move(message)) {}
  BaseException(const BaseException&) = default;
  BaseException& operator=(const BaseException&) = default;
  virtual ~BaseException();

  /// The message given, or an empty text. Python: str(exception).
  [[nodiscard]] const char* what() const noexcept { return message_.c_str(); }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  std::string message_;
};

/// Delivered at the `co_await` of a task that was told to cancel. Python: asyncio.CancelledError.
class CancelledError : public BaseException {
 public:
  using BaseException::BaseException;
  ~CancelledError() override;
};

/// Thrown at the `co_yield` of an async generator that is closed there; let it pass, as
/// `catch (const std::exception&)` does. Python: GeneratorExit.
class GeneratorExit : public BaseException {
 public:
  using BaseException::BaseException;
  ~GeneratorExit() override;
};

/// Ctrl-C. Leaves run() at once; never the fate of a task. Python: KeyboardInterrupt.
class KeyboardInterrupt : public BaseException {
 public:
  using BaseException::BaseException;
  ~KeyboardInterrupt() override;
};

/// A request to end the program with an exit code. Python: SystemExit.
class SystemExit : public BaseException {
 public:
  explicit SystemExit(int code = 0) : BaseException(std::to_string(code)), code_(code) {}
  ~SystemExit() override;
  /// What the process is to end with. Python: SystemExit.code.
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Python: RuntimeError.
class RuntimeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Too many nested awaits. Python: RecursionError.
class RecursionError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// Python: ValueError.
class ValueError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Python: TypeError, where a mistake cannot be refused by the compiler.
class TypeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A context variable that has no value and no default. Python: LookupError.
class LookupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Python: KeyError.
class KeyError : public LookupError {
 public:
  using LookupError::LookupError;
};

/// A future or task is not in the state that the call needs. Python: asyncio.InvalidStateError.
class InvalidStateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// End of a stream before the read was complete. Python: EOFError.
class EOFError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The kernel said no. what() is "operation subject: reason", as in
/// "connect 127.0.0.1:80: connection refused". Python: OSError.
class OSError : public std::system_error {
 public:
  /// `error` is an errno value; `context` is the operation and its subject.
  OSError(int error, std::string_view context);
  /// With a text of its own instead of the errno's.
  OSError(int error, std::string_view context, std::string_view reason);

  /// "connect 127.0.0.1:80: connection refused".
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  /// The errno value. Python: OSError.errno (a macro in C).
  [[nodiscard]] int error() const noexcept { return code().value(); }

 private:
  std::string text_;
};

#define ASYNCIO_OS_ERROR(Name, Base) \
  class Name : public Base {         \
   public:                           \
    using Base::Base;                \
  }

ASYNCIO_OS_ERROR(BlockingIOError, OSError);
ASYNCIO_OS_ERROR(ConnectionError, OSError);
ASYNCIO_OS_ERROR(BrokenPipeError, ConnectionError);
ASYNCIO_OS_ERROR(ConnectionAbortedError, ConnectionError);
ASYNCIO_OS_ERROR(ConnectionRefusedError, ConnectionError);
ASYNCIO_OS_ERROR(ConnectionResetError, ConnectionError);
ASYNCIO_OS_ERROR(FileExistsError, OSError);
ASYNCIO_OS_ERROR(FileNotFoundError, OSError);
ASYNCIO_OS_ERROR(InterruptedError, OSError);
ASYNCIO_OS_ERROR(IsADirectoryError, OSError);
ASYNCIO_OS_ERROR(NotADirectoryError, OSError);
ASYNCIO_OS_ERROR(PermissionError, OSError);
ASYNCIO_OS_ERROR(ProcessLookupError, OSError);

#undef ASYNCIO_OS_ERROR

/// A name that does not resolve. what() is "getaddrinfo host: reason". Python: socket.gaierror.
class GaiError : public OSError {
 public:
  using OSError::OSError;
};

/// A deadline passed: of timeout(), wait_for() or the kernel's own. Python: TimeoutError.
class TimeoutError : public OSError {
 public:
  /// Of a deadline of ours: error() is ETIMEDOUT, and the text is empty unless given.
  TimeoutError();
  explicit TimeoutError(std::string_view text);
  /// Of the kernel's, as OSError's.
  TimeoutError(int error, std::string_view context);
};

/// Throws the subclass of OSError that belongs to `error`, as Python does.
/// `operation` is the call ("connect"), `subject` what it was done to ("127.0.0.1:80").
[[noreturn]] void throw_os_error(int error, std::string_view operation,
                                 std::string_view subject = {});

/// The same as an exception_ptr, for paths that pass errors on without throwing.
[[nodiscard]] std::exception_ptr make_os_error(int error, std::string_view operation,
                                               std::string_view subject = {});

namespace base {

/// Whether a handler for `type` would catch `error`; decided from its type, without a rethrow.
[[nodiscard]] bool exception_is(const std::exception_ptr& error,
                                const std::type_info& type) noexcept;

template <class E>
[[nodiscard]] bool exception_is(const std::exception_ptr& error) noexcept {
  return error && exception_is(error, typeid(E));
}

/// Where the E that `error` holds is, or null when a handler for E would not catch it; without a
/// rethrow. Valid while an exception_ptr to it lives.
[[nodiscard]] const void* exception_cast(const std::exception_ptr& error,
                                         const std::type_info& type) noexcept;

template <class E>
[[nodiscard]] const E* exception_cast(const std::exception_ptr& error) noexcept {
  return static_cast<const E*>(exception_cast(error, typeid(E)));
}

/// "ValueError: the text" as the last line of a Python traceback; our namespaces are left out. An
/// ExceptionGroup has a line for each member below it, indented.
[[nodiscard]] std::string describe(const std::exception_ptr& error);

/// A CancelledError, which has to do without its message when there is no memory for that.
[[nodiscard]] std::exception_ptr make_cancelled_error(std::string_view message) noexcept;

/// The same without the members of a group: for the inside of a sentence.
[[nodiscard]] std::string summary(const std::exception_ptr& error);

/// The name of a type as a person would write it, without our namespaces.
[[nodiscard]] std::string type_name(const std::type_info& type);

}  // namespace base
}  // namespace asyncio
