#include "asyncio/task/gather.hpp"

#include <memory>

#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using gather_ = LoopTest;
using gather_errors = LoopTest;
using gather_cancel = LoopTest;
using gather_dropped = LoopTest;

Coro<> turn() { co_await sleep(0s); }

template <class T>
Coro<T> after(Delay delay, T value) {
  co_await sleep(delay);
  co_return value;
}
Coro<int> fails_after(Delay delay, std::string text) {
  co_await sleep(delay);
  co_await raise<ValueError>(text);
  co_return 0;
}
template <class A>
Coro<> noted(Trace& trace, A what) {
  auto result = co_await try_(std::move(what));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

TEST_F(gather_, gives_a_tuple_in_the_order_of_the_arguments) {
  run([]() -> Coro<> {
    auto [slow, nothing, owned] =
        co_await gather(after(2ms, 1), sleep(1ms), after(0s, std::make_unique<int>(3)));
    EXPECT_EQ(slow, 1);
    static_assert(std::is_same_v<decltype(nothing), std::monostate>);
    EXPECT_EQ(*owned, 3);
  }());
}

TEST_F(gather_, gives_a_vector_for_a_range) {
  const Nanoseconds before = now();
  const auto results = run([]() -> Coro<std::vector<std::string>> {
    std::vector<Coro<std::string>> all;
    all.push_back(after(3s, std::string("a")));
    all.push_back(after(1s, std::string("b")));
    co_return co_await gather(std::move(all));
  }());
  EXPECT_EQ(results, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(now() - before, 3s);
}

// CPython: test_tasks::FutureGatherTests::test_constructor_empty_sequence_use_running_loop
// Rule 2.22
TEST_F(gather_, of_nothing_is_done_at_once) {
  run([]() -> Coro<> {
    Future<std::vector<int>> all = gather(std::vector<Coro<int>>());
    EXPECT_TRUE(all.done());
    EXPECT_TRUE((co_await all).empty());
  }());
}

// Rule 2.22
TEST_F(gather_, makes_its_tasks_at_the_call_and_runs_them_later) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto child = [](Trace& t, std::string name) -> Coro<> {
      t(name);
      co_return;
    };
    auto all = gather(child(out, "a"), child(out, "b"));
    out("called");
    EXPECT_EQ(all_tasks().size(), 3U);
    co_await turn();
    out("turn");
    co_await all;
  }(trace));
  EXPECT_EQ(trace, (Trace{"called", "a", "b", "turn"}));
}

// CPython: test_tasks::CoroutineGatherTests::test_duplicate_coroutines
// Rule 2.22
TEST_F(gather_, a_duplicate_runs_once_and_is_there_twice) {
  run([]() -> Coro<> {
    int runs = 0;
    auto body = [&runs]() -> Coro<int> {
      co_await turn();
      co_return ++runs;
    };
    Task<int> task = create_task(body);
    const auto results = co_await gather(task, task);
    EXPECT_EQ(results, (std::tuple{1, 1}));
  }());
}

TEST_F(gather_, a_named_range_of_tasks_keeps_its_handles) {
  run([]() -> Coro<> {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(create_task(after(1ms, i)));
    const std::vector<int> results = co_await gather(tasks);
    EXPECT_EQ(results, (std::vector<int>{0, 1, 2}));
    const bool still_held = static_cast<bool>(tasks[2]);
    EXPECT_TRUE(still_held);
    if (still_held) {
      EXPECT_EQ(tasks[2].result(), 2);
    }
  }());
}

// Rule 2.22
TEST_F(gather_, of_done_futures_is_done) {
  run([]() -> Coro<> {
    Future<int> f = create_future<int>();
    f.set_result(4);
    auto all = gather(f, f);
    EXPECT_TRUE(all.done());
    EXPECT_EQ(co_await all, (std::tuple{4, 4}));
    Future<int> failed = create_future<int>();
    failed.set_exception(ValueError("x"));
    auto bad = gather(f, failed);
    EXPECT_TRUE(bad.done());
    EXPECT_EQ(describe(bad.exception()), "ValueError: x");
  }());
}

TEST_F(gather_, one_that_is_dropped_lets_its_children_run_on) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto child = [](Trace& t) -> Coro<> {
      co_await sleep(1ms);
      t("child");
    };
    (void)gather(child(out));
    co_await sleep(2ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"child"}));
}

// --- errors -------------------------------------------------------------------------------------

// CPython: test_tasks::CoroutineGatherTests::test_exception_marking
// CPython: test_tasks::GatherTestsBase::test_one_exception
// Rule 2.19
TEST_F(gather_errors, the_first_is_that_of_gather_the_others_run_on_and_later_ones_are_dropped) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto child = [](Trace& t) -> Coro<int> {
      co_await sleep(3ms);
      t("sibling ran on");
      co_return 1;
    };
    co_await noted(out, gather(fails_after(2ms, "second"), fails_after(1ms, "first"), child(out)));
    co_await sleep(10ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: first", "sibling ran on"}));
}

// CPython: test_tasks::GatherTestsBase::test_return_exceptions
// Rule 2.19
TEST_F(gather_errors, with_return_exceptions_they_are_results_in_their_places) {
  run([]() -> Coro<> {
    auto [bad, good, nothing] =
        co_await gather(return_exceptions, fails_after(2ms, "x"), after(1ms, 5), sleep(0s));
    EXPECT_EQ(describe(bad.exception()), "ValueError: x");
    EXPECT_EQ(good.value(), 5);
    EXPECT_TRUE(nothing.ok());
    std::vector<Coro<int>> many;
    many.push_back(after(2ms, 1));
    many.push_back(fails_after(1ms, "y"));
    std::vector<Result<int>> all = co_await gather(return_exceptions, std::move(many));
    EXPECT_EQ(all[0].value(), 1);
    EXPECT_EQ(describe(all[1].exception()), "ValueError: y");
  }());
}

// CPython: test_tasks::FutureGatherTests::test_one_cancellation
// Rule 2.20
TEST_F(gather_errors, a_cancelled_child_is_an_exception_of_gather_and_cancels_nobody_else) {
  run([]() -> Coro<> {
    Task<> child = create_task(sleep(1s));
    Task<int> other = create_task(after(2ms, 1));
    auto all = gather(child, other);
    co_await turn();
    child.cancel("child");
    Result<std::tuple<std::monostate, int>> result = co_await try_(all);
    EXPECT_EQ(describe(result.exception()), "CancelledError: child");
    EXPECT_TRUE(all.done());
    EXPECT_FALSE(all.cancelled());
    EXPECT_EQ(current_task().cancelling(), 0U);
    EXPECT_EQ(co_await other, 1);
  }());
}

TEST_F(gather_errors, with_return_exceptions_a_cancelled_child_is_a_result) {
  run([]() -> Coro<> {
    Task<int> child = create_task(after(1s, 1));
    auto all = gather(return_exceptions, child, after(1ms, 2));
    child.cancel();
    auto [cancelled, good] = co_await all;
    EXPECT_TRUE(base::exception_is<CancelledError>(cancelled.exception()));
    EXPECT_EQ(good.value(), 2);
  }());
}

// CPython: test_tasks::FutureGatherTests::test_result_exception_one_cancellation
// Rule 2.20
TEST_F(gather_errors, with_return_exceptions_values_errors_and_cancellations_stand_side_by_side) {
  run([]() -> Coro<> {
    std::vector<Future<int>> futures;
    for (int i = 0; i < 6; ++i) futures.push_back(create_future<int>());
    auto all = gather(return_exceptions, futures);
    futures[0].set_result(1);
    futures[1].cancel();
    futures[2].set_exception(ValueError("c"));
    futures[3].set_result(4);
    futures[4].set_exception(RuntimeError("e"));
    co_await turn();
    EXPECT_FALSE(all.done());
    futures[5].set_exception(TypeError("f"));
    co_await turn();
    EXPECT_TRUE(all.done());
    const std::vector<Result<int>> results = all.result();
    EXPECT_EQ(results[0].value(), 1);
    EXPECT_TRUE(base::exception_is<CancelledError>(results[1].exception()));
    EXPECT_EQ(describe(results[2].exception()), "ValueError: c");
    EXPECT_EQ(results[3].value(), 4);
    EXPECT_EQ(describe(results[4].exception()), "RuntimeError: e");
    EXPECT_EQ(describe(results[5].exception()), "TypeError: f");
  }());
}

TEST_F(gather_errors, one_whose_exception_nobody_retrieves_is_reported) {
  run([]() -> Coro<> {
    (void)gather(fails_after(1ms, "lost"));
    co_await sleep(2ms);
  }());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::StartsWith("Future exception was never retrieved"));
}

// --- cancelling ---------------------------------------------------------------------------------

// Catches its cancellation, takes `cleanup` and lets it pass.
Coro<int> stubborn(Trace& trace, std::string name, Delay cleanup) {
  std::exception_ptr error;
  try {
    co_await sleep(10s);
  } catch (const CancelledError&) {
    error = std::current_exception();
  }
  co_await sleep(cleanup);
  trace(name + " done");
  if (error) std::rethrow_exception(error);
  co_return 1;
}

template <class... Options>
Coro<> gather_stubborn(Trace& trace, Options... options) {
  co_await noted(trace,
                 gather(options..., stubborn(trace, "first", 1ms), stubborn(trace, "second", 2ms)));
}

// CPython: test_tasks::CoroutineGatherTests::test_cancellation_broadcast
// Rule 2.21
TEST_F(gather_cancel, raises_when_the_first_child_has_ended_and_the_others_still_clean_up) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<> task = create_task(gather_stubborn(out));
    co_await sleep(1ms);
    task.cancel("m");
    co_await task;
    co_await sleep(10ms);
  }(trace));
  EXPECT_EQ(trace, (Trace{"first done", "CancelledError: m", "second done"}));
}

// Rule 2.21
TEST_F(gather_cancel, with_return_exceptions_waits_for_all_and_raises_all_the_same) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Task<> task = create_task(gather_stubborn(out, return_exceptions));
    co_await sleep(1ms);
    task.cancel("m");
    co_await task;
  }(trace));
  EXPECT_EQ(trace, (Trace{"first done", "second done", "CancelledError: m"}));
}

// CPython: test_tasks::BaseTaskTests::test_cancel_gather_1
// Rule 2.22
TEST_F(gather_cancel, is_refused_once_all_children_are_done) {
  run([]() -> Coro<> {
    Future<int> future = create_future<int>();
    auto child = [](Future<int> on) -> Coro<int> { co_return co_await on; };
    auto all = gather(child(future));
    co_await turn();
    bool cancelled = true;
    future.add_done_callback([&](AnyFuture) { cancelled = all.cancel(); });
    future.set_result(42);
    EXPECT_EQ(co_await all, std::tuple{42});
    EXPECT_FALSE(cancelled);
    EXPECT_FALSE(all.cancelled());
  }());
}

// CPython: test_tasks::BaseTaskTests::test_cancel_gather_2
// Rule 2.21
TEST_F(gather_cancel, ends_a_loop_over_gathers_that_return_exceptions) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto loops = []() -> Coro<> {
      while (true) (void)co_await gather(return_exceptions, sleep(50ms));
    };
    Task<> task = create_task(loops);
    co_await sleep(220ms);
    task.cancel("m");
    co_await noted(out, task);
    EXPECT_TRUE(task.cancelled());
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError: m"}));
}

// CPython 3.11: `cancelled ()` and cancelling() 1.
TEST_F(gather_cancel, children_that_swallow_it_do_not_save_gather) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto swallows = []() -> Coro<int> {
      (void)co_await try_(sleep(10s));
      co_return 1;
    };
    auto body = [&]() -> Coro<> { co_await noted(out, gather(swallows(), swallows())); };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel("m");
    co_await task;
    EXPECT_EQ(task.cancelling(), 1U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

TEST_F(gather_cancel, what_children_fail_with_meanwhile_is_nobodys) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto fails = []() -> Coro<int> {
      (void)co_await try_(sleep(10s));
      co_await raise<ValueError>("cleanup");
      co_return 1;
    };
    auto body = [&]() -> Coro<> { co_await noted(out, gather(return_exceptions, fails())); };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel();
    co_await task;
  }(trace));
  EXPECT_EQ(trace, (Trace{"CancelledError"}));
}

// CPython: `_GatheringFuture exception was never retrieved`: cancel() does not disarm it.
TEST_F(gather_cancel, an_error_that_a_child_raises_instead_is_reported_if_nobody_awaits) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<int> {
      (void)co_await try_(sleep(10s));
      co_await raise<ValueError>("cleanup");
      co_return 1;
    };
    auto all = gather(fails());
    co_await sleep(1ms);
    EXPECT_TRUE(all.cancel());
    EXPECT_FALSE(all.done());
    co_await sleep(1ms);
    EXPECT_TRUE(all.done());
  }());
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::HasSubstr("ValueError: cleanup"));
}

// CPython: test_tasks::CoroutineGatherTests::test_issue46672
// Rule 2.22
TEST_F(gather_cancel, of_a_finished_one_touches_nobody) {
  run([]() -> Coro<> {
    Task<> sleeper = create_task(sleep(5ms));
    auto all = gather(sleeper, fails_after(1ms, "x"));
    co_await noted(*std::make_unique<Trace>(), all);
    EXPECT_FALSE(all.cancel());
    EXPECT_EQ(sleeper.cancelling(), 0U);
    co_await sleeper;
  }());
}

// Rule 2.21
TEST_F(gather_cancel, reaches_the_children_of_a_gather_in_a_gather) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto inner = [&out]() -> Coro<> { co_await gather(stubborn(out, "inner", 1ms)); };
    auto body = [&]() -> Coro<> { co_await noted(out, gather(inner())); };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    task.cancel("m");
    co_await task;
  }(trace));
  EXPECT_EQ(trace, (Trace{"inner done", "CancelledError: m"}));
}

TEST_F(gather_cancel, as_a_whole_has_the_message_of_its_last_child_not_of_the_last_to_end) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Future<int> second = create_future<int>();
    Task<int> first = create_task(after(1s, 1));
    auto body = [&]() -> Coro<> { co_await noted(out, gather(return_exceptions, first, second)); };
    Task<> task = create_task(body);
    co_await sleep(1ms);
    second.cancel("second");
    co_await sleep(1ms);
    task.cancel("whole");
    co_await task;
  }(trace));
  EXPECT_EQ(trace, Trace{"CancelledError: second"});
}

// --- one that nobody holds ----------------------------------------------------------------------

TEST_F(gather_dropped, goes_together_with_futures_that_nobody_can_set_any_more) {
  run([]() -> Coro<> {
    (void)create_future();
    const long before = base::Pool::live();
    (void)gather(create_future<int>(), create_future());
    EXPECT_EQ(base::Pool::live(), before);
    {
      Future<int> twice = create_future<int>();
      (void)gather(twice, gather(twice, create_future()), twice);
      EXPECT_GT(base::Pool::live(), before + 1) << "somebody may set it";
    }
    EXPECT_EQ(base::Pool::live(), before);
    {
      Future<> first = create_future();
      auto failed = gather(first, create_future());
      first.set_exception(std::make_exception_ptr(ValueError("x")));
      (void)co_await try_(failed);
    }
    EXPECT_EQ(base::Pool::live(), before) << "settled, and one of them was still pending";
  }());
}

TEST_F(gather_dropped, while_held_it_keeps_its_futures) {
  run([]() -> Coro<> {
    auto all = gather(create_future<int>());
    EXPECT_TRUE(all.cancel());
    const auto outcome = co_await try_(all);
    EXPECT_EQ(describe(outcome.exception()), "CancelledError");
  }());
}

// Rule 2.13
TEST_F(gather_dropped, reports_its_failure_once_the_last_child_has_ended) {
  run([]() -> Coro<> {
    (void)gather(fails_after(1ms, "first"), fails_after(5ms, "late"));
    co_await sleep(3ms);
    EXPECT_EQ(LogCapture::take().size(), 0U);
    co_await sleep(3ms);
    const std::vector<std::string> lines = LogCapture::take();
    EXPECT_EQ(lines.size(), 1U);
    if (lines.empty()) co_return;
    EXPECT_THAT(lines[0], ::testing::StartsWith("Future exception was never retrieved"));
    EXPECT_THAT(lines[0], ::testing::HasSubstr("ValueError: first"));
  }());
}

TEST_F(gather_dropped, calls_its_callbacks_all_the_same) {
  run([]() -> Coro<> {
    std::string seen;
    Future<int> shared = create_future<int>();
    gather(shared, after(1ms, 2)).add_done_callback([&seen](const AnyFuture& all) {
      seen = all.repr();
    });
    shared.set_result(1);
    co_await sleep(5ms);
    EXPECT_THAT(seen, ::testing::StartsWith("<Future finished result="));
  }());
}

TEST_F(gather_dropped, survives_what_runs_while_its_futures_go) {
  struct SetsAnother {
    Future<int> other;
    explicit SetsAnother(Future<int> future) : other(std::move(future)) {}
    ~SetsAnother() { other.set_result(1); }
  };
  run([](auto make) -> Coro<> {
    (void)create_future<int>();
    co_await turn();
    const long before = base::Pool::live();
    {
      Future<int> first = create_future<int>();
      Future<int> second = create_future<int>();
      first.add_done_callback([held = make(second)](const AnyFuture&) {});
      auto all = gather(std::move(first), second);
    }
    co_await turn();
    EXPECT_EQ(base::Pool::live(), before);
  }([](const Future<int>& other) { return std::make_shared<SetsAnother>(other); }));
}

}  // namespace
}  // namespace asyncio::test
