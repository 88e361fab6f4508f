// What waiting costs in memory: an await is one pooled frame, a task two blocks, a wait nothing.
#include "asyncio/coro/with.hpp"
#include "asyncio/sync/event.hpp"
#include "asyncio/sync/lock.hpp"
#include "asyncio/sync/queue.hpp"
#include "asyncio/sync/semaphore.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/heap_calls.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using allocation = LoopTest;

// Both compilers lay these out alike. A task and its sleep have a goal in common: 320 bytes.
static_assert(sizeof(detail::TaskBlock<void>) <= 144);
static_assert(sizeof(detail::TaskBlock<void*>) <= 160);
static_assert(sizeof(detail::FutureBlock<void>) <= 48);
static_assert(sizeof(Task<int>) == sizeof(void*) && sizeof(Future<>) == sizeof(void*));
static_assert(sizeof(Coro<int>) == sizeof(void*));
static_assert(sizeof(Sleep) <= 72);
static_assert(sizeof(detail::FutureAwaiter<void, false>) <= 88);
static_assert(sizeof(decltype(std::declval<Lock&>().acquire())) <= 88);
static_assert(sizeof(decltype(std::declval<Queue<int>&>().get())) <= 88);
static_assert(sizeof(decltype(std::declval<Queue<int>&>().put(1))) <= 96);
static_assert(sizeof(decltype(std::declval<Event&>().wait())) <= 88);

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

TEST_F(allocation, nor_does_waiting_for_a_primitive) {
  Lock lock;
  Semaphore semaphore(0);
  Event event;
  Queue<int> empty;
  Queue<int> full(1);
  loop().run_until_complete([&]() -> Coro<> {
    co_await lock.acquire();
    co_await full.put(1);
  }());
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return lock.acquire(); }), 0);
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return semaphore.acquire(); }), 0);
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return event.wait(); }), 0);
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return empty.get(); }), 0);
  EXPECT_USAGE(usage_while_waiting(loop(), [&] { return full.put(2); }), 0);
}

TEST_F(allocation, a_deadline_around_an_await_is_one_frame) {
  EXPECT_USAGE(usage_while_waiting(loop(), [] { return wait_for(sleep(1h), 2h); }), 1);
}

TEST_F(allocation, a_callback_is_one_block_until_it_has_run) {
  run([]() -> Coro<> {
    EventLoop& current = get_running_loop();
    for (int round = 0; round < 3; ++round) {
      const Usage before;
      current.call_soon([] {});
      EXPECT_USAGE(before.since(), 1);
      co_await sleep(0s);
      EXPECT_USAGE(before.since(), 0);
    }
  }());
}

TEST_F(allocation, a_timer_is_one_block_until_it_is_cancelled) {
  run([]() -> Coro<> {
    EventLoop& current = get_running_loop();
    current.call_later(1h, [] {}).cancel();  // the heap of timers has room now
    const Usage before;
    TimerHandle timer = current.call_later(1h, [] {});
    EXPECT_USAGE(before.since(), 1);
    timer.cancel();
    timer = TimerHandle();
    EXPECT_USAGE(before.since(), 0);
    co_return;
  }());
}

#if !ASYNCIO_ADDRESS_SANITIZER
TEST_F(allocation, a_call_from_another_thread_takes_the_memory_of_an_earlier_one) {
  run([]() -> Coro<> {
    EventLoop& current = get_running_loop();
    const auto send_some = [&current]() -> Coro<> {
      for (int i = 0; i < 50; ++i) current.call_soon_threadsafe([] {});
      co_await sleep(0s);
    };
    for (int i = 0; i < 3; ++i) co_await send_some();
    const Usage before;
    for (int i = 0; i < 10; ++i) co_await send_some();
    EXPECT_USAGE(before.since(), 0);
  }());
}
#endif

TEST_F(allocation, a_child_of_gather_is_a_task_and_a_place_in_three_arrays) {
  const auto usage_of = [this](std::size_t count) {
    return loop().run_until_complete([](std::size_t n) -> Coro<Usage> {
      std::vector<Coro<>> children;
      children.reserve(n);
      const Usage before;
      for (std::size_t i = 0; i < n; ++i) children.push_back(trivial());
      auto all = gather(std::move(children));
      const Usage made = before.since();
      (void)co_await all;
      co_return made;
    }(count));
  };
  const Usage few = usage_of(10);
  const Usage many = usage_of(1000);
  EXPECT_EQ(many.pooled - few.pooled, 2 * 990);
  EXPECT_EQ(many.heap, few.heap);
}

TEST_F(allocation, a_task_of_a_group_is_its_frame_its_block_and_a_node) {
  run([]() -> Coro<> {
    co_await with(TaskGroup(), [](TaskGroup& group) -> Coro<> {
      group.create_task(trivial());
      const Usage before;
      group.create_task(trivial());
      EXPECT_USAGE(before.since(), 3);
      co_return;
    });
  }());
}

#if ASYNCIO_DCHECK && defined(__OPTIMIZE__) && !ASYNCIO_ADDRESS_SANITIZER && TEST_COUNTS_HEAP_CALLS
thread_local std::size_t asked_for = 0;

// How many bytes `make` asks the pool for.
template <class F>
std::size_t pooled_bytes(F make) {
  asked_for = 0;
  base::Pool::before_allocate = [](std::size_t size) { asked_for += size; };
  {
    auto made = make();
    base::Pool::before_allocate = nullptr;
    made.close();
  }
  return asked_for;
}

// Not inlined, or the compiler puts the frame into its caller's.
[[gnu::noinline]] Coro<> empty() { co_return; }
[[gnu::noinline]] Coro<int> returning() { co_return 1; }
[[gnu::noinline]] Coro<> sleeping() { co_await sleep(1h); }
[[gnu::noinline]] Coro<> awaiting() { co_await empty(); }
[[gnu::noinline]] Coro<> locking(Lock& lock) {
  co_await lock.acquire();
  lock.release();
}
[[gnu::noinline]] Coro<> sleep_as_coro() { return sleep(1h); }

TEST_F(allocation, frames_are_as_small_as_they_were) {
#if defined(__clang__)
  constexpr bool kClang = true;
#else
  constexpr bool kClang = false;
#endif
  Lock lock;
  EXPECT_LE(pooled_bytes([] { return empty(); }), kClang ? 56U : 112U);
  EXPECT_LE(pooled_bytes([] { return returning(); }), kClang ? 56U : 112U);
  EXPECT_LE(pooled_bytes([] { return awaiting(); }), kClang ? 112U : 176U);
  EXPECT_LE(pooled_bytes([] { return sleeping(); }), kClang ? 136U : 224U);
  EXPECT_LE(pooled_bytes([&lock] { return locking(lock); }), kClang ? 160U : 232U);
  EXPECT_LE(pooled_bytes([] { return sleep_as_coro(); }), kClang ? 168U : 232U);
}
#endif

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
