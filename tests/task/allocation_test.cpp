// What waiting costs in memory: an await is one pooled frame, a task two blocks, a wait nothing.
#include <cstdlib>
#include <new>

#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

// g++ with a sanitizer sees new inlined beside a free() that is not, and takes them for strangers.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace {

thread_local long heap_calls = 0;

}  // namespace

// Every other allocation of this program is counted too, but not under ThreadSanitizer, whose own
// operator new is linked in whole.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ALLOCATION_TEST_COUNTS_HEAP 0
#endif
#endif
#ifndef ALLOCATION_TEST_COUNTS_HEAP
void* operator new(std::size_t size) {
  ++heap_calls;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using allocation = LoopTest;

static_assert(sizeof(detail::TaskBlock<void>) <= 160, "a goal of the design: 160 bytes per task");
static_assert(sizeof(detail::TaskBlock<void*>) <= 192);
static_assert(sizeof(Task<int>) == sizeof(void*) && sizeof(Future<>) == sizeof(void*));
static_assert(sizeof(Coro<int>) == sizeof(void*));

struct Usage {
  long pooled = base::Pool::live();
  long heap = heap_calls;

  // What was allocated since, and still lives (of the pool).
  [[nodiscard]] Usage since() const {
    Usage now;
    now.pooled -= pooled;
    now.heap -= heap;
    return now;
  }
};
#define EXPECT_USAGE(usage, pooled_blocks)   \
  do {                                       \
    const Usage seen = usage;                \
    EXPECT_EQ(seen.pooled, pooled_blocks);   \
    EXPECT_EQ(seen.heap, 0) << "heap calls"; \
  } while (false)

Coro<Usage> usage_inside(Usage before) { co_return before.since(); }

TEST_F(allocation, an_await_is_one_pooled_frame) {
  run([]() -> Coro<> {
    const Usage inside = co_await usage_inside(Usage());
    EXPECT_USAGE(inside, 1);
    const Usage before;
    (void)co_await usage_inside(before);
    (void)co_await pass(usage_inside(before));
    EXPECT_USAGE(before.since(), 0);
  }());
}

Coro<> trivial() { co_return; }

TEST_F(allocation, a_task_is_its_frame_and_its_block) {
  run([]() -> Coro<> {
    const Usage before;
    Task<> task = create_task(trivial());
    EXPECT_USAGE(before.since(), 2);
    co_await task;
    EXPECT_USAGE(before.since(), 1);  // the frame has gone, the handle holds the block
    task = Task<>();
    EXPECT_USAGE(before.since(), 0);
  }());
}

TEST_F(allocation, a_future_is_one_block) {
  run([]() -> Coro<> {
    const Usage before;
    Future<int> future = create_future<int>();
    EXPECT_USAGE(before.since(), 1);
    future.set_result(1);
    (void)co_await future;
    EXPECT_USAGE(before.since(), 1);
  }());
}

// Measured by another task while the first one waits.
template <class F>
Usage usage_of_one_wait(EventLoop& loop, F wait_once) {
  return loop.run_until_complete([](F waits) -> Coro<Usage> {
    Usage before;
    Usage found;
    bool waiting = false;
    auto measured = [&]() -> Coro<> {
      co_await sleep(0s);  // both frames exist by now
      before = Usage();
      waiting = true;
      co_await waits();
    };
    Task<> task = create_task(measured);
    while (!waiting) co_await sleep(0s);
    found = before.since();
    task.cancel();
    (void)co_await try_(task);
    co_return found;
  }(wait_once));
}

// The loop's heap of timers grows now and then: not in the second wait.
template <class F>
Usage usage_while_waiting(EventLoop& loop, F wait_once) {
  (void)usage_of_one_wait(loop, wait_once);
  return usage_of_one_wait(loop, wait_once);
}

TEST_F(allocation, waiting_costs_nothing) {
  EXPECT_USAGE(usage_while_waiting(loop(), [] { return sleep(1h); }), 0);
  EXPECT_USAGE(usage_while_waiting(loop(), [] { return sleep(0s); }), 0);
  // One for each of the two waits: cancelling the first cancels its future.
  Future<int> futures[] = {loop().create_future<int>(), loop().create_future<int>()};
  auto* next = futures;
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return (next++)->operator co_await(); }), 0);
}

TEST_F(allocation, a_timeout_around_a_block_costs_its_two_frames) {
  auto block = [] { return Coro<>(sleep(1h)); };
  // with() has a frame, the sleep as a coroutine another.
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return with(timeout(2h), block); }), 2);
}

TEST_F(allocation, nothing_of_a_thousand_cancelled_waits_stays) {
  run([]() -> Coro<> {
    const Usage before;
    for (int i = 0; i < 1000; ++i) {
      Task<> task = create_task(sleep(1h));
      co_await sleep(0s);
      task.cancel();
      (void)co_await try_(task);
    }
    EXPECT_EQ(before.since().pooled, 0);
  }());
}

}  // namespace
}  // namespace asyncio::test
