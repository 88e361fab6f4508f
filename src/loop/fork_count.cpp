#include "loop/fork_count.hpp"

#include <pthread.h>

#include <atomic>

namespace asyncio::detail {
namespace {

constinit std::atomic<unsigned> count{0};

}  // namespace

unsigned fork_count() noexcept {
  [[maybe_unused]] static const int registered =
      ::pthread_atfork(nullptr, nullptr, [] { count.fetch_add(1, std::memory_order_relaxed); });
  return count.load(std::memory_order_relaxed);
}

void in_forked_child(void (*forget)()) noexcept { ::pthread_atfork(nullptr, nullptr, forget); }

}  // namespace asyncio::detail
