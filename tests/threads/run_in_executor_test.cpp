// run_in_executor(), the default executor, its shutdown, and wrap_future().
#include "asyncio/threads/run_in_executor.hpp"

#include <latch>
#include <thread>

#include "asyncio/run/runner.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "support/scripted_threads.hpp"
#include "support/socket_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using concurrent::ThreadPoolExecutor;

using run_in_executor = SocketTest;
using default_executor = ScriptedThreadsTest;
using executor_of_a_simulated_loop = LoopTest;  // on real threads
using wrap_future_ = SocketTest;

std::thread::id this_thread() { return std::this_thread::get_id(); }

// --- on real threads ----------------------------------------------------------------------------

TEST_F(run_in_executor, gives_a_future_of_the_result) {
  Future<int> sum = loop().run_in_executor(nullptr, [](int a, int b) { return a + b; }, 1, 2);
  EXPECT_EQ(run(sum), 3);
  Future<> failed = loop().run_in_executor(nullptr, [] { throw ValueError("there"); });
  EXPECT_EQ(thrown_by([&] { run(failed); }), "ValueError: there");
  EXPECT_NE(run(loop().run_in_executor(nullptr, this_thread)), this_thread());
}

TEST_F(run_in_executor, takes_an_executor_of_the_programs_own) {
  ThreadPoolExecutor pool({.max_workers = 1});
  const std::thread::id worker = pool.submit(this_thread).result();
  EXPECT_EQ(run(loop().run_in_executor(pool, this_thread)), worker);
  EXPECT_EQ(run(loop().run_in_executor(&pool, this_thread)), worker);
  EXPECT_NE(run(loop().run_in_executor(nullptr, this_thread)), worker);
}

TEST_F(run_in_executor, the_default_executor_can_be_set_and_serves_to_thread_too) {
  auto pool = std::make_shared<ThreadPoolExecutor>(concurrent::ThreadPoolOptions{.max_workers = 1});
  const std::thread::id worker = pool->submit(this_thread).result();
  loop().set_default_executor(pool);
  EXPECT_EQ(run(loop().run_in_executor(nullptr, this_thread)), worker);
  EXPECT_EQ(run(to_thread(this_thread)), worker);
}

TEST_F(run_in_executor, moves_results_that_cannot_be_copied) {
  auto make = [] { return std::make_unique<int>(6); };
  EXPECT_EQ(*run(loop().run_in_executor(nullptr, make)), 6);
}

// CPython: test_events::EventLoopTestsMixin::test_run_in_executor_cancel
// Rule 2.54
TEST_F(run_in_executor, a_result_that_comes_after_the_loop_was_closed_is_dropped) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch begun(1);
  std::latch release(1);
  Future<> future = loop().run_in_executor(pool, [&] {
    begun.count_down();
    release.wait();
  });
  begun.wait();
  future.cancel();
  turn(2);
  loop().close();
  release.count_down();
  pool.shutdown();  // nothing complains that the loop is closed
  EXPECT_TRUE(future.cancelled());
}

// Rule 2.54
TEST_F(run_in_executor, cancelled_before_its_turn_the_function_never_runs) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch release(1);
  std::atomic<bool> ran{false};
  Future<> first = loop().run_in_executor(pool, [&] { release.wait(); });
  Future<> second = loop().run_in_executor(pool, [&] { ran = true; });
  second.cancel();
  turn();
  release.count_down();
  run(first);
  pool.shutdown();
  EXPECT_FALSE(ran);
}

TEST_F(run_in_executor, a_loop_that_closes_leaves_futures_of_threads_alone) {
  ThreadPoolExecutor pool({.max_workers = 1});
  std::latch release(1);
  Future<int> future = loop().run_in_executor(pool, [&] {
    release.wait();
    return 1;
  });
  loop().close();
  release.count_down();
  pool.shutdown();
  EXPECT_FALSE(future.done());
}

// CPython: test_base_events::BaseEventLoopTests::test_shutdown_default_executor_timeout
TEST_F(executor_of_a_simulated_loop, whose_shutdown_takes_too_long_warns_and_does_not_wait) {
  auto release = std::make_shared<std::latch>(1);  // the thread outlives this test's variables
  auto pool = std::make_shared<ThreadPoolExecutor>(concurrent::ThreadPoolOptions{.max_workers = 1});
  loop().set_default_executor(pool);
  Future<> stuck = loop().run_in_executor(nullptr, [release] { release->wait(); });
  run(loop().shutdown_default_executor(10ms));
  EXPECT_EQ(take_logs(),
            (std::vector<std::string>{"RuntimeWarning: The executor did not finishing joining its "
                                      "threads within 0.01 seconds."}));
  EXPECT_EQ(thrown_by([&] { pool->submit([] {}); }),
            "RuntimeError: cannot schedule new futures after shutdown");
  pool.reset();
  loop().close();
  release->count_down();
}

TEST_F(run_in_executor, the_shutdown_waits_for_all_threads_of_a_set_executor) {
  auto pool = std::make_shared<ThreadPoolExecutor>(concurrent::ThreadPoolOptions{.max_workers = 2});
  std::atomic<int> ended{0};
  for (int i = 0; i < 5; ++i) pool->submit([&] { ++ended; });  // not through the loop
  loop().set_default_executor(pool);
  run(loop().shutdown_default_executor());
  EXPECT_EQ(ended, 5);
}

TEST_F(run_in_executor, the_end_of_run_waits_for_work_that_nobody_awaits) {
  std::atomic<bool> ended{false};
  asyncio::run([](std::atomic<bool>& end) -> Coro<> {
    (void)get_running_loop().run_in_executor(nullptr, [&end] { end = true; });
    co_return;
  }(ended));
  EXPECT_TRUE(ended);
}

// --- with threads that the test runs ------------------------------------------------------------

TEST_F(default_executor, goes_through_the_backend_so_that_a_test_decides_what_threads_do) {
  Future<int> future = loop().run_in_executor(nullptr, [] { return 4; });
  turn(3);
  EXPECT_FALSE(future.done());
  EXPECT_EQ(threads().waiting(), 1U);
  finish_one();
  EXPECT_EQ(loop().run_until_complete(future), 4);
}

// Rule 2.54
TEST_F(default_executor, what_was_cancelled_before_its_thread_came_never_runs) {
  Trace trace;
  Future<> future = loop().run_in_executor(nullptr, [&] { trace("executor"); });
  Task<> task = loop().create_task(to_thread([&] { trace("to_thread"); }));
  turn();
  ASSERT_EQ(threads().waiting(), 2U);
  future.cancel();
  task.cancel();
  turn(2);
  EXPECT_TRUE(task.cancelled());
  finish_one();
  finish_one();
  turn(2);
  EXPECT_EQ(trace, Trace());
}

TEST_F(default_executor, its_shutdown_waits_for_what_it_does_and_refuses_new_work) {
  Future<int> before = loop().run_in_executor(nullptr, [] { return 1; });
  Task<> shutdown = loop().create_task(loop().shutdown_default_executor());
  turn(3);
  EXPECT_FALSE(shutdown.done());
  const std::string refused = "RuntimeError: Executor shutdown has been called";
  EXPECT_EQ(thrown_by([&] { (void)loop().run_in_executor(nullptr, [] {}); }), refused);
  EXPECT_EQ(thrown_by([&] { loop().run_until_complete(to_thread([] {})); }), refused);
  finish_one();
  loop().run_until_complete(shutdown);
  EXPECT_EQ(before.result(), 1);
}

TEST_F(default_executor, its_shutdown_has_a_timeout) {
  Future<> stuck = loop().run_in_executor(nullptr, [] {});
  const Nanoseconds start = loop().time();
  loop().run_until_complete(loop().shutdown_default_executor(300s));
  EXPECT_EQ(loop().time() - start, 300s);
  EXPECT_EQ(take_logs(),
            (std::vector<std::string>{"RuntimeWarning: The executor did not finishing joining its "
                                      "threads within 300 seconds."}));
  EXPECT_TRUE(threads().abandoned());
}

TEST_F(default_executor, without_work_its_shutdown_takes_no_time) {
  loop().run_until_complete(loop().shutdown_default_executor());
  loop().run_until_complete(loop().shutdown_default_executor());
  EXPECT_EQ(thrown_by([&] { (void)loop().run_in_executor(nullptr, [] {}); }),
            "RuntimeError: Executor shutdown has been called");
  // One of the program's own still serves.
  ThreadPoolExecutor pool;
  Future<int> future = loop().run_in_executor(pool, [] { return 2; });
  EXPECT_EQ(pool.submit([] { return 3; }).result(), 3);
  pool.shutdown();
  EXPECT_EQ(loop().run_until_complete(future), 2);
}

TEST_F(default_executor, work_that_a_closing_loop_never_began_is_dropped) {
  Trace trace;
  Future<> future = loop().run_in_executor(
      nullptr, [&, noted = std::make_shared<Noted>(trace, "held")] { trace("ran"); });
  loop().close();
  EXPECT_EQ(trace, (Trace{"~held"}));
  EXPECT_FALSE(future.done());
}

TEST_F(default_executor, a_closed_loop_refuses) {
  loop().close();
  EXPECT_EQ(thrown_by([&] { (void)loop().run_in_executor(nullptr, [] {}); }),
            "RuntimeError: Event loop is closed");
}

// --- wrap_future --------------------------------------------------------------------------------

// CPython: test_futures::BaseFutureTests::test_wrap_future
TEST_F(wrap_future_, settles_as_the_concurrent_one_does) {
  const concurrent::Future<std::string> source;
  std::thread other;
  EXPECT_EQ(run([](auto from, std::thread& thread) -> Coro<std::string> {
              Future<std::string> future = wrap_future(from);
              thread = std::thread([from] { from.set_result("there"); });
              co_return co_await future;
            }(source, other)),
            "there");
  other.join();
}

// CPython: test_futures::BaseFutureTests::test_wrap_future_future
TEST_F(wrap_future_, leaves_a_future_of_the_loop_as_it_is) {
  const Future<int> future = loop().create_future<int>();
  EXPECT_EQ(wrap_future(future), future);
}

// CPython: test_futures::BaseFutureTests::test_wrap_future_cancel
TEST_F(wrap_future_, cancelling_it_cancels_the_concurrent_one) {
  const concurrent::Future<> source;
  Future<> future = detail::wrap_future(scheduler(), source);
  future.cancel();
  turn();
  EXPECT_TRUE(source.cancelled());
}

// CPython: test_futures::BaseFutureTests::test_wrap_future_cancel2
TEST_F(wrap_future_, after_the_concurrent_one_is_done_cancelling_changes_nothing_there) {
  const concurrent::Future<int> source;
  Future<int> future = detail::wrap_future(scheduler(), source);
  source.set_result(42);
  future.cancel();
  turn(2);
  EXPECT_EQ(source.result(), 42);
  EXPECT_TRUE(future.cancelled());
}

TEST_F(wrap_future_, a_cancelled_concurrent_one_is_a_cancelled_future) {
  const concurrent::Future<> source;
  Future<> future = detail::wrap_future(scheduler(), source);
  source.cancel();
  turn();
  EXPECT_TRUE(future.cancelled());
}

TEST_F(wrap_future_, exceptions_of_concurrent_futures_become_the_loops_own) {
  const concurrent::Future<> cancelled;
  Future<> first = detail::wrap_future(scheduler(), cancelled);
  cancelled.set_exception(concurrent::CancelledError());
  EXPECT_EQ(thrown_by([&] { run(first); }), "CancelledError");
  const concurrent::Future<> invalid;
  Future<> second = detail::wrap_future(scheduler(), invalid);
  invalid.set_exception(concurrent::InvalidStateError("state"));
  EXPECT_EQ(thrown_by([&] { run(second); }), "InvalidStateError: state");
}

TEST_F(wrap_future_, one_that_never_settles_is_let_go_with_the_loop) {
  const concurrent::Future<> source;
  {
    Future<> future = detail::wrap_future(scheduler(), source);
    loop().close();
    EXPECT_FALSE(future.done());
  }
  source.set_result();
}

}  // namespace
}  // namespace asyncio::test
