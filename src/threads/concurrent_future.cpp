#include "asyncio/threads/concurrent_future.hpp"

#include <array>
#include <chrono>
#include <cstdio>

#include "asyncio/base/log.hpp"

namespace asyncio::detail {
namespace {

const char* name_of(ThreadFuture::State state, bool upper) noexcept {
  switch (state) {
    case ThreadFuture::State::pending:
      return upper ? "PENDING" : "pending";
    case ThreadFuture::State::running:
      return upper ? "RUNNING" : "running";
    case ThreadFuture::State::cancelled:
      return upper ? "CANCELLED" : "cancelled";
    case ThreadFuture::State::notified:
      return upper ? "CANCELLED_AND_NOTIFIED" : "cancelled";
    case ThreadFuture::State::finished:
      break;
  }
  return upper ? "FINISHED" : "finished";
}

}  // namespace

ThreadFuture::State ThreadFuture::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::exception_ptr ThreadFuture::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

// --- settling -----------------------------------------------------------------------------------

bool ThreadFuture::cancel() {
  std::vector<Callback> callbacks;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::running || state_ == State::finished) return false;
    if (state_ != State::pending) return true;
    state_ = State::cancelled;
    callbacks = std::move(callbacks_);
    settled_.notify_all();
  }
  call_back(std::move(callbacks));
  return true;
}

bool ThreadFuture::set_running_or_notify_cancel() {
  const std::lock_guard lock(mutex_);
  if (state_ == State::pending) {
    state_ = State::running;
    return true;
  }
  if (state_ == State::cancelled) {
    state_ = State::notified;
    tell_watchers();
    return false;
  }
  log(LogLevel::error, "Future " + repr_locked() + " in unexpected state");
  throw RuntimeError("Future in unexpected state");
}

void ThreadFuture::cancel_unrun() {
  cancel();
  const std::lock_guard lock(mutex_);
  if (state_ != State::cancelled) return;
  state_ = State::notified;
  tell_watchers();
}

std::unique_lock<std::mutex> ThreadFuture::begin_result() {
  std::unique_lock lock(mutex_);
  if (state_ >= State::cancelled) {
    throw concurrent::InvalidStateError(std::string(name_of(state_, true)) + ": " + repr_locked());
  }
  return lock;
}

void ThreadFuture::finish(std::unique_lock<std::mutex> lock) noexcept {
  state_ = State::finished;
  std::vector<Callback> callbacks = std::move(callbacks_);
  tell_watchers();
  settled_.notify_all();
  lock.unlock();
  call_back(std::move(callbacks));
}

void ThreadFuture::set_exception(std::exception_ptr error) {
  ASYNCIO_CHECK(error != nullptr, "set_exception needs an exception");
  std::unique_lock lock = begin_result();
  error_ = std::move(error);
  finish(std::move(lock));
}

// --- those who wait -----------------------------------------------------------------------------

std::exception_ptr ThreadFuture::wait(std::optional<Delay> timeout) {
  std::unique_lock lock(mutex_);
  const auto settled = [this] { return state_ >= State::cancelled; };
  if (!timeout || timeout->value() == Nanoseconds::max()) {
    settled_.wait(lock, settled);
  } else {
    const auto now = std::chrono::steady_clock::now();
    const Nanoseconds end = base::saturating_add(now.time_since_epoch(), timeout->value());
    const std::chrono::steady_clock::time_point deadline(end);
    if (!settled_.wait_until(lock, deadline, settled)) throw TimeoutError();
  }
  if (state_ != State::finished) throw concurrent::CancelledError();
  return error_;
}

void ThreadFuture::add_done_callback(Callback callback) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ < State::cancelled) {
      callbacks_.push_back(std::move(callback));
      return;
    }
  }
  call_one(callback);
}

void ThreadFuture::call_back(std::vector<Callback> callbacks) noexcept {
  for (Callback& callback : callbacks) call_one(callback);
}

void ThreadFuture::call_one(Callback& callback) noexcept {
  try {
    callback(*this);
  } catch (...) {
    report_caught();
  }
}

void ThreadFuture::report_caught() const noexcept {
  try {
    log(LogLevel::error, "exception calling callback for " + repr() + "\n" +
                             base::describe(std::current_exception()));
  } catch (...) {
    log(LogLevel::error, "exception calling callback");  // no memory for more
  }
}

bool ThreadFuture::watch(Watcher& watcher) {
  const std::lock_guard lock(mutex_);
  if (state_ >= State::notified) return false;
  watchers_.push_back(&watcher);
  return true;
}

void ThreadFuture::unwatch(Watcher& watcher) noexcept {
  const std::lock_guard lock(mutex_);
  watcher.unlink();
}

void ThreadFuture::tell_watchers() noexcept {
  while (Watcher* watcher = watchers_.pop_front()) watcher->on_settled(*this);
}

// --- names --------------------------------------------------------------------------------------

std::string ThreadFuture::repr() const {
  const std::lock_guard lock(mutex_);
  return repr_locked();
}

std::string ThreadFuture::repr_locked() const {
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "%p", static_cast<const void*>(this));
  std::string text =
      "<Future at " + std::string(address.data()) + " state=" + name_of(state_, false);
  if (state_ == State::finished && error_) {
    const std::type_info* type = error_.__cxa_exception_type();
    text += " raised " + (type != nullptr ? base::type_name(*type) : std::string("exception"));
  } else if (state_ == State::finished) {
    text += " returned " + value_type_name();
  }
  return text + ">";
}

}  // namespace asyncio::detail
