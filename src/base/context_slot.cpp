#include "asyncio/base/context_slot.hpp"

#include <algorithm>

#include "asyncio/base/contextvars.hpp"

namespace asyncio::detail {

constinit thread_local ContextScope* ContextScope::current_ = nullptr;

// --- variables ----------------------------------------------------------------------------------

namespace {

auto entry_of(const std::vector<ContextMap::Entry>& entries, const ContextVarKey& key) noexcept {
  return std::find_if(entries.begin(), entries.end(),
                      [&](const ContextMap::Entry& entry) { return entry.key.get() == &key; });
}

}  // namespace

const ContextValue* find_in(const ContextMap* map, const ContextVarKey& key) noexcept {
  if (map == nullptr) return nullptr;
  const auto entry = entry_of(map->entries, key);
  return entry == map->entries.end() ? nullptr : entry->value.get();
}

std::shared_ptr<const ContextValue> ContextState::set(const std::shared_ptr<ContextVarKey>& key,
                                                      std::shared_ptr<const ContextValue> value) {
  if (map_ == nullptr) {
    if (!value) return nullptr;
    map_ = new ContextMap;
  } else if (map_->shared()) {
    auto own = std::make_unique<ContextMap>();
    own->entries = map_->entries;
    std::exchange(map_, own.release())->drop_reference();
  }
  std::vector<ContextMap::Entry>& entries = map_->entries;
  const auto at = entries.begin() + (entry_of(entries, *key) - entries.begin());
  if (at == entries.end()) {
    if (value) entries.push_back({key, std::move(value)});
    return nullptr;
  }
  std::swap(at->value, value);
  if (at->value) return value;
  entries.erase(at);
  if (entries.empty()) std::exchange(map_, nullptr)->drop_reference();
  return value;
}

// --- slots and scopes ---------------------------------------------------------------------------

ContextState& ContextSlot::object() {
  if (ContextState* there = state()) return *there;
  auto* made = new ContextState(reinterpret_cast<ContextMap*>(word_));
  word_ = reinterpret_cast<std::uintptr_t>(made) | kState;
  // Nobody but scopes of this thread can be running in a context that had no object. The outermost
  // leaves it last.
  ContextScope* outermost = nullptr;
  for (ContextScope* scope = ContextScope::current_; scope != nullptr; scope = scope->outer_) {
    if (scope->slot_ == this) outermost = scope;
  }
  if (outermost != nullptr && made->enter()) outermost->entered_ = made;
  return *made;
}

void ContextSlot::drop() noexcept {
  // Out of sight first: the destructor of a value may ask for the current context.
  const std::uintptr_t word = std::exchange(word_, 0);
  if ((word & kState) != 0) {
    reinterpret_cast<ContextState*>(word & ~kState)->drop_reference();
  } else {
    reinterpret_cast<ContextMap*>(word)->drop_reference();
  }
}

ContextSlot& ContextScope::of_thread() noexcept {
  static thread_local ContextSlot slot;
  return slot;
}

ContextSlot ContextScope::copy_of_thread() noexcept { return ContextSlot::copy_of(of_thread()); }

std::exception_ptr make_context_error() {
  return std::make_exception_ptr(
      RuntimeError("cannot enter context: <Context> is already entered"));
}

ContextSlot slot_of(const Context& context) noexcept { return ContextSlot(context.state()); }

}  // namespace asyncio::detail
