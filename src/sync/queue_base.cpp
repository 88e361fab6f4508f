#include "asyncio/sync/queue_base.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio::detail {

// --- one wait -----------------------------------------------------------------------------------

WaitQueue& QueueWait::waiters() noexcept {
  return side_ == Side::getters ? queue_->getters_ : queue_->putters_;
}

bool QueueWait::await_suspend(Continuation continuation) {
  if (!queue_->bind()) [[unlikely]] {
    refusal_ = LoopBound::other_loop(queue_->format("Queue", {}));
    return false;
  }
  return wait_in(waiters(), continuation);
}

bool QueueWait::retry() {
  waiters().remove(*this);
  if (side_ == Side::getters ? item_ready() : room_ready()) return true;
  waiters().add(*this);
  return false;
}

bool QueueWait::abort() {
  if (linked()) waiters().remove(*this);
  return true;
}

void QueueWait::lost() {
  if (!linked()) return;  // the queue has gone
  waiters().remove(*this);
  if (side_ == Side::getters) {
    queue_->get_failed();
  } else {
    queue_->put_failed();
  }
}

// --- the queue ----------------------------------------------------------------------------------

void QueueBase::refuse_get() const {
  if (shut_down_) throw QueueShutDown();
  throw QueueEmpty();
}

void QueueBase::refuse_put() const {
  if (shut_down_) throw QueueShutDown();
  throw QueueFull();
}

void QueueBase::get_failed() noexcept {
  if (!empty()) getters_.wake_next();
}

void QueueBase::put_failed() noexcept {
  if (!full()) putters_.wake_next();
}

void QueueBase::task_done() {
  if (unfinished_ == 0) throw ValueError("task_done() called too many times");
  if (--unfinished_ == 0) finished_.set();
}

void QueueBase::item_dropped() noexcept {
  --size_;
  if (unfinished_ > 0) --unfinished_;
}

void QueueBase::wake_all() noexcept {
  if (unfinished_ == 0) finished_.set();
  getters_.wake_all();
  putters_.wake_all();
}

std::string QueueBase::format(std::string_view name, std::string_view items) const {
  std::string text = "<asyncio.";
  text += name;
  text += " maxsize=" + std::to_string(maxsize_);
  if (!empty() && !items.empty()) {
    text += " _queue=";
    text += items;
  }
  const auto add_count = [&text](std::string_view what, std::size_t count) {
    if (count == 0) return;
    text += ' ';
    text += what;
    text += '[' + std::to_string(count) + ']';
  };
  add_count("_getters", getters_.waiting());
  add_count("_putters", putters_.waiting());
  if (unfinished_ != 0) text += " tasks=" + std::to_string(unfinished_);
  if (shut_down_) text += " shutdown";
  return text + '>';
}

}  // namespace asyncio::detail
