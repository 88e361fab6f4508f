#include "asyncio/sync/event.hpp"

namespace asyncio {

std::string Event::repr() const {
  return detail::primitive_repr("Event", set_ ? "set" : "unset", waiters_.size());
}

}  // namespace asyncio
