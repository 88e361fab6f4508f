// run_workers() on real threads.
#include "asyncio/threads/run_workers.hpp"

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/descriptors.hpp"
#include "support/socket_test.hpp"

namespace asyncio::test {
namespace {

class run_workers_ : public SocketTest {
 protected:
  run_workers_() { let_blocks_migrate(); }

  // A future of the calling loop that nobody ever settles.
  static Future<> never() { return get_running_loop().create_future<>(); }
};

TEST_F(run_workers_, runs_each_in_a_loop_and_a_thread_of_its_own) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::set<EventLoop*> loops;
  std::multiset<std::size_t> numbers;
  std::latch all(4);
  auto main = [&](std::size_t number) -> Coro<> {
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      loops.insert(&get_running_loop());
      numbers.insert(number);
    }
    all.arrive_and_wait();  // never ends with fewer than four threads
    co_await sleep(Delay());
  };
  run(run_workers(4, main));
  EXPECT_EQ(threads.size(), 4U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
  EXPECT_EQ(loops.size(), 4U);
  EXPECT_EQ(numbers, (std::multiset<std::size_t>{0, 1, 2, 3}));
}

TEST_F(run_workers_, the_awaiting_loop_goes_on_meanwhile) {
  std::latch begun(2);
  std::latch go(1);
  auto main = [&](std::size_t) -> Coro<> {
    begun.count_down();
    go.wait();
    co_return;
  };
  int turns = 0;
  run([](auto worker, std::latch& release, int& count) -> Coro<> {
    Task<> workers = create_task(run_workers(1, worker));
    for (; count < 10; ++count) co_await sleep(Delay());
    release.count_down();
    co_await workers;
  }(main, go, turns));
  EXPECT_EQ(turns, 10);
}

TEST_F(run_workers_, the_first_failure_cancels_the_others_and_is_raised) {
  std::atomic<int> cancelled{0};
  std::latch others(2);
  auto main = [&](std::size_t number) -> Coro<> {
    if (number == 1) {
      others.wait();
      throw ValueError("worker 1 has had enough");
    }
    Future<> forever = never();
    others.count_down();
    const Result<void> ended = co_await try_(forever);
    if (base::exception_is<CancelledError>(ended.exception())) ++cancelled;
    co_await raise(ended.exception());
  };
  EXPECT_EQ(thrown_by([&] { run(run_workers(3, main)); }), "ValueError: worker 1 has had enough");
  EXPECT_EQ(cancelled, 2);
}

TEST_F(run_workers_, cancelling_asks_every_worker_and_waits_for_their_ends) {
  std::atomic<int> cleaned_up{0};
  std::latch begun(3);
  auto main = [&](std::size_t) -> Coro<> {
    Future<> forever = never();
    begun.count_down();
    const Result<void> ended = co_await try_(forever);
    for (int i = 0; i < 5; ++i) co_await sleep(Delay());
    ++cleaned_up;
    co_await raise(ended.exception());
  };
  auto cancel_them = [](auto worker, std::latch& all, std::atomic<int>& count) -> Coro<int> {
    Task<> workers = create_task(run_workers(3, worker));
    co_await sleep(Delay());
    all.wait();
    workers.cancel();
    const Result<void> ended = co_await try_(workers);
    EXPECT_TRUE(base::exception_is<CancelledError>(ended.exception()));
    co_return count.load();
  };
  EXPECT_EQ(run(cancel_them(main, begun, cleaned_up)), 3);
}

TEST_F(run_workers_, a_second_request_reaches_their_clean_up) {
  std::atomic<int> cut_short{0};
  std::latch begun(2);
  std::latch cleaning(2);
  auto main = [&](std::size_t) -> Coro<> {
    Future<> forever = never();
    begun.count_down();
    const Result<void> first = co_await try_(forever);
    Future<> clean_up = never();
    cleaning.count_down();
    const Result<void> second = co_await try_(clean_up);
    if (base::exception_is<CancelledError>(second.exception())) ++cut_short;
    co_await raise(first.exception());
  };
  auto cancel_twice = [](auto worker, std::latch& one, std::latch& two) -> Coro<> {
    Task<> workers = create_task(run_workers(2, worker));
    co_await sleep(Delay());
    one.wait();
    workers.cancel();
    two.wait();
    workers.cancel();
    const Result<void> ended = co_await try_(workers);
    EXPECT_TRUE(base::exception_is<CancelledError>(ended.exception()));
  };
  run(cancel_twice(main, begun, cleaning));
  EXPECT_EQ(cut_short, 2);
}

TEST_F(run_workers_, one_that_swallows_its_cancellation_ends_the_await_without_an_error) {
  std::latch begun(2);
  auto main = [&](std::size_t) -> Coro<> {
    Future<> forever = never();
    begun.count_down();
    const Result<void> ended = co_await try_(forever);
    EXPECT_FALSE(ended.ok());
  };
  auto cancel_them = [](auto worker, std::latch& all) -> Coro<bool> {
    Task<> workers = create_task(run_workers(2, worker));
    co_await sleep(Delay());
    all.wait();
    workers.cancel();
    const Result<void> ended = co_await try_(workers);
    co_return ended.ok();
  };
  EXPECT_TRUE(run(cancel_them(main, begun)));
}

TEST_F(run_workers_, tasks_that_a_worker_leaves_behind_are_cancelled_before_its_loop_closes) {
  std::atomic<int> ended{0};
  auto main = [&](std::size_t) -> Coro<> {
    auto child = [](std::atomic<int>& count) -> Coro<> {
      const Result<void> outcome = co_await try_(sleep(std::chrono::hours(1)));
      if (base::exception_is<CancelledError>(outcome.exception())) ++count;
    };
    const Task<> left = create_task(child(ended));
    co_await sleep(Delay());
  };
  run(run_workers(2, main));
  EXPECT_EQ(ended, 2);
}

TEST_F(run_workers_, each_runs_in_a_copy_of_the_callers_context) {
  static ContextVar<int> number("number", 0);
  number.set(7);
  std::atomic<int> seen{0};
  auto main = [&](std::size_t worker) -> Coro<> {
    seen += number.get();
    number.set(static_cast<int>(worker) + 100);
    co_return;
  };
  auto all = [](auto worker) -> Coro<> {
    co_await run_workers(2, worker);
    EXPECT_EQ(number.get(), 7);
  };
  run(all(main));
  EXPECT_EQ(seen, 14);
}

TEST_F(run_workers_, a_loop_that_closes_over_them_ends_them_first) {
  std::atomic<int> ended{0};
  std::latch begun(2);
  auto main = [&](std::size_t) -> Coro<> {
    Future<> forever = never();
    begun.count_down();
    const Result<void> outcome = co_await try_(forever);
    if (!outcome.ok()) ++ended;
  };
  auto leave = [](auto worker, std::latch& all) -> Coro<> {
    const Task<> left = create_task(run_workers(2, worker));
    co_await sleep(Delay());
    all.wait();
  };
  run(leave(main, begun));
  loop().close();
  EXPECT_EQ(ended, 2);
  EXPECT_THAT(take_logs(), ::testing::Contains(::testing::HasSubstr("was destroyed")));
}

TEST_F(run_workers_, of_none_is_refused) {
  auto main = [](std::size_t) -> Coro<> { co_return; };
  EXPECT_EQ(thrown_by([&] { run(run_workers(0, main)); }),
            "ValueError: run_workers: there must be at least one worker");
}

}  // namespace
}  // namespace asyncio::test
