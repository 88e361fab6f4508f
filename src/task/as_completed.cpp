#include "asyncio/task/as_completed.hpp"

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/wait.hpp"

namespace asyncio::detail {

CompletedQueue::CompletedQueue(Scheduler& scheduler, const std::vector<FutureBase*>& futures,
                               const AsCompletedOptions& options)
    : scheduler_(&scheduler),
      nodes_(std::make_unique<Node[]>(futures.size())),
      count_(futures.size()),
      pending_(0),
      left_(0),
      alarm_([](TimerNode* timer) { static_cast<Alarm*>(timer)->queue->on_timeout(); }) {
  const std::vector<bool> duplicate = find_duplicates(futures);
  done_.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    if (duplicate[i]) continue;
    ++pending_;
    ++left_;
    nodes_[i].watch(*this, Ref<FutureBase>(futures[i]));
  }
  if (!options.timeout || pending_ == 0) return;
  alarm_.queue = this;
  scheduler.arm(alarm_, base::saturating_add(scheduler.time(), options.timeout->value()));
}

void CompletedQueue::on_done(Node& node) noexcept {
  if (timed_out_) return;  // too late: the step for it fails
  done_.push_back(node.future.get());
  if (--pending_ == 0 && alarm_.armed()) scheduler_->disarm(alarm_);
  wake_next();
}

void CompletedQueue::on_timeout() noexcept {
  if (scheduler_->is_closed()) return;
  timed_out_ = true;
  for (std::size_t i = 0; i < count_; ++i) nodes_[i].forget();
  while (!waiting_.empty()) wake_next();
}

void CompletedQueue::leave() noexcept {
  if (alarm_.armed()) scheduler_->disarm(alarm_);
  for (std::size_t i = 0; i < count_; ++i) nodes_[i].forget();
}

FutureBase* CompletedQueue::take() noexcept {
  return taken_ < done_.size() ? done_[taken_++] : nullptr;
}

WhoWaits CompletedQueue::who_waits() const noexcept {
  const CompletedStep* step = waiting_.front();
  return {.task = step != nullptr ? &step->task() : nullptr};
}

void CompletedQueue::wake_next() noexcept {
  if (CompletedStep* step = waiting_.pop_front()) step->wake();
}

// --- steps --------------------------------------------------------------------------------------

bool CompletedStep::await_ready() noexcept {
  if (state_ == State::unclaimed) state_ = queue_->claim() ? State::claimed : State::ended;
  if (state_ > State::ended) {
    misuse_ = std::make_exception_ptr(RuntimeError("cannot reuse already awaited coroutine"));
  } else if (state_ == State::claimed && queue_->ready()) {
    take();
  }
  return state_ != State::claimed;
}

bool CompletedStep::await_suspend(Continuation continuation) {
  queue_->wait(*this);
  return park(continuation);
}

void CompletedStep::take() noexcept {
  future_ = queue_->take();
  state_ = future_ != nullptr ? State::taken : State::timed_out;
}

bool CompletedStep::abort() {
  unlink();
  give_back();
  return true;
}

bool CompletedStep::retry() {
  if (queue_->ready()) {
    take();
    return true;
  }
  queue_->wait(*this);
  return false;
}

void CompletedStep::give_back() noexcept {
  queue_->give_back();
  state_ = State::cancelled;
}

void CompletedStep::lost() {
  give_back();
  if (queue_->ready()) queue_->wake_next();
}

std::exception_ptr CompletedStep::own_error() const {
  if (misuse_) [[unlikely]]
    return misuse_;
  if (std::exception_ptr cancelled_here = cancellation()) return cancelled_here;
  if (state_ == State::timed_out) return std::make_exception_ptr(TimeoutError());
  return nullptr;
}

}  // namespace asyncio::detail
