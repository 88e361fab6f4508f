#include "asyncio/task/wait.hpp"

#include <unordered_set>

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

void WaitGroup::on_done(Node& node) noexcept {
  --left_;
  if (awaiter_ == nullptr) return;
  bool enough = left_ == 0 || when_ == ReturnWhen::first_completed;
  if (when_ == ReturnWhen::first_exception && !node.future->cancelled() && node.future->error()) {
    node.future->mark_retrieved();
    enough = true;
  }
  if (enough) awaiter_->wake();
}

WhoWaits WaitGroup::who_waits() const noexcept {
  if (awaiter_ == nullptr || !awaiter_->parked()) return {};
  return {.task = &awaiter_->task()};
}

void WaitGroup::leave(std::size_t count) noexcept {
  awaiter_ = nullptr;
  for (std::size_t i = 0; i < count; ++i) nodes_[i].forget();
}

std::vector<bool> find_duplicates(const std::vector<FutureBase*>& futures) {
  std::unordered_set<const FutureBase*> seen;
  std::vector<bool> duplicate;
  duplicate.reserve(futures.size());
  for (const FutureBase* future : futures) duplicate.push_back(!seen.insert(future).second);
  return duplicate;
}

bool WaitAwaiterBase::watch(const std::vector<FutureBase*>& futures, Continuation continuation) {
  if (futures.empty()) throw ValueError("Set of Tasks/Futures is empty.");
  count_ = futures.size();
  Scheduler& scheduler = running_scheduler();
  group_ = Ref<WaitGroup>::adopt(new WaitGroup(*this, count_, options_.return_when));
  if (options_.timeout) {
    timer_.awaiter = this;
    scheduler.arm(timer_, base::saturating_add(scheduler.time(), options_.timeout->value()));
  }
  for (std::size_t i = 0; i < count_; ++i) group_->watch(i, futures[i]);
  return park(continuation);
}

void WaitAwaiterBase::stop_watching() noexcept {
  if (timer_.armed()) task().scheduler().disarm(timer_);
  if (!group_) return;
  group_->leave(count_);
  group_ = {};
}

}  // namespace asyncio::detail
