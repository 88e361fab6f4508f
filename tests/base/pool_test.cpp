#include "asyncio/base/pool.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

namespace asyncio::base {
namespace {

TEST(pool, blocks_of_all_sizes_are_aligned_apart_and_writable) {
  const long before = Pool::live();
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (std::size_t size = 0; size < 5000; size += 37) {
    void* memory = Pool::allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % alignof(std::max_align_t), 0U);
    std::memset(memory, static_cast<int>(size & 0xff), size);
    blocks.emplace_back(memory, size);
  }
  EXPECT_EQ(Pool::live(), before + static_cast<long>(blocks.size()));
  for (const auto& [memory, size] : blocks) {
    const auto* bytes = static_cast<const unsigned char*>(memory);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(bytes[i], size & 0xff);
    Pool::deallocate(memory, size);
  }
  EXPECT_EQ(Pool::live(), before);
}

#if !ASYNCIO_ADDRESS_SANITIZER
TEST(pool, gives_a_freed_block_again) {
  void* first = Pool::allocate(100);
  Pool::deallocate(first, 100);
  void* second = Pool::allocate(100);
  EXPECT_EQ(second, first);
  Pool::deallocate(second, 100);
}

TEST(pool, knows_what_it_keeps) {
  Pool::deallocate(Pool::allocate(100), 100);
  const std::size_t before = Pool::idle_bytes();
  void* block = Pool::allocate(100);
  EXPECT_EQ(Pool::idle_bytes(), before - 112) << "sizes are rounded up to 16";
  Pool::deallocate(block, 100);
  EXPECT_EQ(Pool::idle_bytes(), before);
}

TEST(pool, what_a_thread_leaves_serves_the_next) {
  void* left = nullptr;
  std::thread([&] {
    left = Pool::allocate(1900);
    Pool::deallocate(left, 1900);
  }).join();
  void* found = nullptr;
  std::thread([&] {
    std::vector<void*> blocks;
    for (int i = 0; i < 8; ++i) blocks.push_back(Pool::allocate(1900));
    for (void* block : blocks) {
      if (block == left) found = block;
      Pool::deallocate(block, 1900);
    }
  }).join();
  EXPECT_EQ(found, left);
}
#endif

TEST(pool, a_block_may_be_freed_by_another_thread) {
  void* memory = Pool::allocate(64);
  std::thread([&] { Pool::deallocate(memory, 64); }).join();
}

struct Base : Pooled {
  virtual ~Base() = default;
};
struct Derived : Base {
  char more[300];
};

TEST(pool, pooled_objects_are_freed_with_their_own_size) {
  const long before = Pool::live();
  Base* object = new Derived;
  EXPECT_EQ(Pool::live(), before + 1);
  delete object;
  EXPECT_EQ(Pool::live(), before);
}

}  // namespace
}  // namespace asyncio::base
