// The way of an exception through coroutines: which ones it left, and where each was waiting.
//
// C++ exceptions keep no stack. Each coroutine that an error leaves notes its function and line
// with the thread, in a record of plain values; a task that ends with the error takes it over.
// Being cancelled leaves no traceback, since it is no error.
//
// The thread keeps the last few exceptions alive meanwhile, until its loop ends: their addresses
// are the keys.
#pragma once

#include <exception>
#include <source_location>
#include <string>
#include <vector>

namespace asyncio {

/// One coroutine in a call stack or traceback. The line is that of the `co_await` or `co_yield`
/// where it is, or was when the exception left it; before the first one that of the definition.
/// Python: FrameCallGraphEntry, traceback.FrameSummary.
struct FrameCallGraphEntry {
  std::string function;
  const char* file = "";
  unsigned line = 0;

  FrameCallGraphEntry() = default;
  FrameCallGraphEntry(const char* function_name, const std::source_location& where);
};

/// `  File "x.cpp", line 3, in f` for each, with a newline at its end. Python:
/// traceback.format_list.
[[nodiscard]] std::string format_stack(const std::vector<FrameCallGraphEntry>& stack);

/// "Traceback (most recent call last):" with the coroutines that `error` has left on this thread,
/// the innermost last, and "ValueError: text"; only the latter when nothing is known. Also for what
/// run() has thrown. Python: traceback.format_exception.
[[nodiscard]] std::string format_exception(
    const std::exception_ptr& error = std::current_exception());

namespace detail {

struct Frame;

/// A coroutine that an error has left; plain, and cheap to note.
struct FrameMark {
  const char* function = "";
  std::source_location where;
  const Frame* next = nullptr;  // who awaited it; null for the outermost of a task
};

/// `error` leaves `frame`.
void note_error(const Frame& frame, const std::exception_ptr& error) noexcept;
/// What `error` has left on this thread, the innermost first.
[[nodiscard]] std::vector<FrameMark> traceback_of(const std::exception_ptr& error);
/// The outermost first, as Python prints it.
[[nodiscard]] std::vector<FrameCallGraphEntry> stack_of(const std::vector<FrameMark>& marks);
/// The loop ends: lets go of the exceptions.
void forget_tracebacks() noexcept;
/// `error` leaves the loop: format_exception() knows its way until the next one does, and should
/// the program end by it, std::terminate logs that first.
void remember_traceback(const std::exception_ptr& error, std::vector<FrameMark> marks) noexcept;

}  // namespace detail
}  // namespace asyncio
