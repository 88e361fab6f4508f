// Coming from Python: locks, semaphores, events, conditions, barriers and queues.
// Run: build/dev/examples/coming_from_python/synchronisation
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

// [lock]
asyncio::Coro<> update(asyncio::Lock& lock, std::string name) {
  auto guard = co_await lock.scoped();
  std::printf("%s in\n", name.c_str());
  co_await asyncio::sleep(1ms);
  std::printf("%s out\n", name.c_str());
}
// [/lock]

// [semaphore]
asyncio::Coro<int> fetch(asyncio::Semaphore& semaphore, int n) {
  auto guard = co_await semaphore.scoped();  // two at a time
  co_await asyncio::sleep(1ms);
  co_return n;
}
// [/semaphore]

// [event]
asyncio::Coro<> wait_for_start(asyncio::Event& started) {
  co_await started.wait();
  std::puts("started");
}
// [/event]

// [condition]
asyncio::Coro<> take(asyncio::Condition& condition, std::vector<int>& stock) {
  co_await asyncio::enter<asyncio::Condition&>(condition);
  co_await condition.wait_for([&] { return !stock.empty(); });
  std::printf("took %d\n", stock.back());
  stock.pop_back();
}
// [/condition]

// [barrier]
asyncio::Coro<> run_lap(asyncio::Barrier& barrier) {
  int index = co_await barrier.wait();
  if (index == 0) std::puts("all are here");
}
// [/barrier]

// [queue]
asyncio::Coro<> consume(asyncio::Queue<int>& queue) {
  while (true) {
    int item = co_await queue.get();
    std::printf("item %d\n", item);
    queue.task_done();
  }
}

asyncio::Coro<> produce() {
  asyncio::Queue<int> queue(2);
  auto consumer = asyncio::create_task(consume(queue));
  for (int item = 0; item < 3; ++item) co_await queue.put(item);
  co_await queue.join();
  consumer.cancel();
  auto ended = co_await asyncio::try_(consumer);  // before the queue goes
}
// [/queue]

asyncio::Coro<> main_task() {
  asyncio::Lock lock;
  co_await asyncio::gather(update(lock, "a"), update(lock, "b"));

  asyncio::Semaphore semaphore(2);
  auto [a, b, c] =
      co_await asyncio::gather(fetch(semaphore, 0), fetch(semaphore, 1), fetch(semaphore, 2));
  std::printf("[%d, %d, %d]\n", a, b, c);

  asyncio::Event started;
  auto waiter = asyncio::create_task(wait_for_start(started));
  co_await asyncio::sleep(0s);
  started.set();
  co_await waiter;

  asyncio::Condition condition;
  std::vector<int> stock;
  auto taker = asyncio::create_task(take(condition, stock));
  co_await asyncio::sleep(0s);
  co_await asyncio::with(condition, [&]() -> asyncio::Coro<> {
    stock.push_back(7);
    condition.notify();
    co_return;
  });
  co_await taker;

  asyncio::Barrier barrier(2);
  co_await asyncio::gather(run_lap(barrier), run_lap(barrier));

  co_await produce();
}

int main() { asyncio::run(main_task()); }
