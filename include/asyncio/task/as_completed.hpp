// as_completed(): one after another, in the order in which they end.
#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/loop/timer.hpp"
#include "asyncio/task/awaitable_range.hpp"
#include "asyncio/task/future.hpp"
#include "asyncio/task/group_node.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

/// Options of as_completed(). The timeout counts from the call.
struct AsCompletedOptions {
  std::optional<Delay> timeout = {};
};

namespace detail {

class CompletedStep;

/// Which futures are done, who waits for the next one, and how many are still to be given out.
/// Nodes and owners are counted apart: without an owner it leaves the futures alone.
class CompletedQueue : public base::Pooled {
 public:
  using Node = GroupNode<CompletedQueue>;

  CompletedQueue(Scheduler& scheduler, const std::vector<FutureBase*>& futures,
                 const AsCompletedOptions& options);
  CompletedQueue(const CompletedQueue&) = delete;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  void add_node() noexcept { add_reference(); }
  void drop_node() noexcept { drop_reference(); }
  void add_owner() noexcept { ++owners_; }
  void drop_owner() noexcept {
    if (--owners_ == 0) leave();
  }

  void on_done(Node& node) noexcept;
  /// The first that waits for the next one.
  [[nodiscard]] WhoWaits who_waits() const noexcept;

  // A step begins by claiming one of those that are left; when it is cancelled it gives it back.
  [[nodiscard]] bool claim() noexcept {
    if (left_ == 0) return false;
    --left_;
    return true;
  }
  void give_back() noexcept { ++left_; }
  [[nodiscard]] bool ready() const noexcept { return taken_ < done_.size() || timed_out_; }
  /// The next that is done; null: the timeout has passed. Only when ready().
  [[nodiscard]] FutureBase* take() noexcept;
  void wait(CompletedStep& step) noexcept { waiting_.push_back(&step); }
  void wake_next() noexcept;

 private:
  struct Alarm : TimerNode {
    using TimerNode::TimerNode;
    CompletedQueue* queue = nullptr;
  };

  void on_timeout() noexcept;
  void leave() noexcept;

  Scheduler* scheduler_;
  std::unique_ptr<Node[]> nodes_;
  std::size_t count_;
  std::size_t pending_;
  std::size_t left_;
  std::vector<FutureBase*> done_;  // in the order in which they ended
  std::size_t taken_ = 0;
  base::List<CompletedStep> waiting_;
  Alarm alarm_;
  int references_ = 1;
  int owners_ = 1;
  bool timed_out_ = false;
};

/// One owner of the queue.
class CompletedOwner {
 public:
  explicit CompletedOwner(Ref<CompletedQueue> queue) noexcept : queue_(std::move(queue)) {}
  CompletedOwner(const CompletedOwner& other) noexcept : queue_(other.queue_) {
    if (queue_) queue_->add_owner();
  }
  CompletedOwner(CompletedOwner&&) noexcept = default;
  CompletedOwner& operator=(CompletedOwner other) noexcept {
    std::swap(queue_, other.queue_);
    return *this;
  }
  ~CompletedOwner() {
    if (queue_) queue_->drop_owner();
  }
  CompletedQueue* operator->() const noexcept { return queue_.get(); }

 private:
  Ref<CompletedQueue> queue_;
};

/// The await of the next one that is done.
class CompletedStep : public Suspend, public base::ListNode {
 public:
  [[nodiscard]] bool await_ready() noexcept;
  bool await_suspend(Continuation continuation);

 protected:
  enum class State : unsigned char { unclaimed, claimed, ended, taken, timed_out, cancelled };

  CompletedStep(CompletedOwner queue, State state) noexcept
      : queue_(std::move(queue)), state_(state) {}
  CompletedStep(CompletedStep&& other) noexcept
      : Suspend(std::move(other)),
        queue_(std::move(other.queue_)),
        misuse_(std::move(other.misuse_)),
        state_(other.state_) {}
  ~CompletedStep() = default;

  /// Nothing is left: there is no next one.
  [[nodiscard]] bool ended() const noexcept { return state_ == State::ended; }
  [[nodiscard]] FutureBase& future() const noexcept { return *future_; }
  /// CancelledError or TimeoutError, or null when there is a future.
  [[nodiscard]] std::exception_ptr own_error() const;

 private:
  friend class CompletedQueue;
  bool abort() override;
  bool retry() override;
  void lost() override;
  void take() noexcept;
  void give_back() noexcept;

  CompletedOwner queue_;
  FutureBase* future_ = nullptr;
  std::exception_ptr misuse_;
  State state_;
};

template <class F>
F handle_of(FutureBase& future) {
  if constexpr (std::is_constructible_v<F, Ref<FutureBase>>) {
    return F(Ref<FutureBase>(&future));
  } else {
    return F(static_cast<TaskBase*>(&future));
  }
}

/// Gives the future itself.
template <class F>
class NextCompleted final : public CompletedStep,
                            public AsCoro<NextCompleted<F>, std::optional<F>> {
 public:
  explicit NextCompleted(CompletedOwner queue) noexcept
      : CompletedStep(std::move(queue), State::unclaimed) {}
  NextCompleted(NextCompleted&&) noexcept = default;

  std::optional<F> await_resume() {
    if (ended()) return std::nullopt;
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
    return handle_of<F>(future());
  }
  [[nodiscard]] std::exception_ptr error() const { return ended() ? nullptr : own_error(); }
};

/// Gives the future's result.
template <class T, bool kOwned>
class CompletedResult final : public CompletedStep, public AsCoro<CompletedResult<T, kOwned>, T> {
 public:
  explicit CompletedResult(CompletedOwner queue) noexcept
      : CompletedStep(std::move(queue), State::claimed) {}
  CompletedResult(CompletedResult&&) noexcept = default;

  T await_resume() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
    if constexpr (!std::is_void_v<T>) {
      Future<T> done{Ref<FutureBase>(&future())};
      constexpr bool kCopy = std::is_reference_v<T> || std::is_copy_constructible_v<T>;
      if constexpr (kOwned || !kCopy) {
        return std::move(done).result();
      } else {
        return done.result();
      }
    }
  }
  [[nodiscard]] std::exception_ptr error() {
    if (std::exception_ptr failure = own_error()) return failure;
    future().mark_retrieved();
    return future().error();
  }
};

}  // namespace detail

/// What as_completed() gives. `F` is Task<T>, Future<T> or an untyped handle.
template <class F, bool kOwned>
class AsCompleted {
 public:
  explicit AsCompleted(detail::CompletedOwner queue) noexcept : queue_(std::move(queue)) {}

  /// Waits for the next one that is done and gives it: the very task or future that was passed in,
  /// or the task that a coroutine became. nullopt after the last one. TimeoutError for each one
  /// that is left when the timeout has passed. Being cancelled loses none: the next call gives it.
  /// Python: __anext__ of `async for`.
  [[nodiscard]] detail::NextCompleted<F> next() const { return detail::NextCompleted<F>(queue_); }

  /// One pass, which goes on where an earlier one was left. Gives awaitables of the results.
  /// Python: __iter__.
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = detail::CompletedResult<typename F::value_type, kOwned>;

    explicit Iterator(detail::CompletedOwner queue) noexcept : queue_(std::move(queue)) {
      more_ = queue_->claim();
    }
    value_type operator*() const { return value_type(queue_); }
    Iterator& operator++() {
      more_ = queue_->claim();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const noexcept { return !more_; }

   private:
    detail::CompletedOwner queue_;
    bool more_ = false;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(queue_); }
  [[nodiscard]] static std::default_sentinel_t end() noexcept { return {}; }

 private:
  detail::CompletedOwner queue_;
};

/// Gives the tasks, futures or coroutines of a range one after another, in the order in which they
/// end; coroutines become tasks now, at the call. Duplicates are given once.
///
///   auto finished = as_completed(tasks, {.timeout = 1s});
///   while (auto task = co_await finished.next()) use(*task);  // the originals
///
///   for (auto next : as_completed(std::move(coroutines))) {
///     use(co_await next);                                     // their results
///   }
///
/// Nothing is cancelled: not by the timeout, and not when the loop is left early.
/// Python: asyncio.as_completed.
template <detail::AwaitableRange Range>
[[nodiscard]] auto as_completed(Range&& range, AsCompletedOptions options = {},
                                std::source_location here = std::source_location::current()) {
  using Element = std::ranges::range_value_t<Range>;
  using F = detail::future_of_t<Element>;
  const std::vector<F> futures = detail::futures_of(std::forward<Range>(range), here);
  std::vector<detail::FutureBase*> blocks;
  blocks.reserve(futures.size());
  for (const F& future : futures) blocks.push_back(future.block());
  auto* queue = new detail::CompletedQueue(detail::current_scheduler(), blocks, options);
  return AsCompleted<F, !detail::is_future_v<Element>>(
      detail::CompletedOwner(detail::Ref<detail::CompletedQueue>::adopt(queue)));
}

}  // namespace asyncio
