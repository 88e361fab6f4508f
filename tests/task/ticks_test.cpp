// How many turns of the loop each operation takes, from just before the await to just after, with
// no other work. Where the numbers come from: CPython 3.15 (the reference's table), and 3.11 run
// for this test, which gives the same where both know the operation.
#include "asyncio/coro/with.hpp"
#include "asyncio/task/as_completed.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/shield.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using ticks = LoopTest;

Coro<int> trivial() { co_return 1; }
Coro<int> fails() {
  co_await raise<ValueError>("x");
  co_return 0;
}
Coro<> one_turn() { co_await sleep(0s); }
Coro<> for_ever() { co_await sleep(std::chrono::hours(1)); }

Future<int> done_future() {
  auto future = create_future<int>();
  future.set_result(1);
  return future;
}
template <class T>
std::vector<Task<T>> one(Task<T> task) {
  return {task};
}

TEST_F(ticks, what_is_ready_takes_none) {
  EXPECT_EQ(passes([] { return trivial(); }), 0U);
  EXPECT_EQ(passes([] { return done_future(); }), 0U);
  EXPECT_EQ(passes([] { return gather(std::vector<Coro<>>()); }), 0U);
  EXPECT_EQ(passes([] { return gather(done_future(), done_future()); }), 0U);
  EXPECT_EQ(passes([] { return create_task(trivial(), {.eager_start = true}); }), 0U);
  EXPECT_EQ(passes([] { return wait_for(trivial(), 1s); }), 0U);
  EXPECT_EQ(passes([] { return wait_for(done_future(), 0s); }), 0U);
}

TEST_F(ticks, sleep) {
  EXPECT_EQ(passes([] { return sleep(0s); }), 1U);
  EXPECT_EQ(passes([] { return sleep(-1s); }), 1U);
  EXPECT_EQ(passes([] { return sleep(1ms); }), 2U);
}

TEST_F(ticks, a_task) {
  EXPECT_EQ(passes([] { return create_task(trivial()); }), 2U);
  EXPECT_EQ(passes([] { return create_task(one_turn()); }), 3U);
  EXPECT_EQ(passes([] { return create_task(fails()); }), 2U);
}

TEST_F(ticks, gather) {
  EXPECT_EQ(passes([] { return gather(trivial()); }), 3U);
  EXPECT_EQ(passes([] { return gather(trivial(), trivial()); }), 3U);
  EXPECT_EQ(passes([] { return gather(one_turn()); }), 4U);
  EXPECT_EQ(passes([] { return gather(fails(), for_ever()); }), 3U);
  EXPECT_EQ(passes([] { return gather(return_exceptions, fails()); }), 3U);
  detail::cancel_and_join_all(scheduler());
}

TEST_F(ticks, task_group) {
  const auto group_of = [](auto... children) {
    return [=] {
      auto block = [=](TaskGroup& tg) -> Coro<> {
        (tg.create_task(children()), ...);
        co_return;
      };
      return with(TaskGroup{}, block);
    };
  };
  EXPECT_EQ(passes(group_of()), 0U);
  EXPECT_EQ(passes(group_of(trivial)), 3U);
  EXPECT_EQ(passes(group_of(trivial, one_turn)), 4U);
  EXPECT_EQ(passes(group_of(fails)), 3U);
  EXPECT_EQ(passes(group_of(fails, for_ever)), 5U);
}

TEST_F(ticks, shield_and_as_completed) {
  EXPECT_EQ(passes([] { return shield(trivial()); }), 3U);
  EXPECT_EQ(passes([] { return shield(done_future()); }), 0U);
  EXPECT_EQ(passes([]() -> Coro<> {
              std::vector<Coro<int>> two;
              two.push_back(trivial());
              two.push_back(trivial());
              for (auto next : as_completed(std::move(two))) (void)co_await next;
            }),
            3U);
}

TEST_F(ticks, wait) {
  EXPECT_EQ(passes([] { return asyncio::wait(std::vector{done_future()}); }), 2U);
  EXPECT_EQ(passes([] { return asyncio::wait(one(create_task(trivial()))); }), 3U);
  EXPECT_EQ(passes([] { return asyncio::wait(one(create_task(for_ever())), {.timeout = 0s}); }),
            2U);
  EXPECT_EQ(passes([] {
              std::vector<AnyTask> tasks;
              tasks.push_back(create_task(fails()));
              tasks.push_back(create_task(for_ever()));
              return asyncio::wait(tasks, {.return_when = FIRST_EXCEPTION});
            }),
            3U);
  detail::cancel_and_join_all(scheduler());
}

TEST_F(ticks, timeout_and_wait_for) {
  EXPECT_EQ(passes([] { return with(timeout(0s), [] { return one_turn(); }); }), 1U);
  EXPECT_EQ(passes([] { return with(timeout(0s), [] { return for_ever(); }); }), 2U);
  EXPECT_EQ(passes([] {
              return with(timeout(10ms), []() -> Coro<> { co_await create_task(for_ever()); });
            }),
            4U);
  EXPECT_EQ(passes([] { return wait_for(trivial(), 0s); }), 3U);
}

// Turns from cancel() to the end of an await of the task.
template <class F>
std::uint64_t turns_to_cancel(EventLoop& loop, F body, int turns_before) {
  return loop.run_until_complete([](Scheduler& of, F make, int before) -> Coro<std::uint64_t> {
    auto task = create_task(make);
    for (int i = 0; i < before; ++i) co_await one_turn();
    const auto start = of.turns();
    task.cancel();
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
    co_return of.turns() - start;
  }(loop.scheduler(), body, turns_before));
}

TEST_F(ticks, cancel_and_join) {
  const auto sleeps = [] { return for_ever(); };
  const auto two_levels = []() -> Coro<> { co_await create_task(for_ever()); };
  const auto gathers = []() -> Coro<> { co_await gather(for_ever(), for_ever()); };
  EXPECT_EQ(turns_to_cancel(loop(), sleeps, 2), 2U);
  EXPECT_EQ(turns_to_cancel(loop(), sleeps, 0), 2U);
  EXPECT_EQ(turns_to_cancel(loop(), two_levels, 3), 3U);
  EXPECT_EQ(turns_to_cancel(loop(), gathers, 3), 4U);
}

TEST_F(ticks, a_task_that_cancels_itself) {
  const auto then = [](auto what) {
    return [what]() -> Task<> {
      auto body = [what]() -> Coro<> {
        current_task().cancel();
        co_await what();
      };
      return create_task(body);
    };
  };
  EXPECT_EQ(passes(then([] { return one_turn(); })), 3U);
  EXPECT_EQ(passes(then([] { return create_future<void>(); })), 3U);
  EXPECT_EQ(passes(then([] { return create_task(for_ever()); })), 4U);
}

TEST_F(ticks, a_future_that_is_set_wakes_its_task_in_the_next_turn) {
  run([](Scheduler& of) -> Coro<> {
    Future<> future = create_future();
    auto body = [future]() -> Coro<> { co_await future; };
    Task<> task = create_task(body);
    co_await one_turn();
    const auto before = of.turns();
    future.set_result();
    co_await task;
    EXPECT_EQ(of.turns() - before, 2U);
  }(scheduler()));
}

}  // namespace
}  // namespace asyncio::test
