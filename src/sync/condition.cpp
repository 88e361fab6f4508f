#include "asyncio/sync/condition.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio {

// --- one wait -----------------------------------------------------------------------------------

bool ConditionWait::await_ready() {
  if (condition_->locked()) return false;
  refusal_ = std::make_exception_ptr(RuntimeError("cannot wait on un-acquired lock"));
  return true;
}

bool ConditionWait::await_suspend(detail::Continuation continuation) {
  if (!condition_->bind()) [[unlikely]] {
    refusal_ = detail::LoopBound::other_loop(condition_->repr());
    return false;
  }
  condition_->lock_->unlock();
  return wait_in(condition_->waiters_, continuation);
}

// A cancelled wait is not over: its turn only begins the wait for the lock. So abort() wakes it by
// itself, and both it and lost() leave the rest to retry().
bool ConditionWait::abort() {
  if (!linked()) return true;
  QueuedWait::abort();
  cancelled_now_ = true;
  wake();
  return false;
}

void ConditionWait::lost() {
  if (!linked()) return;  // the condition has gone
  cancelled_now_ = true;
  set_cancelled(false);
}

bool ConditionWait::retry() {
  const bool cancelled = std::exchange(cancelled_now_, false);
  if (cancelled) cancelled_once_ = true;
  if (phase_ == Phase::notification) {
    condition_->waiters_.remove(*this);
    phase_ = Phase::lock;
    if (!condition_->lock_->try_acquire()) return queue_for_lock();
  } else {
    condition_->lock_->settle(*this, cancelled);
    if (cancelled && !condition_->lock_->try_acquire()) return queue_for_lock();
  }
  if (cancelled_once_) {
    set_cancelled(true);
    pass_on();
  }
  return true;
}

bool ConditionWait::queue_for_lock() {
  Lock& lock = *condition_->lock_;
  if (!lock.bind()) [[unlikely]] {
    refusal_ = detail::LoopBound::other_loop(lock.repr());
    pass_on();
    return true;
  }
  lock.waiters_.add(*this);
  return false;
}

// What failed may have been notified: another one must hear of it, even if it turns out that there
// was nothing to hear.
void ConditionWait::pass_on() noexcept { condition_->waiters_.wake_next(); }

// --- the condition ------------------------------------------------------------------------------

void Condition::notify(std::size_t n) {
  if (!locked()) throw RuntimeError("cannot notify on un-acquired lock");
  while (n > 0 && waiters_.wake_next()) --n;
}

void Condition::notify_all() { notify(waiters_.size()); }

std::string Condition::repr() const {
  return detail::primitive_repr("Condition", locked() ? "locked" : "unlocked", waiters_.size());
}

}  // namespace asyncio
