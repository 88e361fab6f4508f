#include "asyncio/threads/to_thread.hpp"

namespace asyncio::detail {

void AwaitedCall::start(ThreadAwaiterBase& awaiter, Scheduler& scheduler) {
  awaiter_ = &awaiter;
  context_ = ContextScope::copy_current();
  submit(scheduler);
}

void AwaitedCall::run() noexcept {
  if (claimed_.exchange(true, std::memory_order_relaxed)) return;
  ran_ = true;
  const ContextScope scope(context_);
  try {
    call();
  } catch (...) {
    error_ = std::current_exception();
  }
}

void AwaitedCall::ended() noexcept {
  if (awaiter_ == nullptr) {
    delete this;
    return;
  }
  if (!ran_) {
    error_ =
        std::make_exception_ptr(RuntimeError("the loop was closed before the function could run"));
  }
  awaiter_->running_ = false;
  awaiter_->wake();
}

bool ThreadAwaiterBase::await_suspend(Continuation continuation) {
  job_->start(*this, running_scheduler());
  running_ = true;
  return park(continuation);
}

void ThreadAwaiterBase::abandon() noexcept {
  if (!running_) return;
  running_ = false;
  job_.release()->orphan();  // deletes itself when the thread is done with it
}

}  // namespace asyncio::detail
