// Several exceptions as one: what a TaskGroup throws. Python: ExceptionGroup, and `except*`.
#pragma once

#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/error.hpp"

namespace asyncio {

/// A message and one or more exceptions, some of which may be groups in turn. Copies share their
/// members. What leaves nested task groups is taken apart with split() and except_star(), which
/// look into nested groups and keep the nesting.
///
/// One class for Python's two: a group is a std::exception also when it holds a BaseException, such
/// as CancelledError, so `catch (const std::exception&)` catches it. Python: ExceptionGroup,
/// BaseExceptionGroup.
class ExceptionGroup : public std::exception {
 public:
  using Predicate = std::function<bool(const std::exception_ptr&)>;
  /// What matches and what is left; either may be missing.
  using Split = std::pair<std::optional<ExceptionGroup>, std::optional<ExceptionGroup>>;

  /// ValueError when `exceptions` is empty or has a null in it.
  ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);

  /// "the message (2 sub-exceptions)". Python: str(group). With all members: base::describe().
  [[nodiscard]] const char* what() const noexcept override { return shared_->text.c_str(); }
  /// Without the count. Python: message.
  [[nodiscard]] const std::string& message() const noexcept { return shared_->message; }
  /// The members, in order. Python: exceptions.
  [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept {
    return shared_->exceptions;
  }

  /// Divides the exceptions at every depth into those for which `matches` and the others, in groups
  /// of the same shape. It is asked about groups first: one that matches is not looked into.
  /// Python: split.
  [[nodiscard]] Split split(const Predicate& matches) const;
  /// The same by type: what a handler for one of E... would catch.
  template <class... E>
    requires(sizeof...(E) > 0)
  [[nodiscard]] Split split() const {
    return split(
        [](const std::exception_ptr& error) { return (base::exception_is<E>(error) || ...); });
  }

  /// The first half of split(). Python: subgroup.
  [[nodiscard]] std::optional<ExceptionGroup> subgroup(const Predicate& matches) const;
  template <class... E>
    requires(sizeof...(E) > 0)
  [[nodiscard]] std::optional<ExceptionGroup> subgroup() const {
    return split<E...>().first;
  }

  /// A group with this one's message and other members: what split() builds. Python: derive.
  [[nodiscard]] ExceptionGroup derive(std::vector<std::exception_ptr> exceptions) const {
    return {message(), std::move(exceptions)};
  }

 private:
  // Copying an exception must not throw.
  struct Shared {
    std::string message;
    std::string text;
    std::vector<std::exception_ptr> exceptions;
  };
  [[nodiscard]] Split split_members(const Predicate& matches) const;

  std::shared_ptr<const Shared> shared_;
};

/// Python's name for a group that may hold more than errors. Here they are one.
using BaseExceptionGroup = ExceptionGroup;

namespace detail {

/// One clause of except_star(): what it takes and what it does.
struct ExceptClause {
  bool (*matches)(const std::exception_ptr&);
  std::function<void(const ExceptionGroup&)> handler;
};
void run_except_clauses(const std::exception_ptr& error,
                        std::initializer_list<ExceptClause> clauses);

}  // namespace detail

/// Handles the parts of `error` by type, as `except*` does: one handler for each E, in order. Each
/// gets a `const ExceptionGroup&` with what is left for it, or is not called. An exception that is
/// no group is handled as a group of one. What no handler takes is thrown again, together with what
/// the handlers throw; a null `error` is nothing to do.
///
///   try {
///     co_await with(TaskGroup{}, body);
///   } catch (...) {
///     except_star<ValueError, OSError>(std::current_exception(),
///         [](const ExceptionGroup& bad) { ... },
///         [](const ExceptionGroup& failed) { ... });
///   }
///
/// To await something in a handler, take the error out of the `catch` first, or never let it be
/// thrown: `Result<void> r = co_await try_(with(...)); except_star<ValueError>(r.exception(),
/// ...)`. Python: except*.
template <class... E, class... Handlers>
  requires(sizeof...(E) > 0 && sizeof...(E) == sizeof...(Handlers))
void except_star(const std::exception_ptr& error, Handlers&&... handlers) {
  detail::run_except_clauses(error, {detail::ExceptClause{[](const std::exception_ptr& one) {
                                                            return base::exception_is<E>(one);
                                                          },
                                                          std::ref(handlers)}...});
}

}  // namespace asyncio
