// concurrent::ThreadPoolExecutor. Nothing here measures time: threads wait for each other.
#include "asyncio/threads/thread_pool_executor.hpp"

#include <pthread.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>

#include "asyncio/threads/concurrent_wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using concurrent::ThreadPoolExecutor;

using executor = QuietTest;

std::string name_of_this_thread() {
  char name[16] = {};
  ::pthread_getname_np(::pthread_self(), name, sizeof name);
  return name;
}

TEST_F(executor, runs_a_function_with_its_arguments_on_a_thread_of_its_own) {
  ThreadPoolExecutor pool({.max_workers = 1});
  const auto here = std::this_thread::get_id();
  auto sum = pool.submit([](int a, const std::string& b) { return a + std::stoi(b); }, 1, "2");
  EXPECT_EQ(sum.result(), 3);
  EXPECT_NE(pool.submit([] { return std::this_thread::get_id(); }).result(), here);
  EXPECT_EQ(
      *pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(4)).result(), 4);
}

TEST_F(executor, an_exception_is_that_of_the_future) {
  ThreadPoolExecutor pool;
  auto failed = pool.submit([]() -> int { throw ValueError("there"); });
  EXPECT_EQ(thrown_by([&] { return failed.result(); }), "ValueError: there");
}

TEST_F(executor, what_the_function_held_is_gone_when_its_result_is_there) {
  ThreadPoolExecutor pool;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  pool.submit([kept = std::move(held)] {}).result();
  EXPECT_TRUE(watch.expired());
}

TEST_F(executor, makes_threads_when_none_is_idle_up_to_max_workers) {
  ThreadPoolExecutor pool({.max_workers = 2});
  std::latch both(2);
  auto meet = [&] {
    both.arrive_and_wait();  // two threads, or this never ends
    return std::this_thread::get_id();
  };
  auto first = pool.submit(meet);
  auto second = pool.submit(meet);
  std::set threads{first.result(), second.result()};
  EXPECT_EQ(threads.size(), 2U);
  for (int i = 0; i < 20; ++i) {
    threads.insert(pool.submit([] { return std::this_thread::get_id(); }).result());
  }
  EXPECT_EQ(threads.size(), 2U);
}

TEST_F(executor, names_its_threads) {
  ThreadPoolExecutor pool({.max_workers = 1, .thread_name_prefix = "fetch"});
  EXPECT_EQ(pool.submit(name_of_this_thread).result(), "fetch_0");
  ThreadPoolExecutor nameless({.max_workers = 1});
  EXPECT_EQ(nameless.submit(name_of_this_thread).result(), "ThreadPoolExe_0");
}

TEST_F(executor, refuses_to_have_no_worker) {
  EXPECT_EQ(thrown_by([] { ThreadPoolExecutor pool({.max_workers = 0}); }),
            "ValueError: max_workers must be greater than 0");
}

TEST_F(executor, map_gives_the_results_in_order) {
  ThreadPoolExecutor pool({.max_workers = 3});
  std::vector<int> squares;
  for (int square : pool.map([](int x) { return x * x; }, std::vector{1, 2, 3})) {
    squares.push_back(square);
  }
  EXPECT_EQ(squares, (std::vector{1, 4, 9}));
}

TEST_F(executor, map_throws_where_the_function_did_and_cancels_what_has_not_begun) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch release(1);
  auto blocker = pool.submit([&] { release.wait(); });
  std::atomic<int> begun{0};
  {
    auto results = pool.map([&](int x) { return begun += x; }, std::vector{1, 2, 3}, 0s);
    EXPECT_EQ(thrown_by([&] { (void)results.next(); }), "TimeoutError");
  }
  release.count_down();
  pool.shutdown();
  EXPECT_EQ(begun, 0);
}

TEST_F(executor, after_shutdown_takes_nothing_more_and_has_done_all) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::vector<concurrent::Future<int>> all;
  for (int i = 0; i < 5; ++i) all.push_back(pool.submit([i] { return i; }));
  pool.shutdown();
  for (const auto& future : all) EXPECT_TRUE(future.done());
  EXPECT_EQ(thrown_by([&] { pool.submit([] {}); }),
            "RuntimeError: cannot schedule new futures after shutdown");
  pool.shutdown();
}

TEST_F(executor, the_destructor_waits_for_all_work) {
  std::atomic<int> ended{0};
  {
    ThreadPoolExecutor pool({.max_workers = 2});
    for (int i = 0; i < 10; ++i) pool.submit([&] { ++ended; });
  }
  EXPECT_EQ(ended, 10);
}

TEST_F(executor, shutdown_can_cancel_what_has_not_begun) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch begun(1);
  std::latch release(1);
  auto running = pool.submit([&] {
    begun.count_down();
    release.wait();
    return 1;
  });
  begun.wait();
  auto waiting = pool.submit([] { return 2; });
  pool.shutdown({.wait = false, .cancel_futures = true});
  EXPECT_TRUE(waiting.cancelled());
  release.count_down();
  EXPECT_EQ(running.result(), 1);
}

TEST_F(executor, without_waiting_the_threads_still_do_what_is_queued) {
  std::latch release(1);
  std::optional<concurrent::Future<int>> last;
  {
    ThreadPoolExecutor pool({.max_workers = 1});
    pool.submit([&] { release.wait(); });
    last = pool.submit([] { return 2; });
    pool.shutdown({.wait = false});
  }
  release.count_down();
  EXPECT_EQ(last->result(), 2);
}

TEST_F(executor, who_did_not_wait_at_first_may_wait_later) {
  std::atomic<bool> done = false;
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch release(1);
  pool.submit([&] {
    release.wait();
    std::this_thread::yield();
    done = true;
  });
  pool.shutdown({.wait = false});
  release.count_down();
  pool.shutdown();
  EXPECT_TRUE(done);
}

TEST_F(executor, a_cancelled_future_never_runs) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch release(1);
  pool.submit([&] { release.wait(); });
  auto cancelled = pool.submit([] { FAIL(); });
  EXPECT_TRUE(cancelled.cancel());
  release.count_down();
  EXPECT_EQ(concurrent::wait(std::vector{cancelled}).done.size(), 1U);
}

TEST_F(executor, an_initializer_runs_first_in_each_thread) {
  static thread_local int prepared = 0;
  ThreadPoolExecutor pool({.max_workers = 1}, [] { prepared = 7; });
  EXPECT_EQ(pool.submit([] { return prepared; }).result(), 7);
}

TEST_F(executor, an_initializer_that_fails_breaks_it) {
  std::latch submitted(1);
  ThreadPoolExecutor pool({.max_workers = 1}, [&] {
    submitted.wait();
    throw ValueError("no database");
  });
  auto work = pool.submit([] { return 1; });
  submitted.count_down();
  const std::string broken =
      "concurrent::BrokenThreadPool: A thread initializer failed, the thread pool is not usable "
      "anymore";
  EXPECT_EQ(thrown_by([&] { return work.result(); }), broken);
  EXPECT_EQ(thrown_by([&] { pool.submit([] {}); }), broken);
  EXPECT_EQ(take_logs(), (std::vector<std::string>{"Exception in initializer:\n"
                                                   "ValueError: no database"}));
}

TEST_F(executor, cannot_wait_for_itself) {
  ThreadPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(pool.submit([&] { return thrown_by([&] { pool.shutdown(); }); }).result(),
            "RuntimeError: cannot join current thread");
}

}  // namespace
}  // namespace asyncio::test
