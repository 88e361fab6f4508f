// Being told in the next turn that a future is done.
#pragma once

#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future_base.hpp"

namespace asyncio::detail {

/// One of several futures that a group waits for (gather, wait). As every done-callback, it runs in
/// the turn after the future is done. A node in the ready queue cannot be taken out, so the group
/// counts its nodes, and lives until each has run or was removed.
template <class Group>
struct GroupNode : DoneNode, ReadyNode {
  Group* group = nullptr;
  Ref<FutureBase> future;

  GroupNode() noexcept : DoneNode(kKind) { ReadyNode::run = &GroupNode::invoke; }

  void watch(Group& of, Ref<FutureBase> whom) {
    group = &of;
    future = std::move(whom);
    group->add_node();
    future->add_waiter(*this);
  }
  /// No effect when the future is done: the node runs then.
  void forget() noexcept {
    if (!linked()) return;
    unlink();
    if (weak()) future->add_reference();
    group->drop_node();
  }
  /// The group becomes weak, in two steps: this no longer keeps the future, which may end in the
  /// second. `future` still points to it, uncounted, until it is done or gone.
  void loosen() noexcept {
    if (linked()) future->loosen();
  }
  void end_if_loose() noexcept {
    if (linked()) future->end_if_loose();
  }

 private:
  static WhoWaits who_of(const DoneNode* node) {
    if constexpr (requires(const Group& of) { of.who_waits(); }) {
      const Group* group = static_cast<const GroupNode*>(node)->group;
      if (group != nullptr) return group->who_waits();
    }
    return {};
  }
  [[nodiscard]] bool weak() const noexcept {
    if constexpr (requires(const Group& of) { of.weak(); }) {
      return group->weak();
    } else {
      return false;
    }
  }
  static void notified(DoneNode* node, bool abandoned) {
    auto* self = static_cast<GroupNode*>(node);
    if (abandoned) {
      // Only what does not count can go.
      (void)self->future.release();
      return self->group->drop_node();
    }
    if (self->weak()) self->future->add_reference();
    if (Scheduler::is_open(&self->future->scheduler())) {
      self->future->scheduler().push(self);
    } else {
      self->group->drop_node();
    }
  }
  static void invoke(ReadyNode* node) {
    auto* self = static_cast<GroupNode*>(node);
    Group* group = self->group;
    if (!self->future->scheduler().is_closed()) group->on_done(*self);
    group->drop_node();
  }
  static constexpr DoneKind kKind{&GroupNode::notified, &GroupNode::who_of};
};

}  // namespace asyncio::detail
