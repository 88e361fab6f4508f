#include "asyncio/sync/queue_base.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio::detail {

// --- one wait -----------------------------------------------------------------------------------

bool QueueGetWait::await_suspend(Continuation continuation) {
  if (!queue_->bind()) [[unlikely]] {
    refusal_ = LoopBound::other_loop(queue_->format("Queue", {}));
    return false;
  }
  return wait_in(queue_->getters_, continuation);
}

bool QueueGetWait::retry() {
  queue_->getters_.remove(*this);
  if (await_ready()) return true;
  queue_->getters_.add(*this);
  return false;
}

bool QueueGetWait::abort() {
  if (linked()) queue_->getters_.remove(*this);
  return true;
}

void QueueGetWait::lost() {
  if (!linked()) return;  // the queue has gone
  queue_->getters_.remove(*this);
  if (!queue_->empty()) queue_->getters_.wake_next();
}

bool QueuePutWait::await_suspend(Continuation continuation) {
  if (!queue_->bind()) [[unlikely]] {
    refusal_ = LoopBound::other_loop(queue_->format("Queue", {}));
    return false;
  }
  return wait_in(queue_->putters_, continuation);
}

bool QueuePutWait::retry() {
  queue_->putters_.remove(*this);
  if (await_ready()) return true;
  queue_->putters_.add(*this);
  return false;
}

bool QueuePutWait::abort() {
  if (linked()) queue_->putters_.remove(*this);
  return true;
}

void QueuePutWait::lost() {
  if (!linked()) return;  // the queue has gone
  queue_->putters_.remove(*this);
  if (!queue_->full()) queue_->putters_.wake_next();
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
