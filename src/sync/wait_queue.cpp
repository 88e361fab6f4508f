#include "asyncio/sync/wait_queue.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/task_base.hpp"

namespace asyncio::detail {

// --- one wait -----------------------------------------------------------------------------------

bool QueuedWait::wait_in(WaitQueue& queue, Continuation continuation) noexcept {
  queue.add(*this);
  return park(continuation);
}

bool QueuedWait::abort() {
  // Not in a queue: what it waited for has gone, and the loop with it.
  if (linked()) queue_->abort(*this);
  return true;
}

void QueuedWait::leave_queue() noexcept { queue_->remove(*this); }

// --- the queue ----------------------------------------------------------------------------------

void WaitQueue::add(QueuedWait& waiter) noexcept {
  waiter.queue_ = this;
  waiter.aborted_ = false;
  waiters_.push_back(&waiter);
  ++live_;
  if (next_ == nullptr) next_ = &waiter;
}

bool WaitQueue::remove(QueuedWait& waiter) noexcept {
  if (next_ == &waiter) advance();
  waiter.unlink();
  if (waiter.aborted_) return false;
  --live_;
  return true;
}

void WaitQueue::abort(QueuedWait& waiter) noexcept {
  waiter.aborted_ = true;
  --live_;
  if (next_ == &waiter) advance();
}

void WaitQueue::wake_one() noexcept {
  QueuedWait& waiter = *next_;
  advance();
  waiter.wake();
}

void WaitQueue::advance() noexcept {
  do {
    next_ = waiters_.next(next_);
  } while (next_ != nullptr && next_->aborted_);
}

std::size_t WaitQueue::size() const noexcept {
  std::size_t count = 0;
  for (QueuedWait* waiter = waiters_.front(); waiter != nullptr; waiter = waiters_.next(waiter)) {
    ++count;
  }
  return count;
}

std::size_t WaitQueue::waiting() const noexcept {
  std::size_t count = 0;
  for (QueuedWait* waiter = next_; waiter != nullptr; waiter = waiters_.next(waiter)) {
    if (!waiter->aborted_) ++count;
  }
  return count;
}

// A main() that fails, or returns, destroys its queue before run() has cancelled the workers. They
// must not touch it any more, so they are cancelled now.
void WaitQueue::drop_waiters() noexcept {
  while (QueuedWait* waiter = waiters_.pop_front()) {
    if (waiter->stranded() || waiter->aborted_) continue;
    TaskBase& task = waiter->task();
    log(LogLevel::warning,
        "RuntimeWarning: a lock, event or queue was destroyed while " + task.repr() +
            " waits for it, and the task is cancelled: keep it longer than the tasks that use it, "
            "or cancel and await them first");
    task.cancel("what the task waits for was destroyed");
  }
}

// --- loops and names ----------------------------------------------------------------------------

bool LoopBound::bind() noexcept {
  Scheduler* running = Scheduler::running();
  if (loop_ == nullptr) loop_ = running;
  return loop_ == running;
}

std::exception_ptr LoopBound::other_loop(std::string_view repr) {
  return std::make_exception_ptr(
      RuntimeError(std::string(repr) + " is bound to a different event loop"));
}

std::string primitive_repr(std::string_view name, std::string_view state, std::size_t waiters) {
  std::string text = "<asyncio.";
  text += name;
  text += " [";
  text += state;
  if (waiters != 0) text += ", waiters:" + std::to_string(waiters);
  return text + "]>";
}

}  // namespace asyncio::detail
