#include "asyncio/task/watching_future.hpp"

namespace asyncio::detail {

bool WatchingFuture::stays() noexcept {
  if (nodes_ > 0 && !weak_) {
    weak_ = true;
    ++nodes_;  // those that go with their futures are not to end this here
    weaken_nodes();
    --nodes_;
  }
  return nodes_ > 0;
}

}  // namespace asyncio::detail
