#include "asyncio/sync/semaphore.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio {

Semaphore::Semaphore(std::ptrdiff_t value) : Semaphore(value, kUnbounded) {}

Semaphore::Semaphore(std::ptrdiff_t value, std::ptrdiff_t bound) : value_(value), bound_(bound) {
  if (value < 0) throw ValueError("Semaphore initial value must be >= 0");
}

void Semaphore::release() {
  if (value_ >= bound_) throw ValueError("BoundedSemaphore released too many times");
  give_back();
}

void Semaphore::give_back() noexcept {
  ++value_;
  hand_over();
}

bool Semaphore::hand_over() noexcept {
  if (!waiters_.wake_next()) return false;
  --value_;
  return true;
}

void Semaphore::settle(detail::QueuedWait& waiter, bool cancelled) noexcept {
  const bool woken = waiters_.remove(waiter);
  if (cancelled && woken) ++value_;
  // Some queued up behind us although there were permits left.
  while (value_ > 0 && hand_over()) {
  }
}

std::string Semaphore::repr() const {
  return detail::primitive_repr(bound_ == kUnbounded ? "Semaphore" : "BoundedSemaphore",
                                locked() ? "locked" : "unlocked, value:" + std::to_string(value_),
                                waiters_.size());
}

}  // namespace asyncio
