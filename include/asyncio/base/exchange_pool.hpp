// Memory that one thread makes and another one frees, again and again: what is sent to a loop.
//
// Pool is of no use there: what a thread frees, it keeps. And malloc brings
// each block back to where it came from, with locks. Here threads pass blocks on to each other by
// the magazine: one lock for 64 of them, and a block is not touched until it is used again.
#pragma once

#include <array>
#include <cstddef>

#include "asyncio/base/config.hpp"

namespace asyncio::base {

class ExchangePool {
 public:
  /// Memory for `size` bytes, aligned as by operator new. Throws std::bad_alloc.
  [[nodiscard]] static void* allocate(std::size_t size) {
    if (Magazine* from = thread_.to_use; from != nullptr && from->count > 0 && size <= kBlock)
        [[likely]] {
      void* block = from->blocks[--from->count];
      // The next but one: another core has written it last.
      __builtin_prefetch(from->blocks[from->count > 1 ? from->count - 2 : 0], 1);
      return block;
    }
    return allocate_slow(size);
  }
  /// `size` is what allocate() was asked for. Any thread.
  static void deallocate(void* memory, std::size_t size) noexcept {
    if (Magazine* to = thread_.freed; to != nullptr && to->count < kCapacity && size <= kBlock)
        [[likely]] {
      to->blocks[to->count++] = memory;
      return;
    }
    deallocate_slow(memory, size);
  }

 private:
  static constexpr std::size_t kBlock = 128;
  static constexpr std::size_t kCapacity = 64;
  struct Magazine {
    Magazine* next = nullptr;
    std::size_t count = 0;
    std::array<void*, kCapacity> blocks;
  };
  struct Thread {
    Magazine* to_use;
    Magazine* freed;
  };
  struct Depot;
  struct Cleaner;

  ASYNCIO_COLD static void* allocate_slow(std::size_t size);
  ASYNCIO_COLD static void deallocate_slow(void* memory, std::size_t size) noexcept;
  static void empty(Magazine& magazine) noexcept;
  static void drop(Magazine* magazine) noexcept;

  static constinit thread_local Thread thread_;
};

}  // namespace asyncio::base
