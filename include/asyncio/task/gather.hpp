// gather(): many at once, results in order.
#pragma once

#include <memory>
#include <ranges>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/result.hpp"
#include "asyncio/task/awaitable_range.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/group_node.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/watching_future.hpp"

namespace asyncio {

struct return_exceptions_t {};
/// First argument of gather(): exceptions are results too. Python: return_exceptions=True.
inline constexpr return_exceptions_t return_exceptions{};

namespace detail {

/// The future that gather() returns. It decides with the first failure, or when all are done; it
/// holds no type but that of collect().
class GatherBase : public WatchingFuture {
 public:
  using Node = GroupNode<GatherBase>;

  /// Cancels all children; it is itself done when they are. Python: _GatheringFuture.cancel.
  bool cancel(std::string_view message) override;
  void on_done(Node& node) noexcept;
  [[nodiscard]] WhoWaits who_waits() const noexcept {
    return {.future = const_cast<GatherBase*>(this)};
  }

 protected:
  GatherBase(Scheduler& scheduler, std::size_t slot_offset, std::size_t count,
             bool return_exceptions);
  /// Fills the slot from the children, all of which are done.
  virtual void collect() = 0;

  void watch(std::size_t index, const AnyFuture& future) {
    if (future.done()) {
      nodes_[index].future = Ref<FutureBase>(future.block());
    } else {
      nodes_[index].watch(*this, Ref<FutureBase>(future.block()));
    }
  }
  /// Counts the children that were done already: when all were, the result is there at once.
  void begin() noexcept;
  [[nodiscard]] FutureBase& child(std::size_t index) noexcept { return *nodes_[index].future; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }

 private:
  void weaken_nodes() noexcept final;
  void settle_with(const std::exception_ptr& error) noexcept;
  void settle_cancelled() noexcept;
  void finish() noexcept;

  std::unique_ptr<Node[]> nodes_;
  std::size_t count_;
  std::size_t done_ = 0;
  bool return_exceptions_;
  bool cancel_requested_ = false;
};

/// What an argument of gather() becomes: a future, and whether its result is ours to move.
template <class A>
struct GatherArgument {
  using Source = future_of_t<A>;
  using value_type = typename Source::value_type;
  static constexpr bool kOwned = !is_future_v<A>;
};

/// The outcome of one child as it goes into the results.
template <class T, bool kOwned, bool kReturnExceptions>
auto take_child(FutureBase& child) {
  auto& slot = static_cast<base::Slot<T>&>(slot_of(child));
  if constexpr (kReturnExceptions) {
    child.mark_retrieved();
    if (slot.error) return Result<T>(slot.error);
    if constexpr (std::is_void_v<T>) {
      return Result<T>(std::in_place, std::monostate());
    } else if constexpr (kOwned) {
      return Result<T>(std::in_place, base::Stored<T>::out(*slot.value));
    } else {
      return Result<T>(std::in_place, *slot.value);
    }
  } else if constexpr (std::is_void_v<T>) {
    return std::monostate();
  } else if constexpr (kOwned) {
    return base::non_void_t<T>(base::Stored<T>::out(*slot.value));
  } else {
    return base::non_void_t<T>(*slot.value);
  }
}

template <class T, bool kReturnExceptions>
using gathered_t = std::conditional_t<kReturnExceptions, Result<T>, base::non_void_t<T>>;

template <class T, bool kOwned, bool kReturnExceptions>
class GatherList final : public GatherBase {
 public:
  using Value = std::vector<gathered_t<T, kReturnExceptions>>;

  template <class Futures>
  GatherList(Scheduler& scheduler, const Futures& futures)
      : GatherBase(scheduler, offset(), futures.size(), kReturnExceptions) {
    std::size_t index = 0;
    for (const auto& future : futures) watch(index++, future);
    begin();
  }

 private:
  static std::size_t offset() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    return offsetof(GatherList, slot_);
#pragma GCC diagnostic pop
  }
  void collect() override {
    Value values;
    values.reserve(count());
    for (std::size_t i = 0; i < count(); ++i) {
      values.push_back(take_child<T, kOwned, kReturnExceptions>(child(i)));
    }
    slot_.value.emplace(std::move(values));
  }
  base::Slot<Value> slot_;
};

template <bool kReturnExceptions, class... Arguments>
class GatherTuple final : public GatherBase {
 public:
  using Value = std::tuple<gathered_t<typename Arguments::value_type, kReturnExceptions>...>;

  explicit GatherTuple(Scheduler& scheduler, const typename Arguments::Source&... futures)
      : GatherBase(scheduler, offset(), sizeof...(Arguments), kReturnExceptions) {
    std::size_t index = 0;
    (watch(index++, futures), ...);
    begin();
  }

 private:
  static std::size_t offset() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
    return offsetof(GatherTuple, slot_);
#pragma GCC diagnostic pop
  }
  void collect() override { collect_into(std::index_sequence_for<Arguments...>()); }
  template <std::size_t... kIndex>
  void collect_into(std::index_sequence<kIndex...>) {
    slot_.value.emplace(
        take_child<typename Arguments::value_type, Arguments::kOwned, kReturnExceptions>(
            child(kIndex))...);
  }
  base::Slot<Value> slot_;
};

template <bool kReturnExceptions, class... As>
auto gather_tuple(As&&... awaitables) {
  using Block = GatherTuple<kReturnExceptions, GatherArgument<As>...>;
  Scheduler& scheduler = current_scheduler();
  // In braces, which keep the order: g++ evaluates the arguments of a call from the last one.
  std::tuple<typename GatherArgument<As>::Source...> futures{
      ensure_future(std::forward<As>(awaitables), std::source_location())...};
  auto* block = std::apply(
      [&scheduler](const auto&... each) { return new Block(scheduler, each...); }, futures);
  return Future<typename Block::Value>(Ref<FutureBase>::adopt(block));
}

template <bool kReturnExceptions, class Range>
auto gather_range(Range&& range, const std::source_location& here) {
  using Element = std::ranges::range_value_t<Range>;
  using Argument = GatherArgument<Element>;
  using Block = GatherList<typename Argument::value_type, Argument::kOwned, kReturnExceptions>;
  const auto futures = futures_of(std::forward<Range>(range), here);
  return Future<typename Block::Value>(
      Ref<FutureBase>::adopt(new Block(current_scheduler(), futures)));
}

}  // namespace detail

/// Runs all of them at once and gives a Future of their results, in the order of the arguments: a
/// std::tuple, with std::monostate for void. What is not a future yet becomes a task now, at the
/// call, in order.
///
/// The first exception is the future's; the others run on, and what they fail with later is
/// dropped. A child that is cancelled counts as an exception. Cancelling the future cancels all
/// children. Debug mode does not know where these tasks were made (behind any number of arguments
/// there is no place to note it), but for those of a range. Python: asyncio.gather.
template <class... As>
  requires(sizeof...(As) > 0 && (Awaitable<As> && ...))
[[nodiscard]] auto gather(As&&... awaitables) {
  return detail::gather_tuple<false>(std::forward<As>(awaitables)...);
}

/// The same with a std::tuple of Result<T>: waits for all, and an exception is a result.
template <class... As>
  requires(sizeof...(As) > 0 && (Awaitable<As> && ...))
[[nodiscard]] auto gather(return_exceptions_t, As&&... awaitables) {
  return detail::gather_tuple<true>(std::forward<As>(awaitables)...);
}

/// gather() of a range, such as std::vector<Coro<T>>, whose elements are moved out of it (tasks and
/// futures of a named range are copied). Gives a std::vector; an empty range an empty one at once.
template <detail::AwaitableRange Range>
[[nodiscard]] auto gather(Range&& range,
                          std::source_location here = std::source_location::current()) {
  return detail::gather_range<false>(std::forward<Range>(range), here);
}
template <detail::AwaitableRange Range>
[[nodiscard]] auto gather(return_exceptions_t, Range&& range,
                          std::source_location here = std::source_location::current()) {
  return detail::gather_range<true>(std::forward<Range>(range), here);
}

}  // namespace asyncio
