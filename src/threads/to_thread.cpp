#include "asyncio/threads/to_thread.hpp"

namespace asyncio::detail {

void ThreadJob::submit(ThreadAwaiterBase& awaiter, Scheduler& scheduler) {
  awaiter_ = &awaiter;
  context_ = ContextScope::copy_current();
  try {
    scheduler.backend().submit(*this);
  } catch (...) {
    awaiter_ = nullptr;
    throw;
  }
}

void ThreadJob::run() noexcept {
  ran_ = true;
  const ContextScope scope(context_);
  try {
    call();
  } catch (...) {
    error_ = std::current_exception();
  }
}

void ThreadJob::done() noexcept {
  if (awaiter_ == nullptr) {
    delete this;
    return;
  }
  if (!ran_)
    error_ =
        std::make_exception_ptr(RuntimeError("the loop was closed before the "
                                             "function could run"));
  awaiter_->running_ = false;
  awaiter_->wake();
}

bool ThreadAwaiterBase::await_suspend(Continuation continuation) {
  job_->submit(*this, running_scheduler());
  running_ = true;
  return park(continuation);
}

void ThreadAwaiterBase::abandon() noexcept {
  if (!running_) return;
  running_ = false;
  job_.release()->orphan();  // deletes itself when the thread is done with it
}

}  // namespace asyncio::detail
