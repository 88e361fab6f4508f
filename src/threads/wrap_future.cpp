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

void FutureLink::send_news(std::shared_ptr<FutureLink> self) noexcept {
  news_.link = std::move(self);
  if (!loop_->try_deliver(news_)) news_.link.reset();
}

void FutureLink::News::done() noexcept {
  if (link->future_) {
    link->future_.block()->scheduler().push(this);
  } else {
    const std::shared_ptr<FutureLink> last = std::move(link);  // the loop has closed
  }
}

void FutureLink::arrived(ReadyNode* node) {
  const std::shared_ptr<FutureLink> link = std::move(static_cast<News*>(node)->link);
  // A closed loop runs its queue once more only to let go of what is in it.
  if (!link->future_ || link->future_.block()->scheduler().is_closed()) return;
  try {
    link->on_news();
  } catch (...) {
    Scheduler::running()->report_caught("Exception in callback");
  }
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
