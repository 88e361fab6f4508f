// What runs in the next turn, in order.
#pragma once

#include "asyncio/base/check.hpp"

namespace asyncio {

/// One thing to run once. Intrusive: a task, a handle or a done-callback is its own node, so that
/// making something ready allocates nothing. A queued node must stay alive until it has run.
struct ReadyNode {
  void (*run)(ReadyNode*) = nullptr;
  ReadyNode* next = nullptr;
};

/// A FIFO of nodes. A turn runs the snapshot taken at its start; what those queue waits for the
/// next turn, behind another poll.
class ReadyQueue {
 public:
  ReadyQueue() = default;
  ReadyQueue(const ReadyQueue&) = delete;
  ReadyQueue& operator=(const ReadyQueue&) = delete;

  [[nodiscard]] bool empty() const noexcept { return head_ == nullptr; }
  [[nodiscard]] ReadyNode* last() const noexcept { return tail_; }

  void push(ReadyNode* node) noexcept {
    node->next = nullptr;
    if (tail_ == nullptr) {
      head_ = node;
    } else {
      tail_->next = node;
    }
    tail_ = node;
  }

  /// Takes the first node; the queue must not be empty.
  ReadyNode* pop() noexcept {
    ReadyNode* node = head_;
    head_ = node->next;
    if (head_ == nullptr) tail_ = nullptr;
    return node;
  }

 private:
  ReadyNode* head_ = nullptr;
  ReadyNode* tail_ = nullptr;
};

}  // namespace asyncio
