// Free lists by size for the small blocks that a loop makes and drops by the million: coroutine
// frames, task blocks, handles. The largest single gain on await and create_task
// (a malloc costs 10 ns and an await has 9).
//
// Each thread has its own lists, so nothing is locked. A block may be freed by another thread than
// the one that made it; it then joins that thread's lists. What a thread holds when it ends goes to
// a depot that other threads draw from. Under ASan every block comes from malloc, or the pool would
// hide use after free.
#pragma once

#include <array>
#include <cstddef>

#include "asyncio/base/config.hpp"

namespace asyncio::base {

class Pool {
 public:
  /// Memory for `size` bytes, aligned as by operator new. Throws std::bad_alloc.
  [[nodiscard]] ASYNCIO_ALWAYS_INLINE static void* allocate(std::size_t size) {
#if ASYNCIO_DCHECK
    if (before_allocate != nullptr) [[unlikely]]
      before_allocate(size);
#endif
    Lists& lists = lists_;
    ++lists.live;
#if !ASYNCIO_ADDRESS_SANITIZER
    if (size <= kLargest) [[likely]] {
      Block*& head = lists.heads[index(size)];
      if (Block* block = head; block != nullptr) [[likely]] {
        head = block->next;
        return block;
      }
    }
#endif
    return allocate_slow(size);
  }

  /// `size` is what allocate() was asked for.
  ASYNCIO_ALWAYS_INLINE static void deallocate(void* memory,
                                               [[maybe_unused]] std::size_t size) noexcept {
    Lists& lists = lists_;
    --lists.live;
#if !ASYNCIO_ADDRESS_SANITIZER
    if (size <= kLargest) [[likely]] {
      auto* block = static_cast<Block*>(memory);
      Block*& head = lists.heads[index(size)];
      block->next = head;
      head = block;
      return;
    }
#endif
    deallocate_large(memory);
  }

  /// Blocks made less blocks freed on this thread: zero when nothing leaks and nothing migrated.
  [[nodiscard]] static long live() noexcept { return lists_.live; }

  /// Bytes that this thread keeps to give out. Walks all of them: for tests and reports.
  [[nodiscard]] static std::size_t idle_bytes() noexcept;

#if ASYNCIO_DCHECK
  /// For tests: called before every allocation in this thread. May throw std::bad_alloc.
  using AllocationHook = void (*)(std::size_t size);
  static inline constinit thread_local AllocationHook before_allocate = nullptr;
#endif

 private:
  struct Block {
    Block* next;
    Block* next_chain;  // in the depot
  };
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kLargest = 2048;
  static constexpr std::size_t kClasses = kLargest / kStep;
  struct Lists {
    std::array<Block*, kClasses> heads;
    long live;
  };
  struct Depot;
  struct Cleaner;

  static constexpr std::size_t index(std::size_t size) noexcept {
    return size == 0 ? 0 : (size - 1) / kStep;
  }
  ASYNCIO_COLD static void* allocate_slow(std::size_t size);
  ASYNCIO_COLD static void deallocate_large(void* memory) noexcept;

  static constinit thread_local Lists lists_;
};

/// Base of a class whose objects live in the pool. Objects are freed with the size of their own
/// class, so a polymorphic one needs a virtual destructor.
struct Pooled {
  static void* operator new(std::size_t size) { return Pool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept {
    Pool::deallocate(memory, size);
  }
};

}  // namespace asyncio::base
