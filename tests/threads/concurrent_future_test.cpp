// concurrent::Future by hand: its states, and who hears of them.
#include "asyncio/threads/concurrent_future.hpp"

#include <thread>

#include "asyncio/threads/concurrent_wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using concurrent_future = QuietTest;
using concurrent_wait = QuietTest;

TEST_F(concurrent_future, goes_from_pending_to_running_to_finished) {
  const concurrent::Future<int> future;
  EXPECT_FALSE(future.running() || future.done() || future.cancelled());
  EXPECT_TRUE(future.set_running_or_notify_cancel());
  EXPECT_TRUE(future.running());
  EXPECT_FALSE(future.cancel());
  future.set_result(3);
  EXPECT_TRUE(future.done());
  EXPECT_FALSE(future.running() || future.cancelled() || future.cancel());
  EXPECT_EQ(future.result(), 3);
  EXPECT_EQ(future.result(), 3);
  EXPECT_EQ(future.exception(), nullptr);
}

TEST_F(concurrent_future, an_exception_is_given_or_thrown) {
  const concurrent::Future<int> future;
  future.set_exception(ValueError("no"));
  EXPECT_EQ(describe(future.exception()), "ValueError: no");
  EXPECT_EQ(thrown_by([&] { return future.result(); }), "ValueError: no");
}

TEST_F(concurrent_future, cancelled_while_pending_it_never_runs) {
  const concurrent::Future<> future;
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancel());
  EXPECT_TRUE(future.cancelled() && future.done());
  EXPECT_FALSE(future.set_running_or_notify_cancel());
  EXPECT_TRUE(future.cancelled());
  EXPECT_EQ(thrown_by([&] { future.result(); }), "concurrent::CancelledError");
  EXPECT_EQ(thrown_by([&] { (void)future.exception(); }), "concurrent::CancelledError");
}

TEST_F(concurrent_future, settles_once) {
  const concurrent::Future<int> future;
  future.set_result(1);
  EXPECT_THAT(thrown_by([&] { future.set_result(2); }),
              ::testing::MatchesRegex("concurrent::InvalidStateError: FINISHED: <Future at "
                                      "0x[0-9a-f]+ state=finished returned int>"));
  EXPECT_THROW(future.set_exception(ValueError("late")), concurrent::InvalidStateError);
  const concurrent::Future<> cancelled;
  cancelled.cancel();
  EXPECT_THROW(cancelled.set_result(), concurrent::InvalidStateError);
}

TEST_F(concurrent_future, beginning_twice_is_a_runtime_error) {
  const concurrent::Future<> future;
  EXPECT_TRUE(future.set_running_or_notify_cancel());
  EXPECT_EQ(thrown_by([&] { future.set_running_or_notify_cancel(); }),
            "RuntimeError: Future in unexpected state");
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(concurrent_future, a_result_that_does_not_come_in_time_is_a_timeout_error) {
  const concurrent::Future<int> future;
  EXPECT_EQ(thrown_by([&] { return future.result(0s); }), "TimeoutError");
  // In real time: it is this thread that waits, and no loop.
  EXPECT_EQ(thrown_by([&] { (void)future.exception(1ms); }), "TimeoutError");
  future.set_result(1);
  EXPECT_EQ(future.result(0s), 1);
}

TEST_F(concurrent_future, blocks_until_another_thread_settles_it) {
  const concurrent::Future<std::string> future;
  std::thread other([future] { future.set_result("from there"); });
  EXPECT_EQ(future.result(), "from there");
  other.join();
  const concurrent::Future<> cancelled;
  std::thread canceller([cancelled] { cancelled.cancel(); });
  EXPECT_THROW(cancelled.result(), concurrent::CancelledError);
  canceller.join();
}

TEST_F(concurrent_future, the_last_one_who_asks_may_move_the_result_out) {
  concurrent::Future<std::unique_ptr<int>> future;
  future.set_result(std::make_unique<int>(4));
  EXPECT_EQ(*std::move(future).result(), 4);
}

TEST_F(concurrent_future, callbacks_run_in_order_in_the_thread_that_settles_or_at_once) {
  Trace trace;
  const concurrent::Future<int> future;
  std::thread::id there;
  future.add_done_callback([&](const concurrent::Future<int>& f) {
    trace("first " + std::to_string(f.result()));
    there = std::this_thread::get_id();
  });
  future.add_done_callback([](const concurrent::Future<int>&) { throw ValueError("callback"); });
  future.add_done_callback([&](const concurrent::Future<int>&) { trace("third"); });
  std::thread other([&] { future.set_result(5); });
  const std::thread::id expected = other.get_id();
  other.join();
  EXPECT_EQ(there, expected);
  future.add_done_callback([&](const concurrent::Future<int>&) { trace("at once"); });
  EXPECT_EQ(trace, (Trace{"first 5", "third", "at once"}));
  const auto logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], ::testing::MatchesRegex("exception calling callback for <Future at .*>\n"
                                               "ValueError: callback"));
}

TEST_F(concurrent_future, callbacks_hear_of_a_cancellation_once) {
  Trace trace;
  const concurrent::Future<> future;
  future.add_done_callback(
      [&](const concurrent::Future<>& f) { trace(f.cancelled() ? "cancelled" : "?"); });
  future.cancel();
  future.cancel();
  EXPECT_FALSE(future.set_running_or_notify_cancel());
  EXPECT_EQ(trace, (Trace{"cancelled"}));
}

TEST_F(concurrent_future, its_repr_names_its_state) {
  const concurrent::Future<> future;
  EXPECT_THAT(future.repr(), ::testing::EndsWith(" state=pending>"));
  future.set_running_or_notify_cancel();
  EXPECT_THAT(future.repr(), ::testing::EndsWith(" state=running>"));
  future.set_exception(ValueError("x"));
  EXPECT_THAT(future.repr(), ::testing::EndsWith(" state=finished raised ValueError>"));
}

// --- wait, as_completed -------------------------------------------------------------------------

struct Four {
  concurrent::Future<int> pending, done, failed, cancelled;
  Four() {
    done.set_result(1);
    failed.set_exception(ValueError("no"));
    cancelled.cancel();
    cancelled.set_running_or_notify_cancel();
  }
};

TEST_F(concurrent_wait, gives_what_is_done_and_what_is_not) {
  const Four four;
  const std::vector all{four.pending, four.done, four.failed, four.cancelled, four.done};
  const auto result = concurrent::wait(all, {.timeout = 0s});
  EXPECT_EQ(result.done, (std::vector{four.done, four.failed, four.cancelled}));
  EXPECT_EQ(result.not_done, (std::vector{four.pending}));
}

TEST_F(concurrent_wait, returns_when_it_was_told_to) {
  const Four four;
  concurrent::wait(std::vector{four.pending, four.done}, {.return_when = FIRST_COMPLETED});
  concurrent::wait(std::vector{four.pending, four.failed}, {.return_when = FIRST_EXCEPTION});
  const concurrent::Future<int> later;
  std::thread other([&] {
    later.set_exception(ValueError("late"));
    four.pending.set_result(2);
  });
  const auto first =
      concurrent::wait(std::vector{four.cancelled, later}, {.return_when = FIRST_EXCEPTION});
  EXPECT_EQ(first.not_done.size(), 0U);
  EXPECT_EQ(concurrent::wait(std::vector{four.pending, later}).done.size(), 2U);
  other.join();
}

TEST_F(concurrent_wait, a_cancelled_one_counts_when_its_executor_has_noticed) {
  const concurrent::Future<int> future;
  future.cancel();
  EXPECT_EQ(concurrent::wait(std::vector{future}, {.timeout = 0s}).done.size(), 0U);
  future.set_running_or_notify_cancel();
  EXPECT_EQ(concurrent::wait(std::vector{future}, {.timeout = 0s}).done.size(), 1U);
}

TEST_F(concurrent_wait, as_completed_gives_them_as_they_end) {
  const concurrent::Future<int> a;
  const concurrent::Future<int> b;
  const concurrent::Future<int> c;
  b.set_result(2);
  std::vector<int> order;
  std::thread other;
  for (const concurrent::Future<int>& future : concurrent::as_completed(std::vector{a, b, c, a})) {
    order.push_back(future.result());
    if (order.size() > 1) continue;
    other = std::thread([&] {
      c.set_result(3);
      a.set_result(1);
    });
  }
  other.join();
  EXPECT_EQ(order, (std::vector{2, 3, 1}));
}

TEST_F(concurrent_wait, as_completed_in_time_or_a_timeout_error) {
  const Four four;
  auto each = concurrent::as_completed(std::vector{four.done, four.pending}, 0s);
  EXPECT_EQ(each.next(), four.done);
  EXPECT_EQ(thrown_by([&] { (void)each.next(); }), "TimeoutError: 1 (of 2) futures unfinished");
}

}  // namespace
}  // namespace asyncio::test
