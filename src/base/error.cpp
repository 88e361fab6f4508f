#include "asyncio/base/error.hpp"

#include <cxxabi.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "asyncio/base/exception_group.hpp"

namespace asyncio {

BaseException::~BaseException() = default;
CancelledError::~CancelledError() = default;
GeneratorExit::~GeneratorExit() = default;
KeyboardInterrupt::~KeyboardInterrupt() = default;
SystemExit::~SystemExit() = default;

namespace {

// "Connection refused" reads better in the middle of a line with a small letter.
std::string reason_of(int error) {
  std::string text = std::generic_category().message(error);
  if (error == EMFILE) text += " (raise the limit with ulimit -n, or keep fewer open)";
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  return text;
}

std::string join(std::string_view context, std::string_view reason) {
  std::string text(context);
  if (!context.empty() && !reason.empty()) text += ": ";
  text += reason;
  return text;
}

template <class Use>
auto with_class_of(int error, std::string_view context, Use use) {
  switch (error) {
    case EAGAIN:
    case EALREADY:
    case EINPROGRESS:
      return use(BlockingIOError(error, context));
    case EPIPE:
    case ESHUTDOWN:
      return use(BrokenPipeError(error, context));
    case ECONNABORTED:
      return use(ConnectionAbortedError(error, context));
    case ECONNREFUSED:
      return use(ConnectionRefusedError(error, context));
    case ECONNRESET:
      return use(ConnectionResetError(error, context));
    case EEXIST:
      return use(FileExistsError(error, context));
    case ENOENT:
      return use(FileNotFoundError(error, context));
    case EINTR:
      return use(InterruptedError(error, context));
    case EISDIR:
      return use(IsADirectoryError(error, context));
    case ENOTDIR:
      return use(NotADirectoryError(error, context));
    case EACCES:
    case EPERM:
      return use(PermissionError(error, context));
    case ESRCH:
      return use(ProcessLookupError(error, context));
    case ETIMEDOUT:
      return use(TimeoutError(error, context));
    default:
      return use(OSError(error, context));
  }
}

std::string context_of(std::string_view operation, std::string_view subject) {
  std::string context(operation);
  if (!subject.empty()) {
    context += ' ';
    context += subject;
  }
  return context;
}

}  // namespace

OSError::OSError(int error, std::string_view context) : OSError(error, context, reason_of(error)) {}

OSError::OSError(int error, std::string_view context, std::string_view reason)
    : std::system_error(error, std::generic_category()), text_(join(context, reason)) {}

TimeoutError::TimeoutError() : OSError(ETIMEDOUT, {}, {}) {}
TimeoutError::TimeoutError(std::string_view text) : OSError(ETIMEDOUT, text, {}) {}
TimeoutError::TimeoutError(int error, std::string_view context) : OSError(error, context) {}

void throw_os_error(int error, std::string_view operation, std::string_view subject) {
  with_class_of(error, context_of(operation, subject), [](const auto& e) { throw e; });
  std::abort();
}

std::exception_ptr make_os_error(int error, std::string_view operation, std::string_view subject) {
  return with_class_of(error, context_of(operation, subject),
                       [](const auto& e) { return std::make_exception_ptr(e); });
}

namespace base {

const void* exception_cast(const std::exception_ptr& error, const std::type_info& type) noexcept {
  const std::type_info* thrown = error ? error.__cxa_exception_type() : nullptr;
  if (thrown == nullptr) return nullptr;
  // What the unwinder asks when it looks for a handler: is `thrown` this type or derived from it?
  // It then moves the pointer to the base.
  void* object = nullptr;
  std::exception_ptr copy = error;
  std::memcpy(&object, &copy, sizeof object);
  return type.__do_catch(thrown, &object, 1) ? object : nullptr;
}

bool exception_is(const std::exception_ptr& error, const std::type_info& type) noexcept {
  return exception_cast(error, type) != nullptr;
}

std::string type_name(const std::type_info& type) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  std::string name = status == 0 ? text.get() : type.name();
  // An exception that came from another process is of a type derived from what was thrown there
  // (concurrent/errors.hpp), which is no reader's concern.
  constexpr std::string_view kRemote = "asyncio::concurrent::Remote<";
  if (name.starts_with(kRemote))
    name = name.substr(kRemote.size(), name.size() - kRemote.size() - 1);
  for (const char* prefix : {"asyncio::http::", "asyncio::"}) {
    if (name.starts_with(prefix)) return name.substr(std::char_traits<char>::length(prefix));
  }
  return name;
}

std::string summary(const std::exception_ptr& error) {
  if (!error) return "no exception";
  const std::type_info* thrown = error.__cxa_exception_type();
  const std::string name = thrown != nullptr ? type_name(*thrown) : "exception";
  const char* text = "";
  if (const auto* standard = exception_cast<std::exception>(error)) {
    text = standard->what();
  } else if (const auto* base = exception_cast<BaseException>(error)) {
    text = base->what();
  }  // else not one of ours and not from the standard library: the type's name must do
  return *text == '\0' ? name : name + ": " + text;
}

namespace {

void describe_into(std::string& text, const std::exception_ptr& error, const std::string& indent) {
  for (const char c : summary(error)) {
    text += c;
    if (c == '\n') text += indent;
  }
  const auto* group = exception_cast<ExceptionGroup>(error);
  if (group == nullptr) return;
  const std::string deeper = indent + "  ";
  for (const std::exception_ptr& member : group->exceptions()) {
    text += '\n';
    text += deeper;
    describe_into(text, member, deeper);
  }
}

}  // namespace

std::exception_ptr make_cancelled_error(std::string_view message) noexcept {
  try {
    std::exception_ptr error = std::make_exception_ptr(CancelledError(std::string(message)));
    // It copies, and when there is no memory for that it gives the bad_alloc.
    if (exception_is<CancelledError>(error)) return error;
  } catch (const std::bad_alloc&) {
  }
  return std::make_exception_ptr(CancelledError());
}

std::string describe(const std::exception_ptr& error) {
  std::string text;
  describe_into(text, error, {});
  return text;
}

}  // namespace base
}  // namespace asyncio
