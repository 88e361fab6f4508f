#include "asyncio/threads/wrap_future.hpp"

#include "asyncio/base/error.hpp"

namespace asyncio::detail {

void FutureLink::keep(std::shared_ptr<FutureLink> self, Scheduler& scheduler) noexcept {
  self_ = std::move(self);
  scheduler.attach(*this);
}

void FutureLink::release() noexcept {
  const std::shared_ptr<FutureLink> self = std::move(self_);
  unlink();
  future_ = AnyFuture();
}

void FutureLink::on_loop_close() noexcept {
  const std::shared_ptr<FutureLink> self = self_;
  release();
  loop_closed();
}

void FutureLink::send(base::UniqueFunction<void()> call) const { loop_->call_soon(call); }

std::exception_ptr convert_exception(const std::exception_ptr& error) {
  if (base::exception_is<concurrent::CancelledError>(error)) {
    return std::make_exception_ptr(CancelledError());
  }
  if (base::exception_is<concurrent::InvalidStateError>(error)) {
    try {
      std::rethrow_exception(error);
    } catch (const concurrent::InvalidStateError& invalid) {
      return std::make_exception_ptr(InvalidStateError(invalid.what()));
    }
  }
  return error;
}

}  // namespace asyncio::detail
