#include "asyncio/loop/remote_call.hpp"

#include <condition_variable>
#include <mutex>

#include "asyncio/base/repr.hpp"
#include "asyncio/loop/handle.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {
namespace {

// Where those who cancel wait for callbacks that run: rare enough for one place in the process.
struct Ends {
  std::mutex mutex;
  std::condition_variable ended;

  static Ends& instance() {
    static auto* ends = new Ends;
    return *ends;
  }
};

}  // namespace

void RemoteCall::run_in_loop(ReadyNode* node) {
  auto* call = static_cast<RemoteCall*>(node);
  if (call->word_.load(std::memory_order_acquire) == kReference) {
    call->invoke();  // no handle is left: nobody can meddle
    delete call;
    return;
  }
  call->runner_ = Scheduler::this_thread();
  const std::uint32_t before = call->word_.fetch_or(kBegun | kRunning, std::memory_order_acq_rel);
  if ((before & kCancelled) == 0) call->invoke();
  const std::uint32_t after =
      call->word_.fetch_sub(kRunning + kReference, std::memory_order_acq_rel);
  if ((after & kAwaited) != 0) {
    Ends& ends = Ends::instance();
    const std::lock_guard lock(ends.mutex);
    ends.ended.notify_all();
  }
  if (after < 2 * kReference) delete call;
}

void RemoteCall::invoke() noexcept {
  // A closed loop runs its queue once more only to let go of what is in it.
  if (!scheduler_->is_closed()) {
    try {
      const ContextScope scope(context_);
      if (scope.refused()) [[unlikely]]
        std::rethrow_exception(make_context_error());
      call();
    } catch (...) {
      scheduler_->report_caught("Exception in callback", nullptr, this);
    }
  }
  drop_callable();
}

std::string RemoteCall::repr() const {
  return "<Handle " + (cancelled() ? "cancelled" : base::callable_name(callable_type()) + "()") +
         ">";
}

void RemoteCall::cancel() noexcept {
  const std::uint32_t before = word_.fetch_or(kCancelled, std::memory_order_acq_rel);
  if ((before & (kBegun | kCancelled)) == 0) return drop_callable();
  if ((before & kRunning) == 0 || runner_ == Scheduler::this_thread()) return;
  wait_until_it_ended();
}

void RemoteCall::wait_until_it_ended() noexcept {
  Ends& ends = Ends::instance();
  std::unique_lock lock(ends.mutex);
  std::uint32_t word = word_.fetch_or(kAwaited, std::memory_order_acq_rel);
  while ((word & kRunning) != 0) {
    ends.ended.wait(lock);
    word = word_.load(std::memory_order_acquire);
  }
}

}  // namespace asyncio::detail
