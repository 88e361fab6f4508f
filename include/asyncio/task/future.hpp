// Future<T>: a result that is not there yet.
#pragma once

#include <concepts>
#include <exception>
#include <string_view>
#include <type_traits>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/loop/handle.hpp"
#include "asyncio/task/future_base.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

class EventLoop;

/// Names one registration of a done-callback. Python: the callable itself, which C++ cannot
/// compare.
class CallbackToken {
 public:
  CallbackToken() = default;
  explicit CallbackToken(detail::DoneCallback* callback) noexcept : callback_(callback) {}

 private:
  friend class AnyFuture;
  detail::Ref<detail::DoneCallback> callback_;
};

namespace detail {
class FutureAwaiterBase;
template <class T, bool kMove>
class FutureAwaiter;
}  // namespace detail

/// A future or task of any type. Copies are handles to the same one; an empty handle refers to
/// none. Loop thread only: another thread may neither call, copy nor drop it.
class AnyFuture {
 public:
  AnyFuture() = default;
  explicit AnyFuture(detail::Ref<detail::FutureBase> block) noexcept : block_(std::move(block)) {}

  /// False for a handle that refers to nothing.
  explicit operator bool() const noexcept { return static_cast<bool>(block_); }
  /// Whether both are handles to the same one. Python: `is`.
  bool operator==(const AnyFuture& other) const noexcept {
    return block_.get() == other.block_.get();
  }

  /// Python: Future.done.
  [[nodiscard]] bool done() const noexcept { return block_->done(); }
  /// Python: Future.cancelled.
  [[nodiscard]] bool cancelled() const noexcept { return block_->cancelled(); }
  /// Cancels a future, or asks a task to. False when it is done already. Python: Future.cancel.
  bool cancel(std::string_view message = {}) const { return block_->cancel(message); }
  /// The exception, or null when there is a result. Throws CancelledError when cancelled and
  /// InvalidStateError when not done. Python: Future.exception.
  [[nodiscard]] std::exception_ptr exception() const { return block_->exception(); }

  /// Calls `callback(future)` in the turn after this is done, with an AnyFuture; in order of
  /// registration, and in a copy of the current context or in the one given. When it is done
  /// already: in the next turn. Python: Future.add_done_callback.
  template <class F>
    requires std::invocable<F&, AnyFuture>
  CallbackToken add_done_callback(F&& callback, CallbackOptions options = {}) const;
  /// How many were removed: 1, or 0 when it was scheduled or removed before.
  /// Python: Future.remove_done_callback.
  int remove_done_callback(const CallbackToken& token) const {
    return token.callback_ && token.callback_->remove() ? 1 : 0;
  }

  /// RuntimeError when the loop is closed or has no EventLoop. Python: Future.get_loop.
  [[nodiscard]] EventLoop& get_loop() const;

  /// As Python's repr.
  [[nodiscard]] std::string repr() const { return block_ ? block_->repr() : "<Future empty>"; }

  // For the library: the shared state.
  [[nodiscard]] detail::FutureBase* block() const noexcept { return block_.get(); }

 protected:
  detail::Ref<detail::FutureBase> block_;
};

/// Settles once, with a value, an exception or by being cancelled. `co_await future` waits for that
/// and copies the value out; `co_await std::move(future)` moves it. Cancelling a task that awaits a
/// bare future cancels the future, as in Python. Python: asyncio.Future.
template <class T = void>
class Future : public AnyFuture {
 public:
  using value_type = T;

  Future() = default;
  explicit Future(detail::Ref<detail::FutureBase> block) noexcept : AnyFuture(std::move(block)) {}

  /// The value. Throws the exception, CancelledError, or InvalidStateError("Result is not set.").
  /// Python: Future.result.
  [[nodiscard]] T result() const& {
    static_assert(std::is_void_v<T> || std::is_reference_v<T> || std::is_copy_constructible_v<T>,
                  "this result can only be moved out: std::move(future).result()");
    block_->check_result();
    if constexpr (!std::is_void_v<T>) return copy_out();
  }
  [[nodiscard]] T result() && {
    block_->check_result();
    if constexpr (!std::is_void_v<T>) return base::Stored<T>::out(*slot().value);
  }

  /// InvalidStateError when it is done already. Python: Future.set_result.
  template <class U = T>
    requires(!std::is_void_v<T>)
  void set_result(U&& value) const {
    block_->check_pending();
    slot().emplace(std::forward<U>(value));
    block_->settle(detail::FutureBase::State::finished);
  }
  void set_result() const
    requires std::is_void_v<T>
  {
    block_->check_pending();
    block_->settle(detail::FutureBase::State::finished);
  }
  /// Python: Future.set_exception.
  void set_exception(std::exception_ptr error) const { block_->set_exception(std::move(error)); }
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  void set_exception(E&& error) const {
    block_->set_exception(std::make_exception_ptr(std::forward<E>(error)));
  }

  detail::FutureAwaiter<T, false> operator co_await() const&;
  detail::FutureAwaiter<T, true> operator co_await() &&;

  // For the library.
  [[nodiscard]] base::Slot<T>& slot() const noexcept {
    return static_cast<base::Slot<T>&>(detail::slot_of(*block_));
  }

 private:
  T copy_out() const {
    if constexpr (std::is_reference_v<T>) {
      return **slot().value;
    } else {
      return *slot().value;
    }
  }
};

namespace detail {

// One await of a future. Cancelling it cancels the future, and then waits for that to happen: a
// task that is awaited may take its time, or refuse.
class FutureAwaiterBase : public Suspend {
 public:
  explicit FutureAwaiterBase(Ref<FutureBase> future) noexcept : future_(std::move(future)) {}
  FutureAwaiterBase(FutureAwaiterBase&&) noexcept = default;

  [[nodiscard]] bool await_ready() const noexcept { return future_->done(); }
  bool await_suspend(Continuation continuation) noexcept;
  [[nodiscard]] std::exception_ptr error() noexcept;
  [[nodiscard]] const FutureBase* awaited() const noexcept final {
    return misuse_ ? nullptr : future_.get();
  }

 protected:
  ~FutureAwaiterBase() = default;
  bool abort() override;

  bool aborting_ = false;  // first, where the base class has room

  /// Throws unless the future has a result: here, since each further frame costs a throw dearly.
  ASYNCIO_ALWAYS_INLINE void check() {
    if (!cancelled() && !misuse_ && future_->has_result()) [[likely]]
      return future_->mark_retrieved();
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
  }

  Ref<FutureBase> future_;

 private:
  friend class FutureBase;
  struct Node : DoneNode {
    static void wake(DoneNode* node, bool abandoned);
    explicit Node(FutureAwaiterBase* of) noexcept : DoneNode(kKind), awaiter(of) {}
    Node(Node&&) noexcept : Node(nullptr) {}
    static const DoneKind kKind;
    FutureAwaiterBase* awaiter;
  };
  /// The await is over without having looked: as if the future had been cancelled in time.
  void lost() override {
    if (!misuse_) future_->mark_retrieved();
  }
  ASYNCIO_COLD void refuse();
  ASYNCIO_COLD void report_cycle() noexcept;

  Node node_{nullptr};
  std::exception_ptr misuse_;
};

template <class T, bool kMove>
class FutureAwaiter : public FutureAwaiterBase, public AsCoro<FutureAwaiter<T, kMove>, T> {
 public:
  explicit FutureAwaiter(Future<T> future) noexcept
      : FutureAwaiterBase(Ref<FutureBase>(future.block())) {}
  FutureAwaiter(FutureAwaiter&&) noexcept = default;

  ASYNCIO_ALWAYS_INLINE T await_resume() {
    check();
    if constexpr (!std::is_void_v<T>) {
      auto& slot = static_cast<base::Slot<T>&>(slot_of(*future_));
      if constexpr (kMove) {
        return base::Stored<T>::out(*slot.value);
      } else if constexpr (std::is_reference_v<T>) {
        return **slot.value;
      } else {
        return *slot.value;
      }
    }
  }
};

template <class F>
class DoneCallbackWith final : public DoneCallback {
 public:
  template <class G>
  DoneCallbackWith(FutureBase& future, ContextSlot context, G&& callable)
      : DoneCallback(future, std::move(context)), callable_(std::forward<G>(callable)) {}

 private:
  [[nodiscard]] const std::type_info& callable_type() const noexcept override { return typeid(F); }
  void call(FutureBase& future) override { callable_(AnyFuture(Ref<FutureBase>(&future))); }
  F callable_;
};

}  // namespace detail

template <class T>
detail::FutureAwaiter<T, false> Future<T>::operator co_await() const& {
  static_assert(std::is_void_v<T> || std::is_reference_v<T> || std::is_copy_constructible_v<T>,
                "this result can only be moved out: co_await std::move(future)");
  return detail::FutureAwaiter<T, false>(*this);
}

template <class T>
detail::FutureAwaiter<T, true> Future<T>::operator co_await() && {
  return detail::FutureAwaiter<T, true>(std::move(*this));
}

template <class F>
  requires std::invocable<F&, AnyFuture>
CallbackToken AnyFuture::add_done_callback(F&& callback, CallbackOptions options) const {
  using Block = detail::DoneCallbackWith<std::decay_t<F>>;
  auto* block =
      new Block(*block_, detail::context_or_copy(options.context), std::forward<F>(callback));
  CallbackToken token(block);
  block_->add_waiter(*block);
  return token;
}

/// A pending future of the running loop. RuntimeError when none runs.
/// Python: asyncio.get_running_loop().create_future().
template <class T = void>
[[nodiscard]] Future<T> create_future();

namespace detail {

/// The running loop; RuntimeError("no running event loop") without one.
Scheduler& running_scheduler();
/// The running loop, else the one chosen for this thread: for ensure_future() and gather(), which
/// older programs call before they run the loop.
Scheduler& current_scheduler();

template <class T>
Future<T> make_future(Scheduler& scheduler) {
  return Future<T>(Ref<FutureBase>::adopt(new FutureBlock<T>(scheduler)));
}

template <class T>
inline constexpr bool is_future_v = std::is_base_of_v<AnyFuture, std::remove_cvref_t<T>>;

}  // namespace detail

template <class T>
Future<T> create_future() {
  return detail::make_future<T>(detail::running_scheduler());
}

/// Whether T is a future or task.
template <class T>
inline constexpr bool isfuture_v = detail::is_future_v<T>;

/// Whether `object` is a future or task. Python: asyncio.isfuture.
template <class T>
[[nodiscard]] constexpr bool isfuture(const T& /*object*/) noexcept {
  return isfuture_v<T>;
}

}  // namespace asyncio
