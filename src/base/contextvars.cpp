#include "asyncio/base/contextvars.hpp"

namespace asyncio {
namespace detail {

const ContextValue* context_value(const ContextVarKey& key) noexcept {
  return find_in(ContextScope::current().map(), key);
}

std::string repr_of(const ContextVarKey& key) { return "<ContextVar name='" + key.name + "'>"; }

void throw_unset(const ContextVarKey& key) { throw LookupError(repr_of(key)); }

TokenBase::TokenBase(std::shared_ptr<ContextVarKey> key, std::shared_ptr<const ContextValue> value)
    : key_(std::move(key)), context_(ContextScope::current().object()) {
  old_ = context_.state().set(key_, std::move(value));
}

std::string TokenBase::repr() const {
  return std::string(used_ ? "<Token used var=" : "<Token var=") + repr_of(*key_) + ">";
}

void TokenBase::undo(const ContextVarKey& key) const {
  if (used_) throw RuntimeError(repr() + " has already been used once");
  if (key_.get() != &key) throw ValueError(repr() + " was created by a different ContextVar");
  ContextSlot& current = ContextScope::current();
  if (current.state() != &context_.state()) {
    throw ValueError(repr() + " was created in a different Context");
  }
  used_ = true;
  current.object().set(key_, old_);
}

}  // namespace detail

Context::Context() { slot_.object(); }

Context Context::copy() const {
  detail::ContextSlot slot = detail::ContextSlot::copy_of(slot_);
  return Context(slot.object());
}

std::size_t Context::size() const noexcept {
  const detail::ContextMap* map = state().map();
  return map == nullptr ? 0 : map->entries.size();
}

std::vector<std::string> Context::keys() const {
  std::vector<std::string> names;
  if (const detail::ContextMap* map = state().map()) {
    for (const auto& entry : map->entries) names.push_back(entry.key->name);
  }
  return names;
}

Context copy_context() {
  detail::ContextSlot slot = detail::ContextScope::copy_current();
  return Context(slot.object());
}

}  // namespace asyncio
