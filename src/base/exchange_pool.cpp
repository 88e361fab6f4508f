#include "asyncio/base/exchange_pool.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

namespace asyncio::base {

constinit thread_local ExchangePool::Thread ExchangePool::thread_{};

// Full magazines, for whoever runs out. Never destroyed: a thread may end after main has returned.
struct ExchangePool::Depot {
  static constexpr std::size_t kMost = 1024;  // 8 MB of blocks

  std::mutex mutex;
  Magazine* full = nullptr;
  std::atomic<std::size_t> count{0};  // changed under the lock

  static Depot& instance() {
    static Depot* depot = new Depot;
    return *depot;
  }
  Magazine* take() noexcept {
    if (count.load(std::memory_order_relaxed) == 0) return nullptr;
    const std::lock_guard lock(mutex);
    if (full == nullptr) return nullptr;
    --count;
    return std::exchange(full, full->next);
  }
  /// False when there are enough.
  bool give(Magazine* magazine) noexcept {
    if (count.load(std::memory_order_relaxed) >= kMost) return false;
    const std::lock_guard lock(mutex);
    ++count;
    magazine->next = std::exchange(full, magazine);
    return true;
  }
};

void ExchangePool::empty(Magazine& magazine) noexcept {
  while (magazine.count > 0) ::operator delete(magazine.blocks[--magazine.count]);
}

void ExchangePool::drop(Magazine* magazine) noexcept {
  if (magazine == nullptr) return;
  empty(*magazine);
  delete magazine;
}

// Its destructor runs when the thread ends.
struct ExchangePool::Cleaner {
  ~Cleaner() {
    drop(std::exchange(thread_.to_use, nullptr));
    drop(std::exchange(thread_.freed, nullptr));
  }
  static void touch() noexcept { static thread_local const Cleaner cleaner; }
};

void* ExchangePool::allocate_slow(std::size_t size) {
#if !ASYNCIO_ADDRESS_SANITIZER
  if (size <= kBlock) {
    Cleaner::touch();
    if (thread_.freed != nullptr && thread_.freed->count > 0) {
      std::swap(thread_.to_use, thread_.freed);
    } else if (Magazine* full = Depot::instance().take()) {
      drop(std::exchange(thread_.to_use, full));
    }
    Magazine* from = thread_.to_use;
    if (from != nullptr && from->count > 0) return from->blocks[--from->count];
    size = kBlock;
  }
#endif
  return ::operator new(size);
}

void ExchangePool::deallocate_slow(void* memory, [[maybe_unused]] std::size_t size) noexcept {
#if !ASYNCIO_ADDRESS_SANITIZER
  if (size <= kBlock) {
    Cleaner::touch();
    Magazine*& full = thread_.freed;
    if (full == nullptr || Depot::instance().give(full)) {
      full = new (std::nothrow) Magazine;
    } else {
      empty(*full);  // there are more than anybody needs
    }
    if (thread_.freed != nullptr) {
      thread_.freed->blocks[thread_.freed->count++] = memory;
      return;
    }
  }
#endif
  ::operator delete(memory);
}

}  // namespace asyncio::base
