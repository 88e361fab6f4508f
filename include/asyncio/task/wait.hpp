// wait(): until some of them are done.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/timer.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/group_node.hpp"
#include "asyncio/task/task.hpp"

namespace asyncio {

/// When wait() returns.
enum class ReturnWhen {
  first_completed,  ///< any is done
  first_exception,  ///< any ended with an exception (being cancelled is none), or all are done
  all_completed,    ///< all are done
};
inline constexpr ReturnWhen FIRST_COMPLETED = ReturnWhen::first_completed;
inline constexpr ReturnWhen FIRST_EXCEPTION = ReturnWhen::first_exception;
inline constexpr ReturnWhen ALL_COMPLETED = ReturnWhen::all_completed;

/// Options of wait().
struct WaitOptions {
  std::optional<Delay> timeout = {};
  ReturnWhen return_when = ALL_COMPLETED;
};

/// Both in the order in which they were given.
template <class F>
struct WaitResult {
  std::vector<F> done;
  std::vector<F> pending;
};

namespace detail {

class WaitAwaiterBase;

// Counted, because its nodes may still be in the ready queue when the awaiter has gone.
class WaitGroup : public base::Pooled {
 public:
  using Node = GroupNode<WaitGroup>;

  WaitGroup(WaitAwaiterBase& awaiter, std::size_t count, ReturnWhen when)
      : nodes_(std::make_unique<Node[]>(count)), left_(count), awaiter_(&awaiter), when_(when) {}

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  void add_node() noexcept { add_reference(); }
  void drop_node() noexcept { drop_reference(); }
  void watch(std::size_t index, FutureBase* future) {
    nodes_[index].watch(*this, Ref<FutureBase>(future));
  }
  void on_done(Node& node) noexcept;
  [[nodiscard]] WhoWaits who_waits() const noexcept;
  /// Nobody waits any more: takes the nodes off the futures that are pending.
  void leave(std::size_t count) noexcept;

 private:
  std::unique_ptr<Node[]> nodes_;
  std::size_t left_;
  WaitAwaiterBase* awaiter_;
  ReturnWhen when_;
  int references_ = 1;
};

/// For each of `futures`: whether the same one stands before it.
std::vector<bool> find_duplicates(const std::vector<FutureBase*>& futures);

class WaitAwaiterBase : public Suspend {
 public:
  explicit WaitAwaiterBase(const WaitOptions& options)
      : options_(options), timer_(&WaitAwaiterBase::on_timer) {}
  WaitAwaiterBase(WaitAwaiterBase&& other) noexcept
      : Suspend(std::move(other)), options_(other.options_), timer_(&WaitAwaiterBase::on_timer) {}

  static constexpr bool await_ready() noexcept { return false; }
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }

 protected:
  ~WaitAwaiterBase() { stop_watching(); }

  /// `futures` has no duplicates; ValueError when it is empty.
  bool watch(const std::vector<FutureBase*>& futures, Continuation continuation);
  void stop_watching() noexcept;

 private:
  friend class WaitGroup;
  struct Alarm : TimerNode {
    using TimerNode::TimerNode;
    WaitAwaiterBase* awaiter = nullptr;
  };
  static void on_timer(TimerNode* timer) { static_cast<Alarm*>(timer)->awaiter->wake(); }
  // The futures are watched until the error is delivered, in the next turn: what ends until then
  // takes its turn to say so, as in CPython.
  bool abort() override { return true; }

  WaitOptions options_;
  Alarm timer_;
  Ref<WaitGroup> group_;
  std::size_t count_ = 0;
};

template <class F>
class WaitAwaiter final : public WaitAwaiterBase, public AsCoro<WaitAwaiter<F>, WaitResult<F>> {
 public:
  WaitAwaiter(std::vector<F> futures, const WaitOptions& options)
      : WaitAwaiterBase(options), futures_(std::move(futures)) {
    const std::vector<bool> duplicate = find_duplicates(blocks());
    std::size_t index = 0;
    std::erase_if(futures_, [&](const F&) { return static_cast<bool>(duplicate[index++]); });
  }
  WaitAwaiter(WaitAwaiter&&) noexcept = default;

  bool await_suspend(Continuation continuation) { return watch(blocks(), continuation); }

  WaitResult<F> await_resume() {
    stop_watching();
    if (cancelled()) [[unlikely]]
      std::rethrow_exception(cancellation());
    WaitResult<F> result;
    for (F& future : futures_) {
      (future.done() ? result.done : result.pending).push_back(std::move(future));
    }
    return result;
  }

 private:
  [[nodiscard]] std::vector<FutureBase*> blocks() const {
    std::vector<FutureBase*> all;
    all.reserve(futures_.size());
    for (const F& future : futures_) all.push_back(future.block());
    return all;
  }

  std::vector<F> futures_;
};

}  // namespace detail

/// Waits until as many of `futures` are done as the options say, or the timeout has passed. Never
/// cancels them, also when it is cancelled itself, never throws TimeoutError, and does not look at
/// their results: those whose exception nobody retrieves are reported. Duplicates count once.
/// ValueError when there are none. Python: asyncio.wait.
template <class F>
[[nodiscard]] auto wait(std::vector<F> futures, WaitOptions options = {}) {
  static_assert(!iscoroutine_v<F>, "Passing coroutines is forbidden, use tasks explicitly.");
  static_assert(detail::is_future_v<F>, "wait() takes tasks and futures");
  return detail::WaitAwaiter<F>(std::move(futures), options);
}

/// wait() for the elements of any range, which are copied: a list, a span, a generator.
template <std::ranges::input_range Range>
[[nodiscard]] auto wait(Range&& futures, WaitOptions options = {}) {
  using F = std::ranges::range_value_t<Range>;
  static_assert(!iscoroutine_v<F>, "Passing coroutines is forbidden, use tasks explicitly.");
  std::vector<F> all;
  for (auto&& future : futures) all.push_back(future);
  return wait(std::move(all), options);
}

}  // namespace asyncio
