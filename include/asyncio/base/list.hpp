// An intrusive doubly linked list whose nodes unlink themselves when they go.
#pragma once

#include "asyncio/base/check.hpp"

namespace asyncio::base {

/// Derive from it to be in at most one List. A node that is destroyed leaves its list.
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }

  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

/// A FIFO of T, which derives from ListNode. Owns nothing; what is left in it is unlinked.
template <class T>
class List {
 public:
  List() noexcept { root_.next_ = root_.previous_ = &root_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    clear();
    root_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return root_.next_ == &root_; }
  [[nodiscard]] T* front() const noexcept { return empty() ? nullptr : cast(root_.next_); }

  /// The node behind `node`, or null at the end.
  [[nodiscard]] T* next(const T* node) const noexcept {
    const ListNode* at = static_cast<const ListNode*>(node)->next_;
    return at == &root_ ? nullptr : cast(const_cast<ListNode*>(at));
  }

  void push_back(T* item) noexcept {
    ListNode* node = item;
    ASYNCIO_DEBUG_CHECK(!node->linked(), "a node can be in one list only");
    node->previous_ = root_.previous_;
    node->next_ = &root_;
    root_.previous_->next_ = node;
    root_.previous_ = node;
  }

  /// Unlinks and returns the first, or null.
  T* pop_front() noexcept {
    T* first = front();
    if (first != nullptr) static_cast<ListNode*>(first)->unlink();
    return first;
  }

  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

  /// Takes all that `other` holds, in order, behind what is here.
  void splice_back(List& other) noexcept {
    if (other.empty()) return;
    ListNode* first = other.root_.next_;
    ListNode* last = other.root_.previous_;
    other.root_.next_ = other.root_.previous_ = &other.root_;
    first->previous_ = root_.previous_;
    root_.previous_->next_ = first;
    last->next_ = &root_;
    root_.previous_ = last;
  }

 private:
  static T* cast(ListNode* node) noexcept { return static_cast<T*>(node); }
  ListNode root_;
};

}  // namespace asyncio::base
