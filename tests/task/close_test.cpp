// What becomes of tasks that are pending when their loop closes.
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using pending_at_close = LoopTest;

Coro<> for_ever() { co_await sleep(std::chrono::hours(1)); }

// CPython: test_tasks::BaseTaskTests::test_log_destroyed_pending_task
TEST_F(pending_at_close, a_task_is_reported_and_destroyed_with_its_locals) {
  Trace trace;
  auto body = [](Trace& out, Noted) -> Coro<> {
    const Noted local(out, "local");
    co_await sleep(1h);
  };
  Task<> task = loop().create_task(body(trace, Noted(trace, "argument")), {.name = "left"});
  run(sleep(0s));
  close_loop();
  EXPECT_EQ(trace, (Trace{"~local", "~argument"}));
  EXPECT_TRUE(task.cancelled());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Task was destroyed but it is pending!\n"
                                              "future: <Task pending name='left' coro=<"));
}

TEST_F(pending_at_close, one_that_never_began_is_reported_once) {
  Trace trace;
  auto body = [](Noted) -> Coro<> { co_return; };
  (void)loop().create_task(body(Noted(trace, "argument")));
  close_loop();
  EXPECT_EQ(trace, (Trace{"~argument"}));
  EXPECT_EQ(take_logs().size(), 1U);
}

// Each of these wakes the other when it goes, in one order of creation or the other.
TEST_F(pending_at_close, tasks_that_await_each_other_go_in_any_order) {
  for (const bool child_first : {true, false}) {
    auto own = std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
    Task<> child;
    auto parent = [&child]() -> Coro<> { co_await child; };
    if (child_first) child = own->create_task(for_ever());
    Task<> waiter = own->create_task(parent);
    if (!child_first) child = own->create_task(for_ever());
    own->run_until_complete(sleep(1ms));
    waiter = Task<>();
    child = Task<>();
    own->close();
    EXPECT_EQ(take_logs().size(), 2U);
  }
}

TEST_F(pending_at_close, every_kind_of_wait_lets_go_of_what_it_holds) {
  Future<int> future = loop().create_future<int>();
  Task<> child = loop().create_task(for_ever());
  auto awaits_future = [&]() -> Coro<> { (void)co_await future; };
  auto gathers = [&]() -> Coro<> { co_await gather(child, for_ever(), for_ever()); };
  auto waits = [&]() -> Coro<> {
    (void)co_await wait(std::vector<Task<>>(2, child), {.timeout = 10s});
  };
  auto in_time = [&]() -> Coro<> { co_await wait_for(child, 10s); };
  auto in_block = [&]() -> Coro<> { co_await with(timeout(5s), [] { return for_ever(); }); };
  (void)loop().create_task(awaits_future);
  (void)loop().create_task(gathers);
  (void)loop().create_task(waits);
  (void)loop().create_task(in_time);
  (void)loop().create_task(in_block);
  child.add_done_callback([](AnyFuture) { ADD_FAILURE() << "called by a closed loop"; });
  run(sleep(1ms));
  close_loop();
  EXPECT_EQ(take_logs().size(), 8U);
}

TEST_F(pending_at_close, a_destructor_may_settle_what_others_wait_for) {
  Future<int> future = loop().create_future<int>();
  struct Settles {
    explicit Settles(Future<int> of) : future(std::move(of)) {}
    Settles(Settles&& other) noexcept : future(std::exchange(other.future, {})) {}
    ~Settles() {
      if (future) future.set_result(1);
    }
    Future<int> future;
  };
  auto holds = [](Settles) -> Coro<> { co_await sleep(1h); };
  auto awaits = [](Future<int> on) -> Coro<> { (void)co_await on; };
  (void)loop().create_task(holds(Settles(future)));
  (void)loop().create_task(awaits(future));
  run(sleep(1ms));
  close_loop();
  EXPECT_EQ(take_logs().size(), 2U);
}

TEST_F(pending_at_close, a_handle_that_outlives_the_loop_tells_that_it_was_cancelled) {
  Task<> task;
  {
    EventLoop own(std::make_unique<VirtualBackend>());
    task = own.create_task(for_ever());
    own.run_until_complete(sleep(1ms));
    own.close();
  }
  EXPECT_TRUE(task.done() && task.cancelled());
  EXPECT_FALSE(task.cancel());
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(pending_at_close, a_failed_task_whose_handle_outlives_the_loop_is_dropped_in_silence) {
  Task<> task;
  {
    EventLoop own(std::make_unique<VirtualBackend>());
    auto fails = []() -> Coro<> { co_await raise<ValueError>("x"); };
    task = own.create_task(fails());
    own.run_until_complete(sleep(1ms));
    own.close();
  }
  task = Task<>();
}

// In Python set_result() throws "Event loop is closed" then, half done.
TEST_F(pending_at_close, callbacks_of_a_future_that_outlives_the_loop_are_dropped) {
  Future<int> of_closed = loop().create_future<int>();
  of_closed.add_done_callback([](AnyFuture) { ADD_FAILURE() << "called by a closed loop"; });
  close_loop();
  of_closed.set_result(1);
  EXPECT_EQ(of_closed.result(), 1);
  Future<int> of_gone;
  {
    EventLoop own(std::make_unique<VirtualBackend>());
    of_gone = own.create_future<int>();
    of_gone.add_done_callback([](AnyFuture) { ADD_FAILURE() << "called by no loop"; });
  }
  of_gone.set_exception(ValueError("x"));
}

}  // namespace
}  // namespace asyncio::test
