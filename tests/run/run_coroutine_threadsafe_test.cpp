// run_coroutine_threadsafe() and task.remote(): other threads, and a real loop.
#include "asyncio/run/run_coroutine_threadsafe.hpp"

#include <latch>
#include <thread>

#include "asyncio/task/sleep.hpp"
#include "support/socket_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

class threadsafe : public SocketTest {
 protected:
  threadsafe() { let_blocks_migrate(); }
  /// Runs `work()` in another thread, and the loop until that has ended.
  template <class F>
  auto in_thread(F work) {
    return run(loop().run_in_executor(nullptr, std::move(work)));
  }
};
using remote_task = threadsafe;

Coro<int> add(int a, int b) {
  co_await sleep(0s);
  co_return a + b;
}
Coro<int> fail() {
  co_await sleep(0s);
  throw RuntimeError("Fail!");
}
Coro<> for_ever() { co_await sleep(1h); }

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe
TEST_F(threadsafe, a_coroutines_result_comes_back_to_the_thread) {
  EXPECT_EQ(in_thread([&] { return run_coroutine_threadsafe(add(1, 2), loop()).result(); }), 3);
}

TEST_F(threadsafe, takes_functions_that_make_coroutines_and_other_awaitables) {
  auto make = [] { return add(3, 4); };
  EXPECT_EQ(in_thread([&] { return run_coroutine_threadsafe(make, loop()).result(); }), 7);
  in_thread([&] { run_coroutine_threadsafe(sleep(0s), loop()).result(); });
}

TEST_F(threadsafe, a_result_that_cannot_be_copied_is_moved) {
  auto make = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(6); };
  EXPECT_EQ(*in_thread([&] { return run_coroutine_threadsafe(make(), loop()).result(); }), 6);
}

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe_with_exception
TEST_F(threadsafe, so_does_its_exception) {
  EXPECT_EQ(in_thread([&] {
              return thrown_by([&] { return run_coroutine_threadsafe(fail(), loop()).result(); });
            }),
            "RuntimeError: Fail!");
}

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe_with_timeout
TEST_F(threadsafe, a_thread_that_gives_up_can_cancel_the_task) {
  EXPECT_EQ(in_thread([&] {
              auto future = run_coroutine_threadsafe(for_ever(), loop());
              const std::string thrown = thrown_by([&] { future.result(0s); });
              future.cancel();
              return thrown;
            }),
            "TimeoutError");
  turn(3);
  EXPECT_EQ(all_tasks(scheduler()).size(), 0U);
}

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe_task_cancelled
// Rule 2.63
TEST_F(threadsafe, a_task_that_is_cancelled_cancels_the_future) {
  EXPECT_EQ(in_thread([&] {
              auto cancels = []() -> Coro<> {
                current_task().cancel();
                co_await sleep(1h);
              };
              return thrown_by([&] { run_coroutine_threadsafe(cancels(), loop()).result(); });
            }),
            "concurrent::CancelledError");
}

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe_and_cancel
// Rule 2.63
TEST_F(threadsafe, cancelling_the_future_cancels_the_task_in_its_loop) {
  Trace trace;
  std::latch begun(1);
  std::optional<concurrent::Future<>> future;
  in_thread([&] {
    auto waits = [](Trace& out, std::latch& started) -> Coro<> {
      const std::thread::id loop_thread = std::this_thread::get_id();
      started.count_down();
      Result<void> slept = co_await try_(sleep(1h));
      EXPECT_EQ(std::this_thread::get_id(), loop_thread);
      out(describe(slept.exception()));
      co_await raise(slept.exception());
    };
    future = run_coroutine_threadsafe(waits(trace, begun), loop());
    begun.wait();
    EXPECT_TRUE(future->cancel());
    EXPECT_TRUE(future->cancelled());
  });
  turn(3);
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
  EXPECT_EQ(all_tasks(scheduler()).size(), 0U);
}

TEST_F(threadsafe, cancelled_before_the_loop_came_to_it_the_coroutine_never_runs) {
  auto future = run_coroutine_threadsafe(
      []() -> Coro<> {
        ADD_FAILURE();
        co_return;
      },
      loop());
  future.cancel();
  turn(3);
  EXPECT_EQ(all_tasks(scheduler()).size(), 0U);
}

// CPython: test_tasks::RunCoroutineThreadsafeTests::test_run_coroutine_threadsafe_task_factory_exception
// Rule 2.63
TEST_F(threadsafe, a_task_that_cannot_be_made_is_an_exception_in_both_places) {
  std::string reported;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
    reported = context.message + ": " + describe(context.exception);
  });
  loop().set_task_factory(
      [](EventLoop&, FactoryCoro&, const TaskOptions&) -> AnyTask { throw ValueError("factory"); });
  auto future = run_coroutine_threadsafe(add(1, 2), loop());
  turn();
  loop().set_task_factory(nullptr);
  EXPECT_EQ(thrown_by([&] { return future.result(0s); }), "ValueError: factory");
  EXPECT_EQ(reported, "Exception in callback: ValueError: factory");
  take_logs();  // the coroutine was never awaited
}

// Rule 2.63
TEST_F(threadsafe, a_loop_that_closes_first_cancels_the_future) {
  std::optional<concurrent::Future<int>> unseen;
  auto begun = run_coroutine_threadsafe(for_ever(), loop());
  turn(2);
  unseen = run_coroutine_threadsafe(add(1, 2), loop());
  loop().close();
  EXPECT_TRUE(begun.cancelled());
  EXPECT_TRUE(unseen->cancelled());
  EXPECT_EQ(thrown_by([&] { return unseen->result(); }), "concurrent::CancelledError");
  EXPECT_EQ(take_logs().size(), 2U);  // one pending task destroyed, one coroutine never awaited
}

TEST_F(threadsafe, a_closed_loop_refuses) {
  loop().close();
  EXPECT_EQ(thrown_by([&] { run_coroutine_threadsafe(add(1, 2), loop()); }),
            "RuntimeError: Event loop is closed");
  take_logs();  // the coroutine was never awaited
}

// CPython: test_free_threading::TestFreeThreading::test_run_coroutine_threadsafe
// CPython: test_free_threading::TestFreeThreading::test_run_coroutine_threadsafe_exception
TEST_F(threadsafe, many_threads_share_one_loop) {
  constexpr int kEach = 50;
  std::atomic<int> sum{0};
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  std::latch ended(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        sum += run_coroutine_threadsafe(add(i, 1), loop()).result();
        if (run_coroutine_threadsafe(fail(), loop()).exception() != nullptr) ++failures;
      }
      ended.count_down();
    });
  }
  in_thread([&] { ended.wait(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 4 * kEach * (kEach + 1) / 2);
  EXPECT_EQ(failures, 4 * kEach);
}

// --- task.remote() ------------------------------------------------------------------------------

TEST_F(remote_task, another_thread_cancels_and_asks) {
  Task<> task = loop().create_task(for_ever());
  const RemoteTask remote = task.remote();
  turn();
  in_thread([remote] {
    EXPECT_FALSE(remote.done());
    EXPECT_TRUE(remote.cancel("from there"));
  });
  EXPECT_EQ(thrown_by([&] { run(task); }), "CancelledError: from there");
  EXPECT_TRUE(remote.done());
  EXPECT_FALSE(remote.cancel());
}

TEST_F(remote_task, may_outlive_its_task_and_its_loop) {
  RemoteTask ended = loop().create_task(add(1, 2)).remote();
  turn(2);
  EXPECT_TRUE(ended.done());
  RemoteTask pending = loop().create_task(for_ever()).remote();
  EXPECT_FALSE(pending.done());
  loop().close();
  take_logs();  // a pending task was destroyed
  std::thread([ended = std::move(ended), pending = std::move(pending)] {
    EXPECT_TRUE(ended.done() && pending.done());
    EXPECT_FALSE(pending.cancel());
  }).join();
  EXPECT_TRUE(RemoteTask().done());
}

TEST_F(remote_task, of_a_task_that_is_done_is_done) {
  Task<int> task = loop().create_task(add(1, 2));
  run(task);
  EXPECT_TRUE(task.remote().done());
}

}  // namespace
}  // namespace asyncio::test
