// Being told in the next turn that a future is done.
#pragma once

#include "asyncio/loop/ready_queue.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future_base.hpp"

namespace asyncio::detail {

/// One of several futures that a group waits for (gather, wait). As every done-callback, it runs in
/// the turn after the future is done. A node in the ready queue cannot be taken out, so the group
/// is counted and each node holds a reference until it has run or was removed.
template <class Group>
struct GroupNode : DoneNode, ReadyNode {
  Group* group = nullptr;
  Ref<FutureBase> future;

  GroupNode() noexcept : DoneNode(kKind) { ReadyNode::run = &GroupNode::invoke; }

  void watch(Group& of, Ref<FutureBase> whom) {
    group = &of;
    future = std::move(whom);
    group->add_reference();
    future->add_waiter(*this);
  }
  /// No effect when the future is done: the node runs then.
  void forget() noexcept {
    if (!linked()) return;
    unlink();
    group->drop_reference();
  }

 private:
  static WhoWaits who_of(const DoneNode* node) {
    if constexpr (requires(const Group& of) { of.who_waits(); }) {
      const Group* group = static_cast<const GroupNode*>(node)->group;
      if (group != nullptr) return group->who_waits();
    }
    return {};
  }
  static void notified(DoneNode* node, bool abandoned) {
    auto* self = static_cast<GroupNode*>(node);
    if (abandoned || !Scheduler::is_open(&self->future->scheduler())) {
      self->group->drop_reference();
    } else {
      self->future->scheduler().push(self);
    }
  }
  static void invoke(ReadyNode* node) {
    auto* self = static_cast<GroupNode*>(node);
    Group* group = self->group;
    if (!self->future->scheduler().is_closed()) group->on_done(*self);
    group->drop_reference();
  }
  static constexpr DoneKind kKind{&GroupNode::notified, &GroupNode::who_of};
};

}  // namespace asyncio::detail
