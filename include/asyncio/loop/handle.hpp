// Scheduled callbacks, and the handles that cancel them.
#pragma once

#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/loop/exception_context.hpp"
#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/timer.hpp"

namespace asyncio {

class Scheduler;

/// Options of call_soon, call_later, call_at and add_done_callback.
struct CallbackOptions {
  /// What the callback runs in; null: a copy of the current context. Read during the call.
  const Context* context = nullptr;
};

namespace detail {

/// A callback in the ready queue or among the timers, with who refers to it: the queue, handles.
class CallbackBlock : public Describable, public ReadyNode, public base::Pooled {
 public:
  virtual ~CallbackBlock() = default;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  /// Drops the callable and what it holds, at once; it will not run.
  void cancel() noexcept {
    if (cancelled_) return;
    cancelled_ = true;
    disarm();
    if (!running_) drop_callable();
  }
  /// Runs the callable in its context unless cancelled; its exception goes to the loop's exception
  /// handler.
  void invoke() noexcept;
  [[nodiscard]] ContextSlot* context_slot() const noexcept override { return &context_; }
  [[nodiscard]] std::string repr() const override { return "<Handle" + state_text() + ">"; }

 protected:
  CallbackBlock(Scheduler& scheduler, ContextSlot context) noexcept
      : scheduler_(&scheduler), context_(std::move(context)) {}
  virtual void call() = 0;
  virtual void drop_callable() noexcept = 0;
  virtual void disarm() noexcept {}
  [[nodiscard]] virtual const std::type_info& callable_type() const noexcept = 0;
  /// " cancelled", or " " and the name of the callable.
  [[nodiscard]] std::string state_text() const;

  Scheduler* scheduler_;

 private:
  mutable ContextSlot context_;  // asked for its Context object, it makes one
  int references_ = 1;
  bool cancelled_ = false;
  bool running_ = false;
};

template <class Base, class F>
class CallbackWith final : public Base {
 public:
  template <class G, class... Args>
  explicit CallbackWith(G&& callable, Args&&... args) : Base(std::forward<Args>(args)...) {
    ::new (static_cast<void*>(&callable_)) F(std::forward<G>(callable));
  }
  ~CallbackWith() override { drop_callable(); }

 private:
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

class SoonBlock : public CallbackBlock {
 protected:
  SoonBlock(Scheduler& scheduler, ContextSlot context) noexcept
      : CallbackBlock(scheduler, std::move(context)) {
    run = &SoonBlock::run_soon;
  }

 private:
  friend class asyncio::Scheduler;
  static void run_soon(ReadyNode* node) {
    auto* self = static_cast<SoonBlock*>(node);
    self->invoke();
    self->drop_reference();
  }
};

class TimerBlock : public CallbackBlock, public TimerNode {
 protected:
  TimerBlock(Scheduler& scheduler, ContextSlot context) noexcept
      : CallbackBlock(scheduler, std::move(context)), TimerNode(&TimerBlock::run_due) {}
  void disarm() noexcept override;
  [[nodiscard]] std::string repr() const override;

 private:
  friend class asyncio::Scheduler;
  static void run_due(TimerNode* node) {
    auto* self = static_cast<TimerBlock*>(node);
    self->invoke();
    self->drop_reference();
  }
};

}  // namespace detail

/// A callback that was scheduled with call_soon. Copies refer to the same one; dropping them all
/// does not cancel it. Loop thread only. Python: asyncio.Handle.
class Handle {
 public:
  Handle() = default;
  explicit Handle(detail::CallbackBlock* block) noexcept : block_(block) {
    block_->add_reference();
  }
  Handle(const Handle& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->add_reference();
  }
  Handle(Handle&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Handle& operator=(Handle other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Handle() {
    if (block_ != nullptr) block_->drop_reference();
  }

  /// The callback will not run; what it holds is destroyed now. No effect if it has run.
  /// Python: Handle.cancel.
  void cancel() noexcept {
    if (block_ != nullptr) block_->cancel();
  }
  /// Whether cancel() was called. Python: Handle.cancelled.
  [[nodiscard]] bool cancelled() const noexcept { return block_ != nullptr && block_->cancelled(); }
  /// What it runs in. The handle must not be empty. Python: Handle.get_context.
  [[nodiscard]] Context get_context() const { return Context(block_->context_slot()->object()); }
  /// As Python's: "<Handle f()>", "<Handle cancelled>", "<TimerHandle when=12.5 f()>".
  [[nodiscard]] std::string repr() const {
    return block_ == nullptr ? "<Handle empty>" : block_->repr();
  }

 protected:
  detail::CallbackBlock* block_ = nullptr;
};

/// A callback that was scheduled with call_later or call_at. Python: asyncio.TimerHandle.
class TimerHandle : public Handle {
 public:
  TimerHandle() = default;
  explicit TimerHandle(detail::TimerBlock* block) noexcept : Handle(block) {}

  /// When it runs, in the loop's time(). Python: TimerHandle.when.
  [[nodiscard]] Nanoseconds when() const noexcept {
    return block_ == nullptr ? Nanoseconds{0} : static_cast<detail::TimerBlock*>(block_)->deadline;
  }
};

}  // namespace asyncio
