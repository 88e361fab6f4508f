// Cancelling tasks: forwarded, counted, edge-triggered.
#include <string>

#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using cancel = LoopTest;
using uncancel = LoopTest;
using lost_hook = LoopTest;

Coro<> turn() { co_await sleep(0s); }
Coro<> for_ever() { co_await sleep(std::chrono::hours(1)); }

// Notes what the await of `what` ended with.
template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_with_message_before_starting_task
// Rule 2.15
TEST_F(cancel, before_the_first_step_no_statement_of_the_body_runs) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [](Trace& t, Noted) -> Coro<> {
      t("body");
      co_return;
    };
    Task<> task = create_task(body(out, Noted(out, "argument")));
    EXPECT_TRUE(task.cancel("why"));
    EXPECT_FALSE(task.done());
    co_await noted(out, task);
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());
  }(trace));
  EXPECT_EQ(trace, (Trace{"~argument", "CancelledError: why"}));
}

// CPython: test_tasks::BaseTaskTests::test_cancel
TEST_F(cancel, ends_the_await_where_the_task_is_and_runs_its_cleanup) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      const Noted local(out, "local");
      try {
        co_await sleep(1s);
      } catch (const CancelledError& error) {
        out(std::string("caught ") + error.what());
        throw;
      }
    };
    Task<> task = create_task(body);
    co_await turn();
    task.cancel("stop");
    co_await noted(out, task);
    EXPECT_TRUE(task.cancelled());
  }(trace));
  EXPECT_EQ(trace, (Trace{"caught stop", "~local", "CancelledError: stop"}));
}

TEST_F(cancel, is_not_caught_by_a_handler_of_std_exceptions) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      try {
        co_await sleep(1s);
      } catch (const std::exception&) {
        ADD_FAILURE() << "except Exception does not catch CancelledError";
      }
    };
    Task<> task = create_task(body);
    co_await turn();
    task.cancel();
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_cancel_task_catching
// CPython: test_tasks::BaseTaskTests::test_cancelling
// Rule 2.18
TEST_F(cancel, can_be_caught_and_the_task_lives_on_with_its_count) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<int> {
      (void)co_await try_(sleep(1s));
      co_await turn();
      co_return 7;
    };
    Task<int> task = create_task(body);
    co_await turn();
    EXPECT_EQ(task.cancelling(), 0U);
    EXPECT_TRUE(task.cancel());
    EXPECT_EQ(task.cancelling(), 1U);
    EXPECT_EQ(co_await task, 7);
    EXPECT_FALSE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 1U);
  }());
}

// Edge-triggered; two requests before the next step are delivered as one.
// Rule 2.18
TEST_F(cancel, twice_before_the_next_step_is_delivered_once_and_counted_twice) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      co_await noted(out, sleep(1s));
      co_await noted(out, sleep(1ms));
    };
    Task<> task = create_task(body);
    co_await turn();
    task.cancel("first");
    task.cancel("second");
    EXPECT_EQ(task.cancelling(), 2U);
    co_await noted(out, task);
  }(trace));
  ASSERT_EQ(trace.size(), 3U);
  EXPECT_THAT(trace[0], ::testing::StartsWith("CancelledError"));
  EXPECT_EQ(trace[1], "ok");
  EXPECT_EQ(trace[2], "ok");
}

// Rule 2.18
TEST_F(cancel, the_message_is_that_of_the_request_that_was_delivered) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<> sleeps = create_task(noted(out, for_ever()));
    Future<> future = create_future();
    Task<> waits = create_task(noted(out, future));
    co_await turn();
    sleeps.cancel("first");
    sleeps.cancel("second");
    waits.cancel("first");
    waits.cancel("second");
    co_await gather(sleeps, waits);
    // Not yet parked, and so not delivered: the last one counts.
    auto to_be_cancelled = [&out]() -> Coro<> {
      current_task().cancel("first");
      current_task().cancel("second");
      co_await noted(out, for_ever());
    };
    co_await create_task(to_be_cancelled);
  }(trace));
  EXPECT_EQ(trace,
            (Trace{"CancelledError: first", "CancelledError: first", "CancelledError: second"}));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_inner_future
// CPython: test_tasks::BaseTaskTests::test_yield_future_passes_cancel
// Rule 2.16
TEST_F(cancel, is_forwarded_to_the_future_so_two_tasks_that_await_it_share_their_fate) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Future<> future = create_future();
    auto body = [&]() -> Coro<> { co_await future; };
    Task<> a = create_task(body);
    Task<> b = create_task(body);
    co_await turn();
    a.cancel("both");
    EXPECT_TRUE(future.cancelled());
    co_await noted(out, a);
    co_await noted(out, b);
    EXPECT_EQ(b.cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: both", "CancelledError: both"}));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_awaited_task
TEST_F(cancel, is_forwarded_through_awaited_tasks_to_the_innermost_await) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto inner = [&out]() -> Coro<> { co_await noted(out, sleep(1s)); };
    auto middle = [&]() -> Coro<int> {
      co_await create_task(inner);
      co_return 3;
    };
    Task<int> outer = create_task(middle);
    co_await turn();
    co_await turn();
    outer.cancel("down");
    // The innermost task caught it, so nobody was cancelled.
    EXPECT_EQ(co_await outer, 3);
    EXPECT_EQ(outer.cancelling(), 1U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: down"}));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_both_task_and_inner_future
// Rule 2.17
TEST_F(cancel, beats_a_result_that_is_ready_but_was_not_delivered) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Future<int> future = create_future<int>();
    auto body = [&]() -> Coro<> { co_await noted(out, future); };
    Task<> task = create_task(body);
    co_await turn();
    future.set_result(1);
    EXPECT_TRUE(task.cancel());
    co_await task;
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

// CPython cancels the future that is done already, which disarms its report (rule 2.13).
TEST_F(cancel, beats_an_exception_that_is_ready_and_then_nobody_reports_it) {
  run([]() -> Coro<> {
    Future<int> future = create_future<int>();
    auto body = [](Future<int> on) -> Coro<> { co_await on; };
    Task<> task = create_task(body(future));
    co_await turn();
    future.set_exception(ValueError("lost"));
    task.cancel();
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_cancel_at_end
// CPython: test_tasks::BaseTaskTests::test_cancel_current_task
// Rule 2.17
TEST_F(cancel, of_oneself_and_then_a_return_is_a_cancelled_task) {
  run([]() -> Coro<> {
    auto returns = []() -> Coro<int> {
      current_task().cancel("at the end");
      co_return 1;
    };
    Task<int> task = create_task(returns);
    Result<int> result = co_await try_(task);
    EXPECT_EQ(describe(result.exception()), "CancelledError: at the end");
    EXPECT_TRUE(task.cancelled());

    auto raises = []() -> Coro<int> {
      current_task().cancel();
      throw ValueError("wins");
      co_return 1;
    };
    Result<int> other = co_await try_(create_task(raises));
    EXPECT_EQ(describe(other.exception()), "ValueError: wins");
  }());
}

TEST_F(cancel, of_oneself_is_delivered_at_the_next_await_that_parks) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<> {
      current_task().cancel("self");
      co_await []() -> Coro<> { co_return; }();
      out("ready awaits pass");
      co_await noted(out, sleep(1s));
      co_await noted(out, sleep(1ms));
    };
    co_await create_task(body);
  }(trace));
  EXPECT_EQ(trace, (Trace{"ready awaits pass", "CancelledError: self", "ok"}));
}

TEST_F(cancel, a_cancelled_error_thrown_by_hand_cancels_the_task) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> {
      throw CancelledError("by hand");
      co_return;
    };
    Task<> task = create_task(body);
    Result<void> result = co_await try_(task);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(describe(result.exception()), "CancelledError: by hand");
    EXPECT_EQ(task.cancelling(), 0U);
  }());
}

TEST_F(cancel, a_task_that_awaits_a_cancelled_task_is_not_cancelled_itself_until_it_lets_it_pass) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<> child = create_task(sleep(1s));
    auto body = [&]() -> Coro<> { co_await noted(out, child); };
    Task<> parent = create_task(body);
    co_await turn();
    child.cancel();
    co_await noted(out, parent);
    EXPECT_EQ(parent.cancelling(), 0U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError", "ok"}));
}

// CPython: test_tasks::BaseTaskTests::test_baseexception_during_cancel
TEST_F(cancel, a_system_exit_during_the_cleanup_leaves_the_loop) {
  Task<> task = loop().create_task([]() -> Coro<> {
    Result<void> slept = co_await try_(sleep(1s));
    if (!slept.ok()) throw SystemExit(2);
  }());
  run(turn());
  task.cancel();
  EXPECT_EQ(thrown_by([&] { run(sleep(1ms)); }), "SystemExit: 2");
  EXPECT_TRUE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(describe(task.exception()), "SystemExit: 2");
}

// --- uncancel -----------------------------------------------------------------------------------

// CPython: test_tasks::BaseTaskTests::test_uncancel_basic
TEST_F(uncancel, counts_down_to_zero_and_no_further) {
  run([]() -> Coro<> {
    Task<> task = create_task(sleep(1s));
    co_await turn();
    EXPECT_EQ(task.uncancel(), 0U);
    task.cancel();
    task.cancel();
    EXPECT_EQ(task.uncancel(), 1U);
    EXPECT_EQ(task.uncancel(), 0U);
    EXPECT_EQ(task.uncancel(), 0U);
    (void)co_await try_(task);
    EXPECT_TRUE(task.cancelled());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_uncancel_resets_must_cancel
TEST_F(uncancel, to_zero_withdraws_a_request_that_was_not_delivered) {
  run([]() -> Coro<> {
    Future<int> future = create_future<int>();
    auto body = [&]() -> Coro<int> { co_return co_await future; };
    Task<int> task = create_task(body);
    co_await turn();
    future.set_result(5);
    task.cancel();
    EXPECT_EQ(task.uncancel(), 0U);
    EXPECT_EQ(co_await task, 5);
  }());
}

// CPython: test_tasks::BaseTaskTests::test_uncancel_structured_blocks
TEST_F(uncancel, lets_a_block_that_was_cancelled_end_normally) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<bool> {
      Result<void> block = co_await try_(sleep(1s));
      const AnyTask self = current_task();
      if (!block.ok()) self.uncancel();
      co_await turn();
      co_return self.cancelling() == 0;
    };
    Task<bool> task = create_task(body);
    co_await turn();
    task.cancel();
    EXPECT_TRUE(co_await task);
  }());
}

// --- hooks of Suspend ---------------------------------------------------------------------------

// An awaiter that is given a permit by whoever calls give(), and notes its hooks.
class Permit : public Suspend {
 public:
  explicit Permit(Trace& trace) : trace_(&trace) {}
  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(detail::Continuation continuation) { return park(continuation); }
  void await_resume() {
    if (cancelled()) std::rethrow_exception(cancellation());
  }
  [[nodiscard]] std::exception_ptr error() const { return cancellation(); }
  void give() { wake(); }
  int refuse = 0;

 private:
  bool abort() override {
    (*trace_)("abort");
    return true;
  }
  bool retry() override {
    (*trace_)("retry");
    return refuse-- <= 0;
  }
  void lost() override { (*trace_)("lost"); }
  Trace* trace_;
};

struct PermitCase {
  Trace trace;
  Permit permit{trace};
  Coro<> body() { co_await noted(trace, Ref{&permit}); }
  struct Ref {
    Permit* permit;
    Permit& operator co_await() const { return *permit; }
  };
};

TEST_F(lost_hook, a_permit_that_is_taken_is_asked_for_once) {
  PermitCase at;
  run([](PermitCase& c) -> Coro<> {
    Task<> task = create_task(c.body());
    co_await turn();
    c.permit.give();
    co_await task;
  }(at));
  EXPECT_EQ(at.trace, (Trace{"retry", "ok"}));
}

TEST_F(lost_hook, one_that_is_refused_parks_again_until_it_is_given) {
  PermitCase at;
  at.permit.refuse = 1;
  run([](PermitCase& c) -> Coro<> {
    Task<> task = create_task(c.body());
    co_await turn();
    c.permit.give();
    co_await turn();
    EXPECT_FALSE(task.done());
    c.permit.give();
    co_await task;
  }(at));
  EXPECT_EQ(at.trace, (Trace{"retry", "retry", "ok"}));
}

TEST_F(lost_hook, woken_and_then_cancelled_hands_the_permit_on) {
  PermitCase at;
  run([](PermitCase& c) -> Coro<> {
    Task<> task = create_task(c.body());
    co_await turn();
    c.permit.give();
    task.cancel();
    co_await task;
  }(at));
  EXPECT_EQ(at.trace, (Trace{"lost", "CancelledError"}));
}

TEST_F(lost_hook, cancelled_twice_without_a_permit_has_none_to_hand_on) {
  PermitCase at;
  run([](PermitCase& c) -> Coro<> {
    Task<> task = create_task(c.body());
    co_await turn();
    task.cancel();
    task.cancel();
    c.permit.give();
    co_await task;
  }(at));
  EXPECT_EQ(at.trace, (Trace{"abort", "CancelledError"}));
}

TEST_F(lost_hook, parking_with_a_pending_cancellation_aborts_at_once_and_takes_one_turn) {
  PermitCase at;
  run([](PermitCase& c) -> Coro<> {
    auto body = [&c]() -> Coro<> {
      current_task().cancel();
      co_await c.body();
    };
    Task<> task = create_task(body, {.eager_start = true});
    EXPECT_EQ(c.trace, (Trace{"abort"}));
    co_await turn();
    EXPECT_TRUE(task.done());
  }(at));
  EXPECT_EQ(at.trace, (Trace{"abort", "CancelledError"}));
}

}  // namespace
}  // namespace asyncio::test
