// What other threads send to a loop, and the handle that takes it back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "asyncio/base/context_slot.hpp"
#include "asyncio/base/exchange_pool.hpp"
#include "asyncio/loop/exception_context.hpp"
#include "asyncio/loop/ready_queue.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

/// A callback on its way from another thread to a loop's ready queue, whose node it is. The
/// sender's handle and the loop each hold a reference.
///
/// One word holds the references and how far it has come, because both threads change it: who
/// cancels first owns the callable, or else the loop does from the moment it has begun.
class RemoteCall : public Describable, public ReadyNode {
 public:
  RemoteCall(const RemoteCall&) = delete;
  RemoteCall& operator=(const RemoteCall&) = delete;

  static void* operator new(std::size_t size) { return base::ExchangePool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    base::ExchangePool::deallocate(memory, size);
  }

  void add_reference() noexcept { word_.fetch_add(kReference, std::memory_order_relaxed); }
  void drop_reference() noexcept {
    if (word_.fetch_sub(kReference, std::memory_order_acq_rel) < 2 * kReference) delete this;
  }
  void cancel() noexcept;
  [[nodiscard]] std::string repr() const override;
  [[nodiscard]] ContextSlot* context_slot() const noexcept override { return &context_; }
  [[nodiscard]] bool cancelled() const noexcept {
    return (word_.load(std::memory_order_acquire) & kCancelled) != 0;
  }

 protected:
  /// With one reference for the loop and one for a handle, or for the loop alone.
  RemoteCall(Scheduler& scheduler, ContextSlot context, bool with_handle) noexcept
      : scheduler_(&scheduler),
        context_(std::move(context)),
        word_(with_handle ? 2 * kReference : kReference) {
    run = &RemoteCall::run_in_loop;
  }
  virtual ~RemoteCall() = default;
  virtual void call() = 0;
  virtual void drop_callable() noexcept = 0;
  [[nodiscard]] virtual const std::type_info& callable_type() const noexcept = 0;

 private:
  static constexpr std::uint32_t kCancelled = 1;
  static constexpr std::uint32_t kBegun = 2;
  static constexpr std::uint32_t kRunning = 4;
  static constexpr std::uint32_t kAwaited = 8;  // a thread that cancels waits for the end
  static constexpr std::uint32_t kReference = 16;

  static void run_in_loop(ReadyNode* node);
  void invoke() noexcept;
  void wait_until_it_ended() noexcept;

  Scheduler* scheduler_;
  mutable ContextSlot context_;
  const void* runner_ = nullptr;  // whose thread; valid while it runs
  std::atomic<std::uint32_t> word_;
};

template <class F>
class RemoteCallOf final : public RemoteCall {
 public:
  template <class G>
  RemoteCallOf(G&& callable, Scheduler& scheduler, ContextSlot context, bool with_handle)
      : RemoteCall(scheduler, std::move(context), with_handle) {
    ::new (static_cast<void*>(&callable_)) F(std::forward<G>(callable));
  }

 private:
  ~RemoteCallOf() override { drop_callable(); }
  void call() override { callable_(); }
  [[nodiscard]] const std::type_info& callable_type() const noexcept override { return typeid(F); }
  void drop_callable() noexcept override {
    if (std::exchange(present_, false)) callable_.~F();
  }

  union {
    F callable_;
  };
  bool present_ = true;
};

}  // namespace detail

/// A callback that was sent with call_soon_threadsafe. Any thread may hold, copy and cancel it;
/// dropping it does not cancel. It may outlive its loop. Python: asyncio.Handle, as
/// call_soon_threadsafe returns it.
class ThreadSafeHandle {
 public:
  ThreadSafeHandle() = default;
  /// Takes over the reference that `call` was made with.
  explicit ThreadSafeHandle(detail::RemoteCall* call) noexcept : call_(call) {}
  ThreadSafeHandle(const ThreadSafeHandle& other) noexcept : call_(other.call_) {
    if (call_ != nullptr) call_->add_reference();
  }
  ThreadSafeHandle(ThreadSafeHandle&& other) noexcept
      : call_(std::exchange(other.call_, nullptr)) {}
  ThreadSafeHandle& operator=(ThreadSafeHandle other) noexcept {
    std::swap(call_, other.call_);
    return *this;
  }
  ~ThreadSafeHandle() {
    if (call_ != nullptr) call_->drop_reference();
  }

  /// The callback will not run, and what it holds is destroyed now, in this thread. If it runs in
  /// another thread, blocks until it has ended: afterwards what it uses may go.
  void cancel() noexcept {
    if (call_ != nullptr) call_->cancel();
  }
  /// Whether cancel() was called, in time or not.
  [[nodiscard]] bool cancelled() const noexcept { return call_ != nullptr && call_->cancelled(); }

 private:
  detail::RemoteCall* call_ = nullptr;
};

}  // namespace asyncio
