// concurrent::Future<T>: a result that another thread brings. Any thread may hold it, ask it and
// settle it; threads wait for it by blocking. It knows no loop: wrap_future() makes it awaitable.
#pragma once

#include <atomic>
#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/base/error.hpp"
#include "asyncio/base/function.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/task/future_base.hpp"

namespace asyncio {

namespace concurrent {

/// Python: concurrent.futures.Error.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The work was cancelled before it began. An ordinary exception, which `catch (const
/// std::exception&)` catches, other than the loop's. Python: concurrent.futures.CancelledError.
class CancelledError : public Error {
 public:
  CancelledError() : Error("") {}
};

/// It is settled already. Python: concurrent.futures.InvalidStateError.
class InvalidStateError : public Error {
 public:
  using Error::Error;
};

using asyncio::TimeoutError;  // Python: concurrent.futures.TimeoutError

}  // namespace concurrent

namespace detail {

/// What all concurrent futures share. Its lock is never held while code of the user's runs.
class ThreadFuture {
 public:
  // Cancelled becomes notified when whoever would have run it has noticed.
  enum class State : std::uint8_t { pending, running, cancelled, notified, finished };
  using Callback = base::UniqueFunction<void(ThreadFuture&)>;

  /// Told once, under the future's lock, that it is finished or its cancellation was noticed.
  struct Watcher : base::ListNode {
    virtual void on_settled(ThreadFuture& future) noexcept = 0;

   protected:
    ~Watcher() = default;
  };

  ThreadFuture() = default;
  ThreadFuture(const ThreadFuture&) = delete;
  ThreadFuture& operator=(const ThreadFuture&) = delete;

  void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_reference() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  bool cancel();
  [[nodiscard]] State state() const;
  bool set_running_or_notify_cancel();
  /// It will not run any more: cancels it unless it has run, and tells those who wait for it.
  void cancel_unrun();
  void set_exception(std::exception_ptr error);
  void add_done_callback(Callback callback);
  [[nodiscard]] std::string repr() const;

  /// Blocks until it is settled: null, or the exception. Throws CancelledError, TimeoutError.
  std::exception_ptr wait(std::optional<Delay> timeout);
  /// The exception once it is finished, or null.
  [[nodiscard]] std::exception_ptr error() const;

  /// False when it is settled already, and `watcher` will not be told.
  bool watch(Watcher& watcher);
  void unwatch(Watcher& watcher) noexcept;
  /// For a watcher that is told: whether there is an exception.
  [[nodiscard]] bool failed_locked() const noexcept { return error_ != nullptr; }

 protected:
  virtual ~ThreadFuture() = default;
  /// The lock under which the value is stored; InvalidStateError when settled.
  [[nodiscard]] std::unique_lock<std::mutex> begin_result();
  /// Tells everybody; releases the lock first.
  void finish(std::unique_lock<std::mutex> lock) noexcept;
  /// "int", for repr.
  [[nodiscard]] virtual std::string value_type_name() const = 0;

 private:
  void call_back(std::vector<Callback> callbacks) noexcept;
  void call_one(Callback& callback) noexcept;
  void report_caught() const noexcept;
  void tell_watchers() noexcept;
  [[nodiscard]] std::string repr_locked() const;

  mutable std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<Callback> callbacks_;
  base::List<Watcher> watchers_;
  std::exception_ptr error_;
  std::atomic<std::uint32_t> references_{1};
  State state_ = State::pending;
};

/// With the place for a T.
template <class T>
class ThreadFutureOf : public ThreadFuture {
 public:
  template <class U = T>
  void set_result(U&& value) {
    std::unique_lock lock = begin_result();
    value_.emplace(std::forward<U>(value));
    finish(std::move(lock));
  }
  [[nodiscard]] auto& value() noexcept { return *value_; }

 private:
  [[nodiscard]] std::string value_type_name() const override { return base::type_name(typeid(T)); }
  std::optional<base::non_void_t<T>> value_;
};

}  // namespace detail

namespace concurrent {

/// Copies are handles to the same one, of which each thread uses its own. Settles once. An empty
/// handle refers to none. Python: concurrent.futures.Future.
template <class T = void>
class Future {
  using Shared = detail::ThreadFutureOf<T>;

 public:
  using value_type = T;
  static_assert(!std::is_reference_v<T>, "a result crosses threads by value: use a pointer");

  /// A pending one, for whoever settles it by hand.
  Future() : block_(detail::Ref<Shared>::adopt(new Block)) {}
  explicit Future(detail::Ref<Shared> block) noexcept : block_(std::move(block)) {}

  /// Whether both are handles to the same one.
  bool operator==(const Future& other) const noexcept { return block_.get() == other.block_.get(); }

  /// False when it runs or is finished; otherwise it will never run. Python: Future.cancel.
  bool cancel() const { return block_->cancel(); }
  /// Python: Future.cancelled.
  [[nodiscard]] bool cancelled() const {
    const State state = block_->state();
    return state == State::cancelled || state == State::notified;
  }
  /// Begun and not finished: it can no longer be cancelled. Python: Future.running.
  [[nodiscard]] bool running() const { return block_->state() == State::running; }
  /// Cancelled or finished. Python: Future.done.
  [[nodiscard]] bool done() const { return block_->state() >= State::cancelled; }

  /// Blocks until it is settled and gives the value, or throws its exception, CancelledError of
  /// this namespace, or after `timeout` TimeoutError. Never call it on a loop's thread: the loop
  /// stands still. Python: Future.result.
  T result(std::optional<Delay> timeout = {}) const& {
    check(timeout);
    if constexpr (!std::is_void_v<T>) return block_->value();
  }
  /// Moves the value out: for the last one who asks.
  T result(std::optional<Delay> timeout = {}) && {
    check(timeout);
    if constexpr (!std::is_void_v<T>) return std::move(block_->value());
  }
  /// As result(), but gives the exception, or null. Python: Future.exception.
  [[nodiscard]] std::exception_ptr exception(std::optional<Delay> timeout = {}) const {
    return block_->wait(timeout);
  }

  /// Calls `callback(future)` once it is settled, in the thread that does that; at once when that
  /// has happened. What it throws is logged. Python: Future.add_done_callback.
  template <std::invocable<Future> F>
  void add_done_callback(F&& callback) const {
    block_->add_done_callback(
        [kept = std::decay_t<F>(std::forward<F>(callback))](detail::ThreadFuture& block) mutable {
          kept(Future(detail::Ref<Shared>(static_cast<Shared*>(&block))));
        });
  }

  // --- for whoever runs the work
  // ------------------------------------------------------------------

  /// True: it is running now and can no longer be cancelled. False: it was cancelled, do not begin.
  /// RuntimeError in any other state. Python: Future.set_running_or_notify_cancel.
  bool set_running_or_notify_cancel() const { return block_->set_running_or_notify_cancel(); }
  /// InvalidStateError when it is settled. Python: Future.set_result.
  template <class U = T>
    requires(!std::is_void_v<T>)
  void set_result(U&& value) const {
    block_->set_result(std::forward<U>(value));
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    block_->set_result(std::monostate());
  }
  /// Python: Future.set_exception.
  void set_exception(std::exception_ptr error) const { block_->set_exception(std::move(error)); }
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  void set_exception(E&& error) const {
    block_->set_exception(std::make_exception_ptr(std::forward<E>(error)));
  }

  /// "<Future at 0x55d0 state=finished returned int>", as Python's repr.
  [[nodiscard]] std::string repr() const { return block_->repr(); }

  // For the library.
  [[nodiscard]] Shared* block() const noexcept { return block_.get(); }

 private:
  using State = detail::ThreadFuture::State;
  struct Block final : Shared {};

  void check(std::optional<Delay> timeout) const {
    if (std::exception_ptr error = block_->wait(timeout)) std::rethrow_exception(error);
  }

  detail::Ref<Shared> block_;
};

}  // namespace concurrent
}  // namespace asyncio
