// shield(): waits for something without taking it down when the waiter is cancelled.
#pragma once

#include <cstddef>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "asyncio/base/result.hpp"
#include "asyncio/task/awaitable_range.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/group_node.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/watching_future.hpp"

namespace asyncio {

namespace detail {

/// The future that shield() returns, and what it watches.
class ShieldBase : public WatchingFuture {
 public:
  using Node = GroupNode<ShieldBase>;

  /// Lets go of the inner future, which runs on and answers for itself from here.
  bool cancel(std::string_view message) override;
  void on_done(Node& node) noexcept;
  [[nodiscard]] WhoWaits who_waits() const noexcept {
    return {.future = const_cast<ShieldBase*>(this)};
  }

 protected:
  ShieldBase(Scheduler& scheduler, std::size_t slot_offset, FutureBase& inner);
  virtual void take_result(FutureBase& inner) = 0;

 private:
  void weaken_nodes() noexcept final {
    inner_.loosen();
    inner_.end_if_loose();
  }

  Node inner_;
};

/// `kOwned`: nobody else holds the inner future, so its result is moved out.
template <class T, bool kOwned>
class ShieldBlock final : public ShieldBase {
 public:
  ShieldBlock(Scheduler& scheduler, FutureBase& inner) : ShieldBase(scheduler, offset(), inner) {}

 private:
  static std::size_t offset() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    return offsetof(ShieldBlock, slot_);
#pragma GCC diagnostic pop
  }
  void take_result(FutureBase& inner) override {
    if constexpr (!std::is_void_v<T>) {
      auto& from = static_cast<base::Slot<T>&>(slot_of(inner)).value;
      if constexpr (kOwned || !std::is_copy_constructible_v<typename base::Stored<T>::type>) {
        slot_.emplace(base::Stored<T>::out(*from));
      } else {
        slot_.value = from;
      }
    }
  }
  base::Slot<T> slot_;
};

}  // namespace detail

/// A Future of the same outcome as `awaitable` (a coroutine becomes a task now, at the call).
/// Cancelling it, or the task that awaits it, leaves the inner one alone: that runs on, and what it
/// fails with is reported if nobody retrieves it. An inner one that is cancelled otherwise cancels
/// this too. One that is done already is returned itself.
///
///   Task<> job = create_task(save());
///   co_await shield(job);  // cancelled here: save() goes on
///
/// Python: asyncio.shield.
template <Awaitable A>
[[nodiscard]] auto shield(A&& awaitable,
                          std::source_location here = std::source_location::current()) {
  using Inner = detail::future_of_t<A>;
  using T = typename Inner::value_type;
  Inner inner = ensure_future(std::forward<A>(awaitable), here);
  detail::FutureBase& block = *inner.block();
  if (inner.done()) return Future<T>(detail::Ref<detail::FutureBase>(&block));
  auto* outer = new detail::ShieldBlock<T, !detail::is_future_v<A>>(block.scheduler(), block);
  return Future<T>(detail::Ref<detail::FutureBase>::adopt(outer));
}

}  // namespace asyncio
