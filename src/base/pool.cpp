#include "asyncio/base/pool.hpp"

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

namespace asyncio::base {

constinit thread_local Pool::Lists Pool::lists_{};

#if ASYNCIO_ADDRESS_SANITIZER

void* Pool::allocate_slow(std::size_t size) {
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  --lists_.live;
  throw std::bad_alloc();
}

void Pool::deallocate_large(void* memory) noexcept { std::free(memory); }

#else

// What threads that ended have left, a chain of each. Never destroyed: a thread may end after main
// has returned.
struct Pool::Depot {
  std::mutex mutex;
  std::array<Block*, kClasses> chains{};

  static Depot& instance() {
    static Depot* depot = new Depot;
    return *depot;
  }
};

// Its destructor runs when the thread ends; the lists themselves have none, so that reaching them
// on the hot path needs no guard.
struct Pool::Cleaner {
  ~Cleaner() {
    Depot& depot = Depot::instance();
    const std::lock_guard lock(depot.mutex);
    for (std::size_t i = 0; i < kClasses; ++i) {
      Block* chain = std::exchange(lists_.heads[i], nullptr);
      if (chain == nullptr) continue;
      chain->next_chain = depot.chains[i];
      depot.chains[i] = chain;
    }
  }
  void touch() noexcept {}
};

void* Pool::allocate_slow(std::size_t size) {
  if (size > kLargest) {
    if (void* memory = std::malloc(size)) return memory;
    --lists_.live;
    throw std::bad_alloc();
  }
  static thread_local Cleaner cleaner;
  cleaner.touch();

  const std::size_t which = index(size);
  {
    Depot& depot = Depot::instance();
    const std::lock_guard lock(depot.mutex);
    if (Block* chain = depot.chains[which]; chain != nullptr) {
      depot.chains[which] = chain->next_chain;
      lists_.heads[which] = chain->next;
      return chain;
    }
  }
  // One slab feeds a class for a while. The first is small enough not to show in the size of a
  // program with three coroutines; among many, neighbours in memory are what the processor fetches
  // ahead, so slabs grow.
  static constinit thread_local std::array<unsigned char, kClasses> slabs_made{};
  constexpr unsigned char kMostDoublings = 5;
  const unsigned doublings = slabs_made[which];
  if (doublings < kMostDoublings) ++slabs_made[which];
  const std::size_t block_size = (which + 1) * kStep;
  const std::size_t count = (block_size <= 512 ? 8192 / block_size : 8) << doublings;
  auto* slab = static_cast<std::byte*>(std::malloc(block_size * count));
  if (slab == nullptr) {
    --lists_.live;
    throw std::bad_alloc();
  }
  Block* head = nullptr;
  for (std::size_t i = count; i-- > 1;) {
    auto* block = reinterpret_cast<Block*>(slab + i * block_size);
    block->next = head;
    head = block;
  }
  lists_.heads[which] = head;
  return slab;
}

void Pool::deallocate_large(void* memory) noexcept { std::free(memory); }

#endif

std::size_t Pool::idle_bytes() noexcept {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < kClasses; ++i) {
    for (const Block* block = lists_.heads[i]; block != nullptr; block = block->next) {
      bytes += (i + 1) * kStep;
    }
  }
  return bytes;
}

}  // namespace asyncio::base
