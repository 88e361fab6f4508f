// What a task, a callback or a thread holds of its contextvars.Context, and the scope that makes it
// the current one. For the library: programs use base/contextvars.hpp.
//
// Every task and callback has a copy of the context in which it was made, and most programs set no
// variable: so a slot is one word, null for "no variable was ever set", and copying it is then a
// load. A copy of variables that were set shares them: one count. A Context object with an identity
// of its own comes into being when somebody sets a variable there or asks for the object.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/config.hpp"

namespace asyncio {

class Context;

namespace detail {

/// The identity of a ContextVar, and its name.
struct ContextVarKey {
  explicit ContextVarKey(std::string of) : name(std::move(of)) {}
  virtual ~ContextVarKey() = default;
  std::string name;
};

/// One value of one variable; immutable.
struct ContextValue {
  virtual ~ContextValue() = default;
};

/// Counted by many threads: contexts travel into them.
template <class Derived>
class SharedCount {
 public:
  void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete static_cast<Derived*>(this);
  }

 protected:
  ~SharedCount() = default;
  [[nodiscard]] bool shared() const noexcept {
    return references_.load(std::memory_order_acquire) != 1;
  }

 private:
  std::atomic<std::uint32_t> references_{1};
};

/// Variables and their values, in the order in which they were first set. Shared by contexts until
/// one of them sets a variable.
class ContextMap : public SharedCount<ContextMap> {
 public:
  struct Entry {
    std::shared_ptr<ContextVarKey> key;
    std::shared_ptr<const ContextValue> value;
  };
  using SharedCount::shared;

  std::vector<Entry> entries;
};

/// The value of a variable, or null. `map` may be null for no variables.
[[nodiscard]] const ContextValue* find_in(const ContextMap* map, const ContextVarKey& key) noexcept;

/// A Context object: what its handles and the slots that run in it share. Used by one thread at a
/// time, the one that has entered it.
class ContextState : public SharedCount<ContextState> {
 public:
  /// Takes over a reference to `map`, which may be null for no variables.
  explicit ContextState(ContextMap* map) noexcept : map_(map) {}
  ContextState(const ContextState&) = delete;
  ContextState& operator=(const ContextState&) = delete;
  ~ContextState() {
    if (map_ != nullptr) map_->drop_reference();
  }

  [[nodiscard]] ContextMap* map() const noexcept { return map_; }
  [[nodiscard]] const ContextValue* find(const ContextVarKey& key) const noexcept {
    return find_in(map_, key);
  }
  /// Null removes the variable. Gives the value before.
  std::shared_ptr<const ContextValue> set(const std::shared_ptr<ContextVarKey>& key,
                                          std::shared_ptr<const ContextValue> value);

  /// False when it is entered already, here or in another thread. Not a lock: two threads that
  /// enter in the same instant are not told, and race on the variables.
  [[nodiscard]] bool enter() noexcept {
    if (entered_.load(std::memory_order_relaxed)) return false;
    entered_.store(true, std::memory_order_relaxed);
    return true;
  }
  [[nodiscard]] bool entered() const noexcept { return entered_.load(std::memory_order_relaxed); }
  void leave() noexcept { entered_.store(false, std::memory_order_relaxed); }

 private:
  ContextMap* map_;
  std::atomic<bool> entered_{false};
};

/// Null, or a counted ContextMap of which nobody has asked for the Context object yet, or a counted
/// ContextState (then the lowest bit is set).
class ContextSlot {
 public:
  ContextSlot() = default;
  /// The slot runs in `state` itself.
  explicit ContextSlot(ContextState& state) noexcept
      : word_(reinterpret_cast<std::uintptr_t>(&state) | kState) {
    state.add_reference();
  }
  ContextSlot(ContextSlot&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
  ContextSlot& operator=(ContextSlot&& other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }
  ~ContextSlot() { reset(); }

  /// The variables of `other` as they are now, in a context of its own.
  [[nodiscard]] static ContextSlot copy_of(const ContextSlot& other) noexcept {
    ContextSlot copy;
    if (other.word_ != 0) [[unlikely]] {
      if (ContextMap* map = other.map()) {
        map->add_reference();
        copy.word_ = reinterpret_cast<std::uintptr_t>(map);
      }
    }
    return copy;
  }

  [[nodiscard]] ContextMap* map() const noexcept {
    if (ContextState* object = state()) return object->map();
    return reinterpret_cast<ContextMap*>(word_);
  }
  [[nodiscard]] ContextState* state() const noexcept {
    return (word_ & kState) == 0 ? nullptr : reinterpret_cast<ContextState*>(word_ & ~kState);
  }
  /// The Context object of this slot, made when there is none.
  ContextState& object();

  void reset() noexcept {
    if (word_ != 0) [[unlikely]]
      drop();
  }

 private:
  static constexpr std::uintptr_t kState = 1;
  ASYNCIO_COLD void drop() noexcept;

  std::uintptr_t word_ = 0;
};

/// Makes a slot's context current in this thread while it lives. The slot must live as long, or be
/// given up with let_go().
class ContextScope {
 public:
  explicit ContextScope(ContextSlot& slot) noexcept : slot_(&slot), outer_(current_) {
    if (ContextState* object = slot.state()) {
      if (!object->enter()) [[unlikely]] {
        slot_ = nullptr;
        return;
      }
      entered_ = object;
    }
    current_ = this;
  }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;
  ~ContextScope() {
    current_ = outer_;
    if (entered_ != nullptr) entered_->leave();
  }

  /// The slot may go before its scope, which is the innermost; nothing asks for the current context
  /// in between.
  static void let_go(ContextSlot& slot) noexcept {
    if (current_ == nullptr || current_->slot_ != &slot) return;
    if (current_->entered_ != nullptr) std::exchange(current_->entered_, nullptr)->leave();
  }

  /// It is entered already, here or in another thread: nothing was changed.
  [[nodiscard]] bool refused() const noexcept { return slot_ == nullptr; }

  /// Where the code that runs now has its variables.
  [[nodiscard]] static ContextSlot& current() noexcept {
    return current_ != nullptr ? *current_->slot_ : of_thread();
  }
  [[nodiscard]] static ContextSlot copy_current() noexcept {
    return current_ != nullptr ? ContextSlot::copy_of(*current_->slot_) : copy_of_thread();
  }

 private:
  friend class ContextSlot;
  ASYNCIO_COLD static ContextSlot& of_thread() noexcept;
  ASYNCIO_COLD static ContextSlot copy_of_thread() noexcept;

  static constinit thread_local ContextScope* current_;

  ContextSlot* slot_;
  ContextScope* outer_;
  ContextState* entered_ = nullptr;
};

/// What cannot be entered: RuntimeError("cannot enter context: <Context> is already entered").
[[nodiscard]] std::exception_ptr make_context_error();

ContextSlot slot_of(const Context& context) noexcept;

/// What something that is made now runs in: the context given, else a copy of the current one.
[[nodiscard]] inline ContextSlot context_or_copy(const Context* given) noexcept {
  return given == nullptr ? ContextScope::copy_current() : slot_of(*given);
}

}  // namespace detail
}  // namespace asyncio
