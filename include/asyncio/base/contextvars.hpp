// Context variables: values that belong to a task and to what it starts, as a request's id.
// Python: contextvars.
//
// A task has a copy of the variables of whoever created it; so does a callback and a function given
// to to_thread(). What it sets, its creator does not see. A coroutine that is awaited directly runs
// in the context of its caller, and so do the bodies of wait_for() and timeout().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/context_slot.hpp"
#include "asyncio/base/error.hpp"

namespace asyncio {

template <class T>
class ContextVar;
template <class T>
class Token;

/// The variables that some code runs with. Copies of the handle refer to the same Context; copy()
/// makes another. A Context may travel to another thread, but only one at a time may use it.
/// Python: contextvars.Context.
class Context {
 public:
  /// A new one without variables.
  Context();

  /// Calls `function(args...)` in this context and gives what it returns: what the function sets
  /// stays here. RuntimeError when the context is entered already, here or in another thread.
  /// Python: Context.run.
  template <class F, class... Args>
  decltype(auto) run(F&& function, Args&&... args) const;

  /// Another context with the same variables, in constant time. Python: Context.copy.
  [[nodiscard]] Context copy() const;

  /// Whether the variable was set here. Python: `var in context`.
  template <class T>
  [[nodiscard]] bool contains(const ContextVar<T>& variable) const;
  /// The value set here, or nothing; defaults do not count. Python: Context.get.
  template <class T>
  [[nodiscard]] std::optional<T> get(const ContextVar<T>& variable) const;
  /// The value set here; KeyError when there is none. Python: `context[var]`.
  template <class T>
  [[nodiscard]] T operator[](const ContextVar<T>& variable) const;
  /// How many variables are set. Python: len(context).
  [[nodiscard]] std::size_t size() const noexcept;
  /// The names of the variables, in the order in which they were first set. Python: Context.keys,
  /// which gives the variables themselves.
  [[nodiscard]] std::vector<std::string> keys() const;

  /// Whether both are handles of the same Context. Python: `is`.
  bool operator==(const Context& other) const noexcept {
    return slot_.state() == other.slot_.state();
  }

  Context(const Context& other) noexcept : slot_(*other.slot_.state()) {}
  Context& operator=(const Context& other) noexcept {
    slot_ = detail::ContextSlot(*other.slot_.state());
    return *this;
  }
  ~Context() = default;

  // For the library.
  explicit Context(detail::ContextState& state) noexcept : slot_(state) {}
  [[nodiscard]] detail::ContextState& state() const noexcept { return *slot_.state(); }

 private:
  detail::ContextSlot slot_;
};

/// A copy of the current context, in constant time. Python: contextvars.copy_context.
[[nodiscard]] Context copy_context();

namespace detail {

template <class T>
struct ContextValueOf final : ContextValue {
  explicit ContextValueOf(T from) : value(std::move(from)) {}
  T value;
};

template <class T>
struct ContextVarKeyOf final : ContextVarKey {
  ContextVarKeyOf(std::string of, std::optional<T> fallback)
      : ContextVarKey(std::move(of)), default_value(std::move(fallback)) {}
  std::optional<T> default_value;
};

template <class T>
std::optional<T> value_of(const ContextValue* value) {
  if (value == nullptr) return std::nullopt;
  return static_cast<const ContextValueOf<T>*>(value)->value;
}

/// The untyped half of a Token.
class TokenBase {
 public:
  TokenBase(TokenBase&&) noexcept = default;
  TokenBase& operator=(TokenBase&&) noexcept = default;

  /// As Python's repr, without addresses: "<Token used var=<ContextVar name='x'>>".
  [[nodiscard]] std::string repr() const;

 protected:
  /// Sets the variable in the current context.
  TokenBase(std::shared_ptr<ContextVarKey> key, std::shared_ptr<const ContextValue> value);
  ~TokenBase() = default;

  /// The variable of `key` is to have the value that it had before.
  void undo(const ContextVarKey& key) const;

  std::shared_ptr<ContextVarKey> key_;
  std::shared_ptr<const ContextValue> old_;

 private:
  Context context_;
  mutable bool used_ = false;
};

/// What the current context holds of `key`; null when it is not set there.
[[nodiscard]] const ContextValue* context_value(const ContextVarKey& key) noexcept;
[[noreturn]] void throw_unset(const ContextVarKey& key);
[[nodiscard]] std::string repr_of(const ContextVarKey& key);

}  // namespace detail

/// What ContextVar::set gives, to undo it with reset(), once. Move-only. Python: contextvars.Token.
template <class T>
class Token : public detail::TokenBase {
 public:
  /// The value before, or nothing when the variable was not set. Python: Token.old_value.
  [[nodiscard]] std::optional<T> old_value() const { return detail::value_of<T>(old_.get()); }
  /// Python: Token.var.
  [[nodiscard]] ContextVar<T> var() const;

 private:
  friend class ContextVar<T>;
  using TokenBase::TokenBase;
};

/// A variable whose value depends on the context that runs. Make it once, as a global: copies are
/// handles of the same variable, others of the same name are not. T is copied out of it, so hold
/// something large by shared_ptr. Any thread. Python: contextvars.ContextVar.
template <class T>
class ContextVar {
  using Key = detail::ContextVarKeyOf<T>;

 public:
  using value_type = T;

  /// Without a default: get() is LookupError where it was not set.
  explicit ContextVar(std::string_view name)
      : key_(std::make_shared<Key>(std::string(name), std::nullopt)) {}
  /// With a default for contexts in which it was not set. Python: the keyword argument `default`.
  ContextVar(std::string_view name, T default_value)
      : key_(std::make_shared<Key>(std::string(name), std::move(default_value))) {}

  /// What it is called in reprs and errors. Python: ContextVar.name.
  [[nodiscard]] const std::string& name() const noexcept { return key_->name; }

  /// The value in the current context, else the default, else LookupError. Python: ContextVar.get.
  [[nodiscard]] T get() const {
    const detail::ContextValue* value = detail::context_value(*key_);
    if (value != nullptr) return static_cast<const detail::ContextValueOf<T>*>(value)->value;
    if (!key_->default_value) detail::throw_unset(*key_);
    return *key_->default_value;
  }
  /// With a default of this call, which goes before the variable's.
  [[nodiscard]] T get(T fallback) const {
    const detail::ContextValue* value = detail::context_value(*key_);
    if (value != nullptr) return static_cast<const detail::ContextValueOf<T>*>(value)->value;
    return fallback;
  }

  /// Sets it in the current context: for this task, and for what it makes and calls from now on.
  /// Python: ContextVar.set.
  Token<T> set(T value) const {
    return Token<T>(key_, std::make_shared<detail::ContextValueOf<T>>(std::move(value)));
  }
  /// Back to what it was before the set() that gave `token`. RuntimeError when the token was used
  /// before, ValueError for a token of another variable or of another context.
  /// Python: ContextVar.reset.
  void reset(const Token<T>& token) const { token.undo(*key_); }

  /// Whether both are handles of the same variable. Python: `is`.
  bool operator==(const ContextVar& other) const noexcept { return key_ == other.key_; }
  /// As Python's, without the address: "<ContextVar name='x'>".
  [[nodiscard]] std::string repr() const { return detail::repr_of(*key_); }

 private:
  friend class Token<T>;
  friend class Context;

  explicit ContextVar(std::shared_ptr<Key> key) noexcept : key_(std::move(key)) {}

  std::shared_ptr<Key> key_;
};

template <class T>
ContextVar<T> Token<T>::var() const {
  return ContextVar<T>(std::static_pointer_cast<detail::ContextVarKeyOf<T>>(key_));
}

template <class F, class... Args>
decltype(auto) Context::run(F&& function, Args&&... args) const {
  detail::ContextSlot slot(state());
  const detail::ContextScope scope(slot);
  if (scope.refused()) std::rethrow_exception(detail::make_context_error());
  return std::invoke(std::forward<F>(function), std::forward<Args>(args)...);
}

template <class T>
bool Context::contains(const ContextVar<T>& variable) const {
  return state().find(*variable.key_) != nullptr;
}

template <class T>
std::optional<T> Context::get(const ContextVar<T>& variable) const {
  return detail::value_of<T>(state().find(*variable.key_));
}

template <class T>
T Context::operator[](const ContextVar<T>& variable) const {
  std::optional<T> value = get(variable);
  if (!value) throw KeyError(variable.repr());
  return *std::move(value);
}

}  // namespace asyncio
