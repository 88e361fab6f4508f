#include "asyncio/task/asyncgens.hpp"

#include "asyncio/coro/async_generator.hpp"
#include "asyncio/run/runner.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

using asyncgens = LoopTest;

// Its cleanup takes a while, and may fail.
AsyncGenerator<int> ticks(Trace& trace, bool fails = false) {
  std::exception_ptr leaving;
  try {
    for (int i = 0;; ++i) co_yield i;
  } catch (...) {
    leaving = std::current_exception();
  }
  co_await sleep(1s);
  trace("closed");
  if (fails) throw ValueError("in cleanup");
  std::rethrow_exception(leaving);
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_shutdown_01
TEST_F(asyncgens, shutdown_closes_all_at_once) {
  Trace trace;
  run([](EventLoop& loop, Trace& t) -> Coro<> {
    auto a = ticks(t);
    auto b = ticks(t);
    auto unbegun = ticks(t);
    (void)co_await a.next();
    (void)co_await b.next();
    const auto start = loop.time();
    co_await loop.shutdown_asyncgens();
    EXPECT_EQ(loop.time() - start, 1s);
    EXPECT_EQ(co_await a.next(), std::nullopt);
    EXPECT_EQ(t, (Trace{"closed", "closed"}));
  }(loop(), trace));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_shutdown_exception_01
TEST_F(asyncgens, what_closing_fails_with_goes_to_the_exception_handler) {
  Trace trace;
  run([](EventLoop& loop, Trace& t) -> Coro<> {
    auto gen = ticks(t, true);
    (void)co_await gen.next();
    auto busy = []() -> AsyncGenerator<int> {
      co_yield 1;
      co_await sleep(10s);
    }();
    (void)co_await busy.next();
    auto waits = create_task(busy.next());
    co_await sleep(0s);
    loop.set_exception_handler([&t](EventLoop&, const ExceptionContext& context) {
      t(context.message + "|" + context.asyncgen->repr() + "|" + describe(context.exception));
    });
    co_await loop.shutdown_asyncgens();
    co_await waits;
  }(loop(), trace));
  ASSERT_EQ(trace.size(), 3U);
  EXPECT_THAT(trace[1],
              MatchesRegex("an error occurred during closing of asynchronous generator "
                           "<async_generator object .*ticks at .*>\\|<async_generator object "
                           ".*ticks at .*asyncgens_test.cpp:[0-9]+>\\|ValueError: in cleanup"));
  EXPECT_THAT(
      trace[2],
      MatchesRegex(".*RuntimeError: aclose\\(\\): asynchronous generator is already running"));
}

TEST_F(asyncgens, one_that_begins_after_the_shutdown_is_warned_of) {
  Trace trace;
  run([](EventLoop& loop, Trace& t) -> Coro<> {
    co_await loop.shutdown_asyncgens();
    auto gen = ticks(t);
    (void)co_await gen.next();
    co_await gen.aclose();
  }(loop(), trace));
  EXPECT_THAT(take_logs(), ElementsAre(MatchesRegex(
                               "ResourceWarning: asynchronous generator <async_generator object "
                               ".*ticks at .*> was scheduled after loop.shutdown_asyncgens\\(\\) "
                               "call")));
}

// CPython: test_base_events::BaseEventLoopTests::test_asyncgen_finalization_by_gc
// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_gc_aclose_09
TEST_F(asyncgens, one_that_is_dropped_is_closed_by_a_task_of_its_own) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    {
      auto gen = ticks(t);
      (void)co_await gen.next();
    }
    t("dropped");
    co_await sleep(2s);
  }(trace));
  EXPECT_EQ(trace, (Trace{"dropped", "closed"}));
}

TEST_F(asyncgens, what_a_dropped_one_fails_with_is_reported) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    (void)co_await ticks(t, true).next();
    co_await sleep(2s);
  }(trace));
  const auto logs = take_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_THAT(logs[0], ::testing::StartsWith("Task exception was never retrieved\nfuture: <Task "));
  EXPECT_THAT(logs[0], ::testing::HasSubstr("ValueError: in cleanup"));
}

TEST_F(asyncgens, one_that_is_exhausted_closed_or_not_begun_needs_no_closing) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto exhausted = []() -> AsyncGenerator<int> { co_yield 1; }();
    while (auto value = co_await exhausted.next()) {
    }
    auto closed = ticks(t);
    (void)co_await closed.next();
    co_await closed.aclose();
    auto unbegun = ticks(t);
    EXPECT_FALSE(unbegun.repr().empty());
  }(trace));
  EXPECT_FALSE(detail::has_asyncgens(scheduler()));
  EXPECT_EQ(trace, (Trace{"closed"}));
}

TEST_F(asyncgens, a_closed_loop_ends_them_where_they_stand) {
  Trace trace;
  AsyncGenerator<int> kept = [](Trace& out) -> AsyncGenerator<int> {
    const Noted local(out, "local");
    co_yield 1;
  }(trace);
  run([](AsyncGenerator<int>& gen, Trace& t) -> Coro<> {
    (void)co_await gen.next();
    (void)co_await ticks(t).next();  // dropped when the loop turns no more
  }(kept, trace));
  close_loop();
  EXPECT_EQ(take_logs().size(), 1U);  // the task that was to close the dropped one
  EXPECT_EQ(trace, (Trace{}));
  kept = {};
  EXPECT_EQ(trace, (Trace{"~local"}));
}

// The loop ended the generators' lists when the shutdown began; what was not closed then referred
// to a loop that was gone.
TEST_F(asyncgens, may_outlive_their_loop_when_their_shutdown_was_cancelled) {
  Trace trace;
  auto counts = [](Trace& to) -> AsyncGenerator<int> {
    const Noted frame(to, "frame");
    for (int i = 0;; ++i) co_yield i;
  };
  AsyncGenerator<int> kept = counts(trace);
  auto own = std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
  auto main = [&]() -> Coro<> {
    (void)co_await kept.next();
    Task<> shutdown = create_task(get_running_loop().shutdown_asyncgens());
    co_await sleep(0s);
    shutdown.cancel();  // and with it the tasks that would close them, which have not begun
    (void)co_await try_(shutdown);
  };
  own->run_until_complete(main());
  own.reset();
  EXPECT_EQ(trace, Trace());
  kept = AsyncGenerator<int>();
  EXPECT_EQ(trace, Trace{"~frame"});
}

using run_closes = QuietTest;

RunOptions on_a_virtual_clock() {
  return {.loop_factory = [] {
    return std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
  }};
}

// CPython: test_runners::RunTests::test_asyncio_run_closes_gens_after_hanging_tasks_errors
TEST_F(run_closes, generators_after_the_tasks_that_hang) {
  Trace trace;
  AsyncGenerator<int> spinner;
  auto spin = [&]() -> Coro<> {
    spinner = []() -> AsyncGenerator<int> {
      for (;;) {
        co_yield 1;
        co_await sleep(1s);
      }
    }();
    bool cancelled = false;
    try {
      while (auto value = co_await spinner.next()) {
      }
    } catch (const CancelledError&) {
      cancelled = true;
    }
    if (cancelled) throw ValueError("1 / 0");
  };
  auto main = [&]() -> Coro<> {
    get_running_loop().set_exception_handler(
        [&](EventLoop&, const ExceptionContext& context) { trace(context.message); });
    (void)create_task(spin);
    throw RuntimeError("FancyExit");
    co_return;
  };
  EXPECT_EQ(thrown_by([&] { asyncio::run(main(), on_a_virtual_clock()); }),
            "RuntimeError: FancyExit");
  EXPECT_EQ(trace, (Trace{"unhandled exception during asyncio.run() shutdown"}));
}

// Rule 2.53
TEST_F(run_closes, the_generators_that_main_has_left_after_its_tasks) {
  Trace trace;
  AsyncGenerator<int> kept;
  auto main = [&]() -> Coro<> {
    auto hangs = [&]() -> Coro<> {
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        trace("cancelled");
      }
    };
    (void)create_task(hangs);
    co_await sleep(0s);
    kept = ticks(trace);
    (void)co_await kept.next();
    (void)co_await ticks(trace).next();  // dropped: its closing has not begun when main ends
  };
  asyncio::run(main(), on_a_virtual_clock());
  EXPECT_EQ(trace, (Trace{"cancelled", "closed", "closed"}));
}

}  // namespace
}  // namespace asyncio::test
