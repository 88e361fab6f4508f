#include "asyncio/files/call.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"
#include "files/at_once.hpp"

namespace asyncio::detail {

// --- its life -----------------------------------------------------------------------------------

void LooseCall::begin(Scheduler& scheduler) {
  alone_.store(false, std::memory_order_relaxed);
  home_ = Scheduler::this_thread();
  result = -ECANCELED;
  scheduler.backend().start(*this);
}

void LooseCall::let_go() noexcept {
  if (alone_.exchange(true)) end_alone();
}

void LooseCall::done() noexcept {
  const bool at_home = home_ == Scheduler::this_thread();
  if (at_home && !alone_.load()) return arrived();
  if (alone_.exchange(true)) end_alone();
}

// --- one that is awaited ------------------------------------------------------------------------

std::exception_ptr AwaitedFileCall::error() const {
  if (result >= 0) return nullptr;
  return make_os_error(static_cast<int>(-result), operation_, subject_);
}

void AwaitedFileCall::arrived() noexcept {
  awaiter_->under_way_ = false;
  awaiter_->is_over_ = true;
  awaiter_->wake();
}

void AwaitedFileCall::end_alone() noexcept { delete this; }

bool FileCallAwaiter::await_suspend(Continuation continuation) {
  call_->awaiter_ = this;
  if (call_->tries_at_once() && may_try_at_once(running_scheduler())) {
    return park_woken(continuation);
  }
  return begin() && park(continuation);
}

bool FileCallAwaiter::begin() noexcept {
  try {
    call_->prepare(running_scheduler());
    call_->begin(running_scheduler());
    under_way_ = true;
  } catch (...) {
    failure_ = std::current_exception();
  }
  return under_way_;
}

bool FileCallAwaiter::retry() { return is_over_ || run_at_once(*call_) || !begin(); }

void FileCallAwaiter::abandon() noexcept {
  if (!std::exchange(under_way_, false)) return;
  call_.release()->let_go();
}

std::exception_ptr FileCallAwaiter::error() const {
  if (cancelled()) return cancellation();
  return failure_ ? failure_ : call_->error();
}

std::exception_ptr check_path(std::string_view path) {
  if (path.find('\0') == std::string_view::npos) return nullptr;
  return std::make_exception_ptr(ValueError("embedded null byte"));
}

}  // namespace asyncio::detail
