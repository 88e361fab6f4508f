#include "asyncio/base/exception_group.hpp"

namespace asyncio {

namespace {

std::string text_of(const std::string& message, std::size_t count) {
  return message + " (" + std::to_string(count) +
         (count == 1 ? " sub-exception)" : " sub-exceptions)");
}

std::optional<ExceptionGroup> derive_if_any(const ExceptionGroup& group,
                                            std::vector<std::exception_ptr> members) {
  if (members.empty()) return std::nullopt;
  return group.derive(std::move(members));
}

// What a clause takes of an exception that is on its way, and what it leaves.
struct Taken {
  std::optional<ExceptionGroup> matched;
  std::exception_ptr rest;
};

Taken take(const std::exception_ptr& error, bool (*matches)(const std::exception_ptr&)) {
  if (const auto* group = base::exception_cast<ExceptionGroup>(error)) {
    if (matches(error)) return {*group, nullptr};
    auto [matched, rest] = group->split(matches);
    if (!matched) return {std::nullopt, error};
    return {std::move(matched), rest ? std::make_exception_ptr(*std::move(rest)) : nullptr};
  }
  if (!matches(error)) return {std::nullopt, error};
  return {ExceptionGroup("", {error}), nullptr};
}

}  // namespace

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions) {
  if (exceptions.empty()) {
    throw ValueError("second argument (exceptions) must be a non-empty sequence");
  }
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    if (exceptions[i]) continue;
    throw ValueError("Item " + std::to_string(i) +
                     " of second argument (exceptions) is not an exception");
  }
  std::string text = text_of(message, exceptions.size());
  shared_ = std::make_shared<const Shared>(
      Shared{std::move(message), std::move(text), std::move(exceptions)});
}

ExceptionGroup::Split ExceptionGroup::split(const Predicate& matches) const {
  if (matches(std::make_exception_ptr(*this))) return {*this, std::nullopt};
  return split_members(matches);
}

ExceptionGroup::Split ExceptionGroup::split_members(const Predicate& matches) const {
  std::vector<std::exception_ptr> matched;
  std::vector<std::exception_ptr> rest;
  for (const std::exception_ptr& member : exceptions()) {
    const auto* group = base::exception_cast<ExceptionGroup>(member);
    if (matches(member)) {
      matched.push_back(member);
    } else if (group == nullptr) {
      rest.push_back(member);
    } else {
      auto [inside, outside] = group->split_members(matches);
      if (!inside) {
        rest.push_back(member);  // as it is, whatever its class
        continue;
      }
      matched.push_back(std::make_exception_ptr(*std::move(inside)));
      if (outside) rest.push_back(std::make_exception_ptr(*std::move(outside)));
    }
  }
  return {derive_if_any(*this, std::move(matched)), derive_if_any(*this, std::move(rest))};
}

std::optional<ExceptionGroup> ExceptionGroup::subgroup(const Predicate& matches) const {
  return split(matches).first;
}

namespace detail {

void run_except_clauses(const std::exception_ptr& error,
                        std::initializer_list<ExceptClause> clauses) {
  std::exception_ptr rest = error;
  std::vector<std::exception_ptr> raised;
  for (const ExceptClause& clause : clauses) {
    if (!rest) break;
    Taken taken = take(rest, clause.matches);
    rest = std::move(taken.rest);
    if (!taken.matched) continue;
    try {
      clause.handler(*taken.matched);
    } catch (...) {
      raised.push_back(std::current_exception());
    }
  }
  if (raised.empty()) {
    if (rest) std::rethrow_exception(rest);
    return;
  }
  // As in Python: instead of a single exception, another one; instead of a group, a group.
  if (!base::exception_is<ExceptionGroup>(error)) std::rethrow_exception(raised.front());
  if (rest) raised.push_back(std::move(rest));
  throw ExceptionGroup("", std::move(raised));
}

}  // namespace detail
}  // namespace asyncio
