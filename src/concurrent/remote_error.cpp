#include "concurrent/remote_error.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include "asyncio/concurrent/errors.hpp"

namespace asyncio {

concurrent::RemoteCause::~RemoteCause() = default;

namespace detail {
namespace {

using concurrent::Remote;
using concurrent::RemoteCause;

// What travels beside the type's name: errno or an exit code, and where errno is from.
struct Numbers {
  int number = 0;
  int is_generic = 0;  // a std::system_error's category: generic, else system
  int pid = 0;
};

using Rebuild = std::function<std::exception_ptr(const RemoteCause&, const Numbers&)>;

template <class E>
std::exception_ptr thrown(E error, const RemoteCause& cause) {
  return std::make_exception_ptr(Remote<E>(std::move(error), cause));
}

// Types are known by the compiler's name for them, which is one program's on both sides.
class KnownErrors {
 public:
  static KnownErrors& instance() {
    static auto* known = new KnownErrors;  // exceptions may come until the very end
    return *known;
  }
  void add(const std::type_info& type, Rebuild rebuild) {
    const std::lock_guard lock(mutex_);
    rebuild_[type.name()] = std::move(rebuild);
  }
  std::exception_ptr rebuild(const std::string& type, const RemoteCause& cause,
                             const Numbers& numbers) {
    Rebuild rebuild;
    {
      const std::lock_guard lock(mutex_);
      const auto found = rebuild_.find(type);
      if (found != rebuild_.end()) rebuild = found->second;
    }
    if (rebuild) return rebuild(cause, numbers);
    return std::make_exception_ptr(concurrent::RemoteError(cause));
  }

 private:
  KnownErrors() {
    from_text<std::runtime_error, std::range_error, std::overflow_error, std::underflow_error,
              std::logic_error, std::invalid_argument, std::domain_error, std::length_error,
              std::out_of_range>();
    from_text<RuntimeError, RecursionError, ValueError, TypeError, LookupError, KeyError,
              InvalidStateError, EOFError, CancelledError, KeyboardInterrupt,
              concurrent::SerializationError, concurrent::Error, concurrent::InvalidStateError,
              concurrent::BrokenExecutor, concurrent::BrokenThreadPool>();
    textless<std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_typeid,
             std::bad_function_call, std::bad_optional_access, std::bad_variant_access,
             std::bad_weak_ptr, concurrent::CancelledError>();
    from_errno<OSError, BlockingIOError, ConnectionError, BrokenPipeError, ConnectionAbortedError,
               ConnectionRefusedError, ConnectionResetError, FileExistsError, FileNotFoundError,
               GaiError, InterruptedError, IsADirectoryError, NotADirectoryError, PermissionError,
               ProcessLookupError>();
    add(typeid(TimeoutError), [](const RemoteCause& cause, const Numbers&) {
      return thrown(TimeoutError(std::string_view(cause.text())), cause);
    });
    add(typeid(SystemExit), [](const RemoteCause& cause, const Numbers& numbers) {
      return thrown(SystemExit(numbers.number), cause);
    });
    add(typeid(std::system_error), [](const RemoteCause& cause, const Numbers& numbers) {
      // Its constructor adds the reason to the text, which has it already.
      const std::error_code code(numbers.number, numbers.is_generic != 0 ? std::generic_category()
                                                                         : std::system_category());
      std::string text = cause.text();
      const std::string reason = ": " + code.message();
      if (text.ends_with(reason)) text.resize(text.size() - reason.size());
      return thrown(
          text == code.message() ? std::system_error(code) : std::system_error(code, text), cause);
    });
  }
  template <class... Es>
  void from_text() {
    (add(typeid(Es),
         [](const RemoteCause& cause, const Numbers&) { return thrown(Es(cause.text()), cause); }),
     ...);
  }
  template <class... Es>
  void textless() {
    (add(typeid(Es), [](const RemoteCause& cause, const Numbers&) { return thrown(Es(), cause); }),
     ...);
  }
  template <class... Es>
  void from_errno() {
    (add(typeid(Es),
         [](const RemoteCause& cause, const Numbers& numbers) {
           return thrown(Es(numbers.number, cause.text(), std::string_view()), cause);
         }),
     ...);
  }

  std::mutex mutex_;
  std::map<std::string, Rebuild, std::less<>> rebuild_;
};

std::string text_of(const std::exception_ptr& error) {
  if (const auto* standard = base::exception_cast<std::exception>(error)) return standard->what();
  if (const auto* ours = base::exception_cast<BaseException>(error)) return ours->what();
  return {};
}

Numbers numbers_of(const std::exception_ptr& error) {
  Numbers numbers;
  numbers.pid = ::getpid();
  if (const auto* system = base::exception_cast<std::system_error>(error)) {
    numbers.number = system->code().value();
    numbers.is_generic = system->code().category() == std::generic_category() ? 1 : 0;
  } else if (const auto* exit = base::exception_cast<SystemExit>(error)) {
    numbers.number = exit->code();
  }
  return numbers;
}

}  // namespace

void rebuild_error_with(const std::type_info& type, RebuildError rebuild) {
  KnownErrors::instance().add(
      type, [rebuild](const RemoteCause& cause, const Numbers&) { return rebuild(cause); });
}

// The numbers, the type's name for the compiler and for people, each with a zero, and the text.
std::string pack_error(const std::exception_ptr& error) {
  const Numbers numbers = numbers_of(error);
  std::string bytes(reinterpret_cast<const char*>(&numbers), sizeof numbers);
  const std::type_info* type = error.__cxa_exception_type();
  bytes += type != nullptr ? type->name() : "";
  bytes += '\0';
  bytes += type != nullptr ? base::type_name(*type) : "exception";
  bytes += '\0';
  bytes += text_of(error);
  return bytes;
}

std::exception_ptr unpack_error(std::string_view bytes) {
  Numbers numbers;
  if (bytes.size() < sizeof numbers) {
    return std::make_exception_ptr(concurrent::SerializationError("an exception without its head"));
  }
  std::memcpy(&numbers, bytes.data(), sizeof numbers);
  bytes.remove_prefix(sizeof numbers);
  const auto take = [&bytes] {
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    std::string text(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    return text;
  };
  const std::string type = take();
  std::string name = take();
  return KnownErrors::instance().rebuild(
      type, RemoteCause(std::move(name), std::string(bytes), numbers.pid), numbers);
}

}  // namespace detail
}  // namespace asyncio
