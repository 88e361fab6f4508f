// Calls by path, as values: what to do and how to make a result of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/files/call.hpp"

namespace asyncio::detail {

/// The parts that calls by path have in common.
template <class T>
class PathCall : public FileCallOf<T> {
 public:
  PathCall(const char* operation, FileCall::Kind what, std::string_view first,
           std::string_view second = {})
      : FileCallOf<T>(operation, subject_of(first, second)), first_(first), second_(second) {
    this->kind = what;
    this->path = first_.c_str();
    this->path2 = second_.c_str();
  }

 protected:
  std::string first_;
  std::string second_;

 private:
  static std::string subject_of(std::string_view first, std::string_view second) {
    return second.empty() ? std::string(first) : std::string(first) + " -> " + std::string(second);
  }
};

/// One call that either works or does not.
class PlainCall : public PathCall<void> {
 public:
  using PathCall<void>::PathCall;
  void take() override {}
};

/// Checks the paths and makes the call; an error is the await's.
template <class Call, class T, class... Args>
FileResult<T> begin_call(const char* operation, FileCall::Kind kind, std::string_view first,
                         std::string_view second, Args&&... args) {
  if (std::exception_ptr bad = check_path(first)) return FileResult<T>(std::move(bad));
  if (std::exception_ptr bad = check_path(second)) return FileResult<T>(std::move(bad));
  return FileResult<T>(std::unique_ptr<FileCallOf<T>>(
      new Call(operation, kind, first, second, std::forward<Args>(args)...)));
}

}  // namespace asyncio::detail
