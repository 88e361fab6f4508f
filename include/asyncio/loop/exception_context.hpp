// What call_exception_handler is told.
#pragma once

#include <exception>
#include <functional>
#include <string>

namespace asyncio {

class Scheduler;

namespace detail {
class ContextSlot;
}

/// Something that can say what it is: a future or task (task layer), a transport. Lets the loop
/// name what it does not know.
class Describable {
 public:
  /// As Python's repr: "<Task finished name='Task-1' coro=<main()> exception=ValueError('x')>".
  [[nodiscard]] virtual std::string repr() const = 0;
  /// Where its exception came from, a line for each coroutine, with a newline at its end; or empty.
  [[nodiscard]] virtual std::string traceback() const { return {}; }
  /// Where it was made, in debug mode; or empty. Python: source_traceback.
  [[nodiscard]] virtual std::string source_traceback() const { return {}; }
  /// The variables it runs with, if it runs: exception handlers are called in them.
  [[nodiscard]] virtual detail::ContextSlot* context_slot() const noexcept { return nullptr; }

 protected:
  ~Describable() = default;
};

/// An error that nobody else will hear of. Python: the context dict of call_exception_handler.
struct ExceptionContext {
  std::string message;
  std::exception_ptr exception = nullptr;
  const Describable* future = nullptr;     ///< the future or task concerned, during the call only
  const Describable* handle = nullptr;     ///< the callback concerned, during the call only
  const Describable* transport = nullptr;  ///< the connection concerned, during the call only
  const Describable* asyncgen = nullptr;   ///< the async generator concerned, likewise

  explicit ExceptionContext(std::string text) : message(std::move(text)) {}
  ExceptionContext(std::string text, std::exception_ptr error, const Describable* of = nullptr)
      : message(std::move(text)), exception(std::move(error)), future(of) {}

  /// What the default handler logs: the message, a line for each part that is known, in the order
  /// of their names, and the exception with its traceback.
  [[nodiscard]] std::string to_string() const;
};

/// Python: the callable given to loop.set_exception_handler.
using ExceptionHandler = std::function<void(Scheduler&, const ExceptionContext&)>;

}  // namespace asyncio
