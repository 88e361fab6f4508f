// Locks and queues that change their state while tasks wait for them: broken, reset, shut down.
#include "asyncio/sync/barrier.hpp"
#include "asyncio/sync/condition.hpp"
#include "asyncio/sync/queue.hpp"
#include "asyncio/sync/semaphore.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

// Goes on after an error of the lock or queue, not after its own cancellation.
template <class E, class A>
Coro<bool> but_for(A awaitable) {
  auto result = co_await try_(std::move(awaitable));
  if (!result.ok() && !base::exception_is<E>(result.exception())) {
    co_await raise(result.exception());
  }
  co_return result.ok();
}

// --- barrier
// --------------------------------------------------------------------------------------

Coro<> breaks_barriers(std::string& wrong) {
  auto barrier = std::make_shared<Barrier>(3);
  auto joins = [](std::shared_ptr<Barrier> at) -> Coro<> {
    for (int i = 0; i < 2; ++i) {
      const bool passed = co_await but_for<BrokenBarrierError>(at->wait());
      if (!passed) co_await sleep(0s);
    }
  };
  auto breaks = [](std::shared_ptr<Barrier> at) -> Coro<> {
    co_await sleep(0s);
    co_await at->abort();
    co_await sleep(1ms);
    co_await at->reset();
    co_await sleep(1ms);
    co_await at->reset();
  };
  std::vector<Task<>> tasks;
  for (int i = 0; i < 2; ++i) tasks.push_back(create_task(joins(barrier)));
  tasks.push_back(create_task(breaks(barrier)));
  co_await wait(tasks, {.timeout = 20ms});
  co_await barrier->reset();  // whoever is cancelled, the others are not to wait for it
  co_await wait(tasks, {.timeout = 20ms});
  co_await barrier->abort();
  co_await wait(tasks);
  if (barrier->n_waiting() != 0) wrong = "somebody is still counted";
  if (!barrier->broken()) wrong = "the barrier mended itself";
  co_await barrier->reset();
  if (barrier->broken()) wrong = "the barrier stayed broken";
}
TEST(torture, barrier_that_is_broken_and_reset) {
  Survives("barrier_states", breaks_barriers).cancels().failing_allocations();
}

// --- condition
// ------------------------------------------------------------------------------------

struct Stock {
  Condition condition;
  int items = 0;
};
Coro<> takes(std::shared_ptr<Stock> stock, int count) {
  auto body = [&]() -> Coro<> {
    auto enough = [&] { return stock->items >= count; };
    const bool there = co_await stock->condition.wait_for(enough);
    if (there) stock->items -= count;
    stock->condition.notify_all();
  };
  auto guarded = [&]() -> Coro<> { co_await with(stock->condition, body); };
  co_await but_for<TimeoutError>(wait_for(guarded(), 50ms));
}
Coro<> adds(std::shared_ptr<Stock> stock) {
  for (int i = 0; i < 3; ++i) {
    co_await sleep(1ms);
    co_await stock->condition.acquire();
    ++stock->items;
    stock->condition.notify_all();
    stock->condition.release();
  }
}
Coro<> waits_until(std::string& wrong) {
  auto stock = std::make_shared<Stock>();
  co_await all_of(takes(stock, 2), takes(stock, 1), adds(stock));
  if (stock->condition.locked()) wrong = "the lock stayed locked";
  if (stock->items < 0) wrong = "taken twice";
}
TEST(torture, condition_wait_for) {
  Survives("condition_wait_for", waits_until).cancels().failing_allocations();
}

// --- semaphores and guards
// ------------------------------------------------------------------------

struct Berths {
  BoundedSemaphore permits{2};
  Lock lock;
};
Coro<> holds(std::shared_ptr<Berths> berths) {
  auto permit = co_await berths->permits.scoped();
  auto guard = co_await berths->lock.scoped();
  co_await sleep(1ms);
}
Coro<> guards(std::string& wrong) {
  auto berths = std::make_shared<Berths>();
  co_await all_of(holds(berths), holds(berths), holds(berths), holds(berths));
  if (berths->lock.locked()) wrong = "the lock stayed locked";
  co_await berths->permits.acquire();
  co_await berths->permits.acquire();
  if (!berths->permits.locked()) wrong = "a permit too many";
  berths->permits.release();
  berths->permits.release();
}
TEST(torture, guards) { Survives("guards", guards).cancels().failing_allocations(); }

// --- queues
// ---------------------------------------------------------------------------------------

Coro<> fills(std::shared_ptr<Queue<int>> queue) {
  for (int i = 0; i < 5; ++i) {
    const bool put = co_await but_for<QueueShutDown>(queue->put(i));
    if (!put) break;
  }
}
Coro<> empties(std::shared_ptr<Queue<int>> queue) {
  for (;;) {
    const bool got = co_await but_for<QueueShutDown>(queue->get());
    if (!got) break;
    Result<void> slept = co_await try_(sleep(1ms));
    queue->task_done();
    if (!slept.ok()) co_await raise(slept.exception());
  }
}
template <bool kImmediate>
Coro<> shuts_queues_down(std::string& wrong) {
  auto queue = std::make_shared<Queue<int>>(2);
  auto joins = [](std::shared_ptr<Queue<int>> of) -> Coro<> { co_await of->join(); };
  std::vector<Task<>> workers({create_task(fills(queue)), create_task(empties(queue))});
  Task<> joined = create_task(joins(queue));
  co_await sleep(2ms);
  queue->shutdown(kImmediate);
  co_await wait(workers, {.timeout = 50ms});
  for (const Task<>& worker : workers) {
    if (!worker.done()) wrong = "a worker sleeps at a queue that is shut down";
  }
  queue->shutdown(true);  // nobody may be left to take the rest
  std::vector<Task<>> one(1, joined);
  co_await wait(one);
}
TEST(torture, queue_that_is_shut_down) {
  Survives("queue_shutdown", shuts_queues_down<false>).cancels().failing_allocations();
  Survives("queue_shutdown_now", shuts_queues_down<true>).cancels().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
