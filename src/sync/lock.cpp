#include "asyncio/sync/lock.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio {

void Lock::release() {
  if (!locked_) throw RuntimeError("Lock is not acquired.");
  unlock();
}

void Lock::settle(detail::QueuedWait& waiter, bool cancelled) noexcept {
  waiters_.remove(waiter);
  if (!cancelled) {
    locked_ = true;
  } else if (!locked_) {
    // It was woken for nothing, or stood at the head when the lock was released.
    waiters_.wake_head();
  }
}

std::string Lock::repr() const {
  return detail::primitive_repr("Lock", locked_ ? "locked" : "unlocked", waiters_.size());
}

}  // namespace asyncio
