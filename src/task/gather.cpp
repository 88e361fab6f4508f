#include "asyncio/task/gather.hpp"

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

GatherBase::GatherBase(Scheduler& scheduler, std::size_t slot_offset, std::size_t count,
                       bool return_exceptions)
    : WatchingFuture(scheduler, slot_offset),
      nodes_(std::make_unique<Node[]>(count)),
      count_(count),
      return_exceptions_(return_exceptions) {}

bool GatherBase::cancel(std::string_view message) {
  if (done()) return false;
  bool any = false;
  for (std::size_t i = 0; i < count_; ++i) {
    // One that was dropped while nobody held us is gone.
    if (nodes_[i].future && child(i).cancel(message)) any = true;
  }
  if (any) cancel_requested_ = true;
  return any;
}

void GatherBase::weaken_nodes() noexcept {
  for (std::size_t i = 0; i < count_; ++i) nodes_[i].loosen();
  for (std::size_t i = 0; i < count_; ++i) nodes_[i].end_if_loose();
}

void GatherBase::on_done(Node& node) noexcept {
  ++done_;
  FutureBase& future = *node.future;
  if (done()) {
    // Decided by an earlier failure: this one's error is nobody's.
    if (!future.cancelled()) future.mark_retrieved();
    return;
  }
  if (!return_exceptions_) {
    future.mark_retrieved();
    if (future.error()) return settle_with(future.error());
  }
  if (done_ < count_) return;
  if (cancel_requested_) return settle_cancelled();
  finish();
}

void GatherBase::finish() noexcept {
  try {
    collect();
    settle(State::finished);
  } catch (...) {
    settle_with(std::current_exception());  // a copy of a result failed
  }
}

void GatherBase::settle_with(const std::exception_ptr& failure) noexcept {
  slot().error = failure;
  settle(State::finished);
}

// Cancelled as a whole, whatever the children made of it; what they failed with is nobody's. As in
// CPython the message is that of the last argument, not of the last one to end.
void GatherBase::settle_cancelled() noexcept {
  for (std::size_t i = 0; i < count_; ++i) child(i).mark_retrieved();
  FutureBase& last = child(count_ - 1);
  settle_with(last.cancelled() ? last.error() : std::make_exception_ptr(CancelledError()));
}

void GatherBase::begin() noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (nodes_[i].group == nullptr) on_done(nodes_[i]);
  }
  if (count_ == 0) finish();
}

}  // namespace asyncio::detail
