#include "asyncio/base/exchange_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace asyncio::base {
namespace {

constexpr std::size_t kSize = 100;

TEST(exchange_pool, blocks_of_all_sizes_are_aligned_apart_and_writable) {
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t size = 1; size < 1000; size += 7) {
    void* memory = ExchangePool::allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t), 0U);
    std::memset(memory, static_cast<int>(size & 0xff), size);
    blocks.emplace_back(memory, size);
  }
  for (const auto& [memory, size] : blocks) {
    const auto* bytes = static_cast<const unsigned char*>(memory);
    EXPECT_TRUE(
        std::all_of(bytes, bytes + size, [s = size](unsigned char b) { return b == (s & 0xff); }));
    ExchangePool::deallocate(memory, size);
  }
}

#if !ASYNCIO_ADDRESS_SANITIZER
TEST(exchange_pool, what_another_thread_has_freed_is_used_again) {
  constexpr int kMany = 1000;
  std::vector<void*> made;
  for (int i = 0; i < kMany; ++i) made.push_back(ExchangePool::allocate(kSize));
  std::thread([&made] {
    for (void* block : made) ExchangePool::deallocate(block, kSize);
  }).join();
  std::vector<void*> again;
  for (int i = 0; i < kMany; ++i) again.push_back(ExchangePool::allocate(kSize));
  const std::set<void*> before(made.begin(), made.end());
  const auto known = std::count_if(again.begin(), again.end(),
                                   [&before](void* block) { return before.contains(block); });
  // All but those of the magazine that the thread took with it.
  EXPECT_GE(known, kMany - 64);
  for (void* block : again) ExchangePool::deallocate(block, kSize);
}
#endif

TEST(exchange_pool, a_block_belongs_to_one_thread_at_a_time) {
  // One thread writes its mark and hands the block on; the other finds it untouched.
  constexpr int kRounds = 2'000;
  std::array<std::atomic<unsigned char*>, 64> handed{};
  std::atomic<bool> torn = false;
  std::thread taker([&] {
    for (int i = 0; i < kRounds; ++i) {
      auto& place = handed[static_cast<std::size_t>(i) % handed.size()];
      unsigned char* block = nullptr;
      while ((block = place.exchange(nullptr)) == nullptr) std::this_thread::yield();
      const auto mark = static_cast<unsigned char>(i);
      if (block[0] != mark || block[kSize - 1] != mark) torn = true;
      ExchangePool::deallocate(block, kSize);
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    auto* block = static_cast<unsigned char*>(ExchangePool::allocate(kSize));
    std::memset(block, static_cast<unsigned char>(i), kSize);
    auto& place = handed[static_cast<std::size_t>(i) % handed.size()];
    while (place.load() != nullptr) std::this_thread::yield();
    place = block;
  }
  taker.join();
  EXPECT_FALSE(torn);
}

}  // namespace
}  // namespace asyncio::base
