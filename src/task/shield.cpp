#include "asyncio/task/shield.hpp"

#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

ShieldBase::ShieldBase(Scheduler& scheduler, std::size_t slot_offset, FutureBase& inner)
    : WatchingFuture(scheduler, slot_offset) {
  inner_.watch(*this, Ref<FutureBase>(&inner));
}

bool ShieldBase::cancel(std::string_view message) {
  const bool cancelled_now = FutureBase::cancel(message);
  inner_.forget();
  return cancelled_now;
}

void ShieldBase::on_done(Node& node) noexcept {
  // Cancelled or set meanwhile: the inner one's error stays its own, for whoever else waits for it.
  if (done()) return;
  FutureBase& inner = *node.future;
  if (inner.cancelled()) {
    FutureBase::cancel({});
    return;
  }
  inner.mark_retrieved();
  try {
    if (inner.error()) {
      slot().error = inner.error();
    } else {
      take_result(inner);
    }
  } catch (...) {
    slot().error = std::current_exception();  // a copy of the result failed
  }
  settle(State::finished);
}

}  // namespace asyncio::detail
