// What all futures and tasks share, whatever their type: state, who waits, references.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/list.hpp"
#include "asyncio/base/pool.hpp"
#include "asyncio/base/ref.hpp"
#include "asyncio/base/repr.hpp"
#include "asyncio/base/result.hpp"
#include "asyncio/loop/exception_context.hpp"
#include "asyncio/loop/ready_queue.hpp"

namespace asyncio {

class Scheduler;

namespace detail {

class DoneNode;
class FutureBase;
class TaskBase;

/// On whose behalf a node is registered: a task that waits, or a future that will be settled, whose
/// own waiters wait then; neither for a callback.
struct WhoWaits {
  TaskBase* task = nullptr;
  FutureBase* future = nullptr;
};

/// What the nodes of one kind have in common.
struct DoneKind {
  /// `abandoned`: the future was dropped while pending, so it will never be done.
  void (*notify)(DoneNode*, bool abandoned);
  /// For the call graph, which is derived from the nodes: an edge cannot outlive its wait.
  WhoWaits (*who)(const DoneNode*) = nullptr;
};

/// Registered with a future and told once that it is done. Being told only makes something ready
/// for the next turn; nothing of the user's runs inside.
class DoneNode : public base::ListNode {
 public:
  explicit DoneNode(const DoneKind& kind) noexcept : kind_(&kind) {}

  [[nodiscard]] bool is(const DoneKind& kind) const noexcept { return kind_ == &kind; }
  void notify(bool abandoned) { kind_->notify(this, abandoned); }
  [[nodiscard]] WhoWaits who() const {
    return kind_->who != nullptr ? kind_->who(this) : WhoWaits{};
  }

 private:
  const DoneKind* kind_;
};

/// Shared state of a Future or Task. Reference counts are not atomic: handles are copied and
/// dropped on the loop's thread only.
class FutureBase : public Describable, public base::Pooled {
 public:
  enum class State : std::uint8_t { pending, cancelled, finished };

  FutureBase(const FutureBase&) = delete;
  FutureBase& operator=(const FutureBase&) = delete;
  virtual ~FutureBase() {
    if (!waiters_.empty()) [[unlikely]]
      abandon_waiters();
  }

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) destroy();
  }
  /// drop_reference() in two steps, for who drops several: nothing of the user's runs in the first.
  void loosen() noexcept { --references_; }
  void end_if_loose() noexcept {
    if (references_ == 0) destroy();
  }

  [[nodiscard]] bool done() const noexcept { return state_ != State::pending; }
  [[nodiscard]] bool cancelled() const noexcept { return state_ == State::cancelled; }
  [[nodiscard]] bool has_result() const noexcept {
    return state_ == State::finished && slot().error == nullptr;
  }
  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }

  /// False when done already, else cancelled or asked to. Also disarms "never retrieved".
  virtual bool cancel(std::string_view message);

  /// Tells `node` in the order of registration; at once when this is done already.
  void add_waiter(DoneNode& node) noexcept {
    if (done()) {
      node.notify(false);
    } else {
      waiters_.push_back(&node);
    }
  }

  /// Those that are registered, in order: `visit(const DoneNode&)`.
  template <class F>
  void for_each_waiter(F visit) const {
    for (DoneNode* node = waiters_.front(); node != nullptr; node = waiters_.next(node)) {
      visit(static_cast<const DoneNode&>(*node));
    }
  }

  /// The outcome's error half: null, the exception, or CancelledError. Valid once done.
  [[nodiscard]] const std::exception_ptr& error() noexcept { return slot().error; }
  void mark_retrieved() noexcept { retrieved_ = true; }
  [[nodiscard]] bool retrieved() const noexcept { return retrieved_; }

  /// Throws unless there is a result: InvalidStateError, CancelledError or the exception.
  void check_result();
  /// The exception or null; throws CancelledError or InvalidStateError. Marks it retrieved.
  std::exception_ptr exception();
  /// InvalidStateError unless pending.
  void set_exception(std::exception_ptr error);
  void check_pending() const;
  void settle(State state) noexcept {
    state_ = state;
    if (!waiters_.empty()) notify_waiters();
  }

  [[nodiscard]] std::string repr() const override;

 protected:
  FutureBase(Scheduler& scheduler, std::size_t slot_offset) noexcept
      : scheduler_(&scheduler), slot_offset_(static_cast<std::uint16_t>(slot_offset)) {}

  /// Nobody holds it: reports an exception that nobody has seen, and ends it, unless it stays().
  void destroy() noexcept;
  [[nodiscard]] bool has_handles() const noexcept { return references_ > 0; }
  /// From now on stays() is asked when the last handle has gone.
  void set_outlives_handles() noexcept { outlives_handles_ = true; }
  /// True: something else keeps it, and calls destroy() in its time.
  virtual bool stays() noexcept { return false; }

  [[nodiscard]] base::SlotBase& slot() noexcept {
    return *reinterpret_cast<base::SlotBase*>(reinterpret_cast<char*>(this) + slot_offset_);
  }
  [[nodiscard]] const base::SlotBase& slot() const noexcept {
    return const_cast<FutureBase*>(this)->slot();
  }
  /// "Future" or "Task", for messages.
  [[nodiscard]] virtual std::string_view kind() const noexcept { return "Future"; }
  [[nodiscard]] std::string_view state_name() const noexcept;
  /// The value, which is there, as Python's repr.
  [[nodiscard]] virtual std::string value_repr() const { return "..."; }
  /// " result=...", " exception=..." and " cb=[...]", as far as there are any.
  [[nodiscard]] std::string outcome_repr() const;

 private:
  friend base::SlotBase& slot_of(FutureBase& future) noexcept { return future.slot(); }

  [[nodiscard]] static std::string name_of(const DoneNode& node);
  void notify_waiters() noexcept;
  ASYNCIO_COLD void abandon_waiters() noexcept;

  Scheduler* scheduler_;
  base::List<DoneNode> waiters_;
  std::uint32_t references_ = 1;
  State state_ = State::pending;
  bool retrieved_ : 1 = false;
  bool outlives_handles_ : 1 = false;
  std::uint16_t slot_offset_;  // from this to the Slot<T> of the typed block
};

base::SlotBase& slot_of(FutureBase& future) noexcept;

using base::Ref;

template <class T>
std::string slot_repr([[maybe_unused]] const base::Slot<T>& slot) {
  if constexpr (std::is_void_v<T>) {
    return "None";
  } else if constexpr (std::is_reference_v<T>) {
    return base::repr(**slot.value);
  } else {
    return base::repr(*slot.value);
  }
}

/// The typed end of a block: the slot, which is the only thing a template needs to know.
template <class T>
class FutureBlock final : public FutureBase {
 public:
  explicit FutureBlock(Scheduler& scheduler) noexcept : FutureBase(scheduler, offset()) {}

 private:
  static std::size_t offset() noexcept;
  [[nodiscard]] std::string value_repr() const override { return slot_repr(slot_); }
  base::Slot<T> slot_;
};

template <class T>
std::size_t FutureBlock<T>::offset() noexcept {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"
  return offsetof(FutureBlock, slot_);
#pragma GCC diagnostic pop
}

/// A done-callback of the user's, in the ready queue once the future is done.
class DoneCallback : public DoneNode, public ReadyNode, public base::Pooled {
 public:
  virtual ~DoneCallback() = default;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }
  [[nodiscard]] static bool is_one(const DoneNode& node) noexcept { return node.is(kKind); }
  [[nodiscard]] virtual const std::type_info& callable_type() const noexcept = 0;
  /// Takes it off the future. False when it has been scheduled already.
  bool remove() noexcept;

 protected:
  DoneCallback(FutureBase& future, ContextSlot context) noexcept;
  virtual void call(FutureBase& future) = 0;

 private:
  static void notified(DoneNode* node, bool abandoned);
  static void invoke(ReadyNode* node);
  static const DoneKind kKind;

  FutureBase* future_;  // kept alive from the notification until the call
  ContextSlot context_;
  int references_ = 1;
};

}  // namespace detail
}  // namespace asyncio
