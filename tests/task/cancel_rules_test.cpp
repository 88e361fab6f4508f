// CPython's cases of cancel() and uncancel() that are little programs of their own.
#include <string>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using cancel_rules = LoopTest;

Coro<> turn() { co_await sleep(0s); }

// CPython: test_tasks::BaseTaskTests::test_cancel_yield
TEST_F(cancel_rules, a_task_that_only_yields_is_cancelled_at_its_next_turn) {
  run([]() -> Coro<> {
    auto yields = []() -> Coro<int> {
      co_await turn();
      co_await turn();
      co_return 12;
    };
    Task<int> task = create_task(yields);
    co_await turn();
    EXPECT_TRUE(task.cancel());
    Result<int> result = co_await try_(task);
    EXPECT_EQ(describe(result.exception()), "CancelledError");
    EXPECT_TRUE(task.done() && task.cancelled());
    EXPECT_FALSE(task.cancel());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_cancel_task_ignoring
// Rule 2.18
TEST_F(cancel_rules, one_that_ignores_it_goes_on_to_its_next_await) {
  run([]() -> Coro<> {
    Future<> first = create_future();
    Future<> second = create_future();
    Future<int> third = create_future<int>();
    auto body = [&]() -> Coro<int> {
      co_await first;
      (void)co_await try_(second);
      co_return co_await third;
    };
    Task<int> task = create_task(body);
    co_await turn();
    first.set_result();
    co_await turn();
    EXPECT_TRUE(task.cancel());
    EXPECT_TRUE(second.cancelled());
    co_await turn();
    EXPECT_FALSE(third.cancelled());
    third.set_result(42);
    EXPECT_EQ(co_await task, 42);
    EXPECT_FALSE(second.cancel());
    EXPECT_FALSE(task.cancelled());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_cancelling
// Rule 2.18
TEST_F(cancel_rules, cancelling_counts_the_requests_and_shows_in_the_repr) {
  run([]() -> Coro<> {
    Task<> task = create_task(sleep(10s));
    co_await turn();
    EXPECT_EQ(task.cancelling(), 0U);
    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.cancelling(), 1U);
    EXPECT_THAT(task.repr(), ::testing::StartsWith("<Task cancelling "));
    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.cancelling(), 2U);
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
    EXPECT_THAT(task.repr(), ::testing::StartsWith("<Task cancelled "));
  }());
}

struct Request {
  std::chrono::milliseconds takes;
  std::chrono::milliseconds timeout;
  bool finished = false;
  bool timed_out = false;
  bool outer_code_ran = false;
};

// A timeout as a program would write it with cancel() and uncancel().
Coro<> make_request(Request& request) {
  const AnyTask self = current_task();
  TimerHandle timer = detail::running_scheduler().call_later(request.timeout, [&request, self] {
    request.timed_out = true;
    self.cancel();
  });
  auto block = [](Request& of) -> Coro<> {
    co_await sleep(of.takes);
    of.finished = true;
  };
  Result<void> result = co_await try_(block(request));
  timer.cancel();
  const bool own = request.timed_out && self.uncancel() == 0;
  if (!result.ok() && !own) co_await raise(result.exception());
  request.outer_code_ran = true;
  co_await sleep(5ms);
}

// CPython: test_tasks::BaseTaskTests::test_uncancel_structured_blocks
// Rule 2.18
TEST_F(cancel_rules, uncancel_tells_a_block_whether_the_cancellation_was_its_own) {
  run([]() -> Coro<> {
    Request quick{.takes = 10ms, .timeout = 1s};
    co_await create_task(make_request(quick));
    EXPECT_TRUE(quick.finished && quick.outer_code_ran);
    EXPECT_FALSE(quick.timed_out);

    Request slow{.takes = 10s, .timeout = 1s};
    Task<> in_time = create_task(make_request(slow));
    co_await in_time;
    EXPECT_TRUE(slow.timed_out && slow.outer_code_ran);
    EXPECT_FALSE(slow.finished);
    EXPECT_EQ(in_time.cancelling(), 0U);

    Request cancelled{.takes = 10s, .timeout = 20s};
    Task<> from_outside = create_task(make_request(cancelled));
    co_await sleep(100ms);
    from_outside.cancel();
    Result<void> result = co_await try_(from_outside);
    EXPECT_EQ(describe(result.exception()), "CancelledError");
    EXPECT_FALSE(cancelled.timed_out || cancelled.outer_code_ran);
    EXPECT_EQ(from_outside.cancelling(), 1U);
  }());
}

}  // namespace
}  // namespace asyncio::test
