// concurrent::ProcessPoolExecutor: what a program does with it.
#include "asyncio/concurrent/process_pool_executor.hpp"

#include <set>
#include <thread>

#include "asyncio/task/sleep.hpp"
#include "asyncio/threads/concurrent_wait.hpp"
#include "concurrent/pool_fixture.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using concurrent::ProcessPoolExecutor;

using process_pool = PoolTest;

int add(int a, int b) { return a + b; }
int twice(int number) { return 2 * number; }
int fail_at_three(int number) {
  if (number == 3) throw ValueError("three");
  return number;
}

TEST_F(process_pool, runs_a_function_with_its_arguments_in_another_process) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(pool.submit(add, 1, 2).result(), 3);
  EXPECT_EQ(
      pool.submit([](int a, const std::string& b) { return a + std::stoi(b); }, 1, "2").result(),
      3);
  EXPECT_NE(pool.submit(::getpid).result(), ::getpid());
  pool.submit([] { shared->numbers[0] = 7; }).result();
  EXPECT_EQ(shared->numbers[0], 7);
}

// As CPython's test_process_pool: workers are made when work finds none idle.
TEST_F(process_pool, makes_workers_when_none_is_idle_up_to_max_workers) {
  ProcessPoolExecutor pool({.max_workers = 2});
  const int first = pool.submit(::getpid).result();
  EXPECT_EQ(pool.submit(::getpid).result(), first);
  auto one = pool.submit(wait_in_worker, 1);
  auto two = pool.submit(wait_in_worker, 2);
  wait_for(shared->begun);
  wait_for(shared->begun);  // two of them, or this never ends
  auto three = pool.submit(::getpid);
  EXPECT_FALSE(three.running());
  ::sem_post(&shared->release);
  ::sem_post(&shared->release);
  EXPECT_EQ(one.result() + two.result(), 3);
  three.result();
}

TEST_F(process_pool, refuses_numbers_that_make_no_sense) {
  EXPECT_EQ(thrown_by([] {
              ProcessPoolExecutor({.max_workers = 0});
              return 0;
            }),
            "ValueError: max_workers must be greater than 0");
  EXPECT_EQ(thrown_by([] {
              ProcessPoolExecutor({.max_tasks_per_child = 0});
              return 0;
            }),
            "ValueError: max_tasks_per_child must be >= 1");
  ProcessPoolExecutor pool({.max_workers = 1});
  EXPECT_EQ(thrown_by([&] {
              pool.map(twice, std::vector<int>{1}, {.chunksize = 0});
              return 0;
            }),
            "ValueError: chunksize must be >= 1.");
}

// --- map ----------------------------------------------------------------------------------------

// As CPython's ExecutorTest.test_map and test_map_chunksize.
TEST_F(process_pool, map_gives_results_in_the_order_of_the_items_whatever_the_chunks) {
  ProcessPoolExecutor pool({.max_workers = 3});
  std::vector<int> items(100);
  std::vector<int> expected;
  for (int i = 0; i < 100; ++i) {
    items[static_cast<std::size_t>(i)] = i;
    expected.push_back(2 * i);
  }
  for (const std::size_t chunksize : {1U, 6U, 50U, 100U, 1000U}) {
    std::vector<int> results;
    for (const int value : pool.map(twice, items, {.chunksize = chunksize}))
      results.push_back(value);
    EXPECT_EQ(results, expected) << chunksize;
  }
  int nothings = 0;
  for ([[maybe_unused]] std::monostate nothing :
       pool.map([](int) { ++shared->numbers[0]; }, items, {.chunksize = 7})) {
    ++nothings;
  }
  EXPECT_EQ(nothings, 100);
  EXPECT_EQ(shared->numbers[0], 100);
  EXPECT_FALSE(pool.map(twice, std::vector<int>()).next());
}

// As CPython's ExecutorTest.test_map_exception.
TEST_F(process_pool, map_throws_where_the_result_would_be) {
  ProcessPoolExecutor pool({.max_workers = 2});
  auto results = pool.map(fail_at_three, std::vector<int>{1, 2, 3, 4});
  EXPECT_EQ(results.next(), 1);
  EXPECT_EQ(results.next(), 2);
  EXPECT_EQ(thrown_by([&] { return results.next(); }), "ValueError: three");
  auto chunks = pool.map(fail_at_three, std::vector<int>{1, 2, 3, 4, 5, 6}, {.chunksize = 2});
  EXPECT_EQ(chunks.next(), 1);
  EXPECT_EQ(chunks.next(), 2);
  EXPECT_EQ(thrown_by([&] { return chunks.next(); }), "ValueError: three");
}

// As CPython's ExecutorTest.test_map_timeout.
TEST_F(process_pool, map_gives_up_at_its_timeout) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto results = pool.map(wait_in_worker, std::vector<int>{1, 2}, {.timeout = 1ms});
  wait_for(shared->begun);
  EXPECT_EQ(thrown_by([&] { return results.next(); }), "TimeoutError");
  ::sem_post(&shared->release);
  ::sem_post(&shared->release);
}

TEST_F(process_pool, what_map_has_not_begun_is_cancelled_when_its_results_go) {
  ProcessPoolExecutor pool({.max_workers = 1});
  {
    auto results = pool.map(
        [](int number) {
          ++shared->numbers[0];
          return wait_in_worker(number);
        },
        std::vector<int>{1, 2, 3, 4, 5});
    wait_for(shared->begun);
  }
  ::sem_post(&shared->release);
  pool.shutdown();
  EXPECT_EQ(shared->numbers[0], 1);
}

// --- futures ------------------------------------------------------------------------------------

TEST_F(process_pool, a_future_is_cancelled_until_a_worker_has_begun) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto running = pool.submit(wait_in_worker, 1);
  auto waiting = pool.submit([] { shared->numbers[0] = 1; });
  wait_for(shared->begun);
  EXPECT_TRUE(running.running());
  EXPECT_FALSE(running.cancel());
  EXPECT_TRUE(waiting.cancel());
  ::sem_post(&shared->release);
  EXPECT_EQ(running.result(), 1);
  pool.shutdown();
  EXPECT_EQ(shared->numbers[0], 0);
}

TEST_F(process_pool, wait_and_as_completed_know_its_futures) {
  ProcessPoolExecutor pool({.max_workers = 2});
  auto slow = pool.submit(wait_in_worker, 1);
  auto quick = pool.submit(add, 1, 1);
  auto outcome =
      concurrent::wait(std::vector{slow, quick}, {.return_when = concurrent::FIRST_COMPLETED});
  ASSERT_EQ(outcome.done.size(), 1U);
  EXPECT_TRUE(outcome.done[0] == quick);
  auto in_order = concurrent::as_completed(std::vector{slow, quick});
  EXPECT_TRUE(*in_order.next() == quick);
  ::sem_post(&shared->release);
  EXPECT_TRUE(*in_order.next() == slow);
}

// --- workers ------------------------------------------------------------------------------------

int initialized = 0;

// As CPython's InitializerMixin.test_initializer.
TEST_F(process_pool, the_initializer_runs_once_in_each_worker_and_may_capture) {
  const std::string word = "captured";
  ProcessPoolExecutor pool({.max_workers = 2},
                           [word] { initialized += static_cast<int>(word.size()); });
  EXPECT_EQ(pool.submit([] { return initialized; }).result(), 8);
  EXPECT_EQ(pool.submit([] { return initialized; }).result(), 8);
  EXPECT_EQ(initialized, 0);
}

// As CPython's FailingInitializerMixin.test_initializer.
TEST_F(process_pool, is_broken_when_the_initializer_throws) {
  ProcessPoolExecutor pool({.max_workers = 2}, [] { throw ValueError("error in initializer"); });
  auto future = pool.submit(add, 1, 2);
  EXPECT_EQ(thrown_by([&] { return future.result(); }), kTerminated);
  EXPECT_EQ(thrown_by([&] { return pool.submit(add, 1, 2); }), kNotUsable);
  pool.shutdown();
  EXPECT_EQ(take_logs(), std::vector<std::string>{
                             "Exception in initializer:\nValueError: error in initializer"});
}

// As CPython's ProcessPoolExecutorTest.test_max_tasks_per_child.
TEST_F(process_pool, a_worker_ends_after_max_tasks_per_child) {
  ProcessPoolExecutor pool({.max_workers = 1, .max_tasks_per_child = 3});
  std::vector<int> workers;
  for (int i = 0; i < 7; ++i) workers.push_back(pool.submit(::getpid).result());
  EXPECT_EQ(std::set<int>(workers.begin(), workers.end()).size(), 3U);
  EXPECT_EQ(workers[0], workers[2]);
  EXPECT_NE(workers[2], workers[3]);
  EXPECT_EQ(workers[3], workers[5]);
}

// Fault P6
TEST_F(process_pool, a_worker_has_no_descriptor_of_the_program_and_default_signals) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::signal(SIGUSR1, [](int) {});
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR2);
  ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
  {
    ProcessPoolExecutor pool({.max_workers = 1});
    EXPECT_EQ(pool.submit(open_descriptors).result(), 4);  // 0, 1, 2 and its channel
    EXPECT_EQ(pool.submit([] {
                    char byte = 0;
                    return static_cast<int>(::read(0, &byte, 1));
                  })
                  .result(),
              0);
    const auto handler_of = [](int number) {
      struct sigaction action = {};
      ::sigaction(number, nullptr, &action);
      return action.sa_handler == SIG_DFL ? 0 : action.sa_handler == SIG_IGN ? 1 : 2;
    };
    EXPECT_EQ(pool.submit(handler_of, SIGUSR1).result(), 0);
    EXPECT_EQ(pool.submit(handler_of, SIGTERM).result(), 0);
    EXPECT_EQ(pool.submit(handler_of, SIGPIPE).result(), 0);
    EXPECT_EQ(pool.submit(handler_of, SIGINT).result(), 1);
    EXPECT_EQ(pool.submit([] {
                    sigset_t mask;
                    ::sigprocmask(SIG_BLOCK, nullptr, &mask);
                    return ::sigismember(&mask, SIGUSR2);
                  })
                  .result(),
              0);
  }
  ::sigprocmask(SIG_UNBLOCK, &blocked, nullptr);
  std::signal(SIGUSR1, SIG_DFL);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(process_pool, ctrl_c_in_the_terminal_leaves_workers_and_nursery_alone) {
  ProcessPoolExecutor pool({.max_workers = 1});
  const int worker = pool.submit(::getpid).result();
  const int nursery = pool.submit(::getppid).result();
  ::kill(worker, SIGINT);
  ::kill(nursery, SIGINT);
  EXPECT_EQ(pool.submit(::getpid).result(), worker);
}

TEST_F(process_pool, says_so_when_it_is_made_beside_threads) {
  sem_t end;
  ::sem_init(&end, 0, 0);
  std::thread other([&] { wait_for(end); });
  {
    ProcessPoolExecutor pool({.max_workers = 1});
  }
  ::sem_post(&end);
  other.join();
  const std::vector<std::string> logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], ::testing::StartsWith("RuntimeWarning: This process (pid=" +
                                             std::to_string(::getpid()) + ") is multi-threaded"));
}

// --- shutdown -----------------------------------------------------------------------------------

// As CPython's ExecutorShutdownTest.test_run_after_shutdown.
TEST_F(process_pool, takes_no_work_after_shutdown_and_shutdown_may_come_again) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto future = pool.submit(add, 1, 2);
  pool.shutdown();
  EXPECT_TRUE(future.done());
  EXPECT_EQ(future.result(), 3);
  EXPECT_EQ(thrown_by([&] { return pool.submit(add, 1, 2); }),
            "RuntimeError: cannot schedule new futures after shutdown");
  pool.shutdown();
  ProcessPoolExecutor unused;
  unused.shutdown();
  EXPECT_EQ(thrown_by([&] { return unused.submit(add, 1, 2); }),
            "RuntimeError: cannot schedule new futures after shutdown");
}

// As CPython's ExecutorShutdownTest.test_cancel_futures.
// Fault P4
TEST_F(process_pool, shutdown_may_cancel_what_has_not_begun) {
  ProcessPoolExecutor pool({.max_workers = 1});
  auto running = pool.submit(wait_in_worker, 5);
  std::vector<concurrent::Future<int>> waiting;
  for (int i = 0; i < 50; ++i) waiting.push_back(pool.submit(twice, i));
  wait_for(shared->begun);
  pool.shutdown({.wait = false, .cancel_futures = true});
  for (const auto& future : waiting) EXPECT_TRUE(future.cancelled());
  ::sem_post(&shared->release);
  EXPECT_EQ(running.result(), 5);
  until_no_child_is_left();
}

// Fault P4
TEST_F(process_pool, shutdown_need_not_wait_and_all_is_done_all_the_same) {
  std::optional<ProcessPoolExecutor> pool(std::in_place,
                                          concurrent::ProcessPoolOptions{.max_workers = 1});
  auto future = pool->submit(wait_in_worker, 5);
  auto next = pool->submit(twice, 4);
  pool->shutdown({.wait = false});
  pool.reset();  // does not wait either
  EXPECT_FALSE(future.done());
  ::sem_post(&shared->release);
  EXPECT_EQ(future.result(), 5);
  EXPECT_EQ(next.result(), 8);
  // The thread that nobody joins ends after its last process.
  until_no_child_is_left();
}

TEST_F(process_pool, a_callback_may_submit_more_and_drop_the_pool) {
  auto pool =
      std::make_shared<ProcessPoolExecutor>(concurrent::ProcessPoolOptions{.max_workers = 1});
  concurrent::Future<int> second;
  sem_t done;
  ::sem_init(&done, 0, 0);
  pool->submit(twice, 1).add_done_callback([&, pool](const concurrent::Future<int>& first) mutable {
    pool->submit(twice, first.result()).add_done_callback([&](const concurrent::Future<int>& last) {
      second.set_result(last.result());
      ::sem_post(&done);
    });
  });
  wait_for(done);
  EXPECT_EQ(second.result(), 4);
}

// Fault P4
TEST_F(process_pool, its_workers_can_be_ended_whatever_they_do) {
  for (const bool kill : {false, true}) {
    ProcessPoolExecutor pool({.max_workers = 1});
    auto stuck = pool.submit(wait_in_worker, 1);
    auto waiting = pool.submit(twice, 1);
    wait_for(shared->begun);
    kill ? pool.kill_workers() : pool.terminate_workers();
    EXPECT_EQ(thrown_by([&] { return stuck.result(); }), kTerminated);
    EXPECT_EQ(thrown_by([&] { return waiting.result(); }), kTerminated);
    EXPECT_EQ(thrown_by([&] { return pool.submit(twice, 1); }), kNotUsable);
  }
}

// --- in a loop ----------------------------------------------------------------------------------

// Rule 2.54
TEST_F(process_pool, a_loop_takes_it_as_an_executor) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EventLoop loop;
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(pool, add, 1, 2)), 3);
  EXPECT_EQ(thrown_by([&] {
              return loop.run_until_complete(loop.run_in_executor(pool, fail_at_three, 3));
            }),
            "ValueError: three");
  loop.close();
}

// Rule 2.54
TEST_F(process_pool, cancelling_the_loops_future_cancels_what_has_not_begun) {
  ProcessPoolExecutor pool({.max_workers = 1});
  EventLoop loop;
  Future<int> running = loop.run_in_executor(pool, wait_in_worker, 1);
  Future<> waiting = loop.run_in_executor(pool, [] { shared->numbers[0] = 1; });
  wait_for(shared->begun);
  waiting.cancel();
  loop.stop();
  loop.run_forever();
  ::sem_post(&shared->release);
  EXPECT_EQ(loop.run_until_complete(running), 1);
  pool.shutdown();
  EXPECT_EQ(shared->numbers[0], 0);
  loop.close();
}

// Rule 2.62
TEST_F(process_pool, a_function_may_run_a_loop_of_its_own_even_when_the_pool_was_made_in_one) {
  EventLoop loop;
  const int answer = loop.run_until_complete([](EventLoop& outer) -> Coro<int> {
    ProcessPoolExecutor pool({.max_workers = 1});
    Future<int> future = outer.run_in_executor(pool, [] {
      EventLoop inner;
      const int value = inner.run_until_complete([]() -> Coro<int> {
        co_await asyncio::sleep(0s);
        co_return 42;
      }());
      inner.close();
      return value;
    });
    co_return co_await future;
  }(loop));
  EXPECT_EQ(answer, 42);
  loop.close();
}

}  // namespace
}  // namespace asyncio::test
