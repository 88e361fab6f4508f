#include "asyncio/coro/async_generator.hpp"

#include <memory>

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/generator.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

// Closes what a test has left at a yield.
class async_generator : public LoopTest {
 protected:
  void TearDown() override {
    if (!loop().is_closed()) {
      detail::cancel_and_join_all(scheduler());
      run(loop().shutdown_asyncgens());
    }
    LoopTest::TearDown();
  }
};

AsyncGenerator<int> count_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}
AsyncGenerator<int> slowly_to(int last) {
  for (int i = 1; i <= last; ++i) {
    co_await sleep(1s);
    co_yield i;
  }
}

// What `awaitable` gives, or its error.
template <class A>
Coro<> note(Trace& trace, A awaitable) {
  auto outcome = co_await try_(std::move(awaitable));
  if (!outcome.ok()) {
    trace(describe(outcome.exception()));
  } else if constexpr (std::is_same_v<decltype(outcome), Result<std::optional<int>>>) {
    trace(outcome.value() ? std::to_string(*outcome.value()) : "nullopt");
  } else if constexpr (std::is_same_v<decltype(outcome), Result<int>>) {
    trace(std::to_string(outcome.value()));
  } else {
    trace("ok");
  }
}

// Notes when it is entered and awaited at its end.
struct Resource {
  Trace* trace;
  Coro<> aenter() {
    co_await sleep(1ms);
    (*trace)("enter");
  }
  Coro<> aexit(std::exception_ptr error) {
    co_await sleep(1ms);
    (*trace)("exit, " + describe(error));
  }
};

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_01
TEST_F(async_generator, next_gives_each_value_and_then_nullopt_again_and_again) {
  run([]() -> Coro<> {
    auto gen = slowly_to(3);
    std::vector<int> values;
    while (auto value = co_await gen.next()) values.push_back(*value);
    EXPECT_EQ(values, (std::vector{1, 2, 3}));
    EXPECT_EQ(co_await gen.next(), std::nullopt);
  }());
}

TEST_F(async_generator, nothing_runs_before_the_first_next) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = [](Trace& out) -> AsyncGenerator<int> {
      out("begin");
      co_yield 1;
      out("end");
    }(t);
    t("made");
    (void)co_await gen.next();
    t("first");
    (void)co_await gen.next();
  }(trace));
  EXPECT_EQ(trace, (Trace{"made", "begin", "first", "end"}));
}

TEST_F(async_generator, one_that_does_not_suspend_takes_no_turn) {
  EXPECT_EQ(passes([]() -> Coro<> {
              auto gen = count_to(1000);
              while (auto value = co_await gen.next()) {
              }
            }),
            0U);
  EXPECT_EQ(passes([]() -> Coro<> {
              co_await [](AsyncGenerator<int> gen) -> Coro<> {
                co_await gen.next();
                co_await gen.aclose();
              }(count_to(2));
            }),
            0U);
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_generator_anext
TEST_F(async_generator, anext_throws_stop_async_iteration_or_gives_the_default) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = count_to(1);
    co_await note(t, anext(gen));
    co_await note(t, anext(gen, 7));
    co_await note(t, anext(gen));
    try {
      co_await anext(gen);
    } catch (const StopAsyncIteration&) {
      t("thrown");
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"1", "7", "StopAsyncIteration: StopAsyncIteration", "thrown"}));
}

TEST_F(async_generator, values_are_moved_or_copied_once_as_the_yield_says) {
  run([]() -> Coro<> {
    auto unique = []() -> AsyncGenerator<std::unique_ptr<int>> {
      co_yield std::make_unique<int>(1);
      auto mine = std::make_unique<int>(2);
      co_yield std::move(mine);
    };
    auto gen = unique();
    auto first = co_await gen.next();
    auto second = co_await gen.next();
    EXPECT_EQ(**first + **second, 3);

    auto strings = []() -> AsyncGenerator<std::string> {
      const std::string kept = "kept";
      co_yield kept;
      co_yield kept;
      co_yield "converted";
    };
    auto texts = strings();
    EXPECT_EQ(co_await texts.next(), "kept");
    EXPECT_EQ(co_await texts.next(), "kept");
    EXPECT_EQ(co_await texts.next(), "converted");
  }());
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_03
TEST_F(async_generator, an_exception_comes_out_of_next_and_ends_it) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    const auto throws = [](Trace& out) -> AsyncGenerator<int> {
      const Noted local(out, "local");
      co_yield 1;
      throw ValueError("broken");
    };
    const auto raises = [](Trace& out) -> AsyncGenerator<int> {
      const Noted local(out, "local");
      co_yield 1;
      co_await raise<ValueError>("raised");
    };
    for (int i = 0; i < 2; ++i) {
      auto gen = i == 0 ? throws(t) : raises(t);
      co_await note(t, gen.next());
      co_await note(t, gen.next());
      co_await note(t, gen.next());
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"1", "~local", "ValueError: broken", "nullopt",  //
                          "1", "~local", "ValueError: raised", "nullopt"}));
}

// CPython: test_asyncgen::AsyncGenTest::test_async_gen_exception_10
TEST_F(async_generator, a_stop_iteration_from_its_body_is_a_runtime_error) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto stops = []() -> AsyncGenerator<int> {
      co_yield 1;
      throw StopAsyncIteration();
    }();
    (void)co_await stops.next();
    co_await note(t, stops.next());
    auto passes_on = []() -> AsyncGenerator<int> {
      auto empty = count_to(0);
      co_await pass(anext(empty));
      co_yield 1;
    }();
    co_await note(t, passes_on.next());
    auto plain = []() -> AsyncGenerator<int> {
      co_yield 1;
      throw StopIteration();
    }();
    (void)co_await plain.next();
    co_await note(t, plain.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"RuntimeError: async generator raised StopAsyncIteration",
                          "RuntimeError: async generator raised StopAsyncIteration",
                          "RuntimeError: async generator raised StopIteration"}));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_aclose_07
TEST_F(async_generator, aclose_throws_generator_exit_at_the_yield_and_awaits_the_cleanup) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = [](Trace& out) -> AsyncGenerator<int> {
      const Noted local(out, "local");
      std::exception_ptr leaving;
      try {
        co_yield 1;
        out("not reached");
      } catch (const GeneratorExit&) {
        leaving = std::current_exception();
      }
      co_await sleep(1ms);
      out("cleaned");
      std::rethrow_exception(leaving);
    }(t);
    co_await note(t, gen.next());
    co_await note(t, gen.aclose());
    co_await note(t, gen.next());
    co_await note(t, gen.aclose());
  }(trace));
  EXPECT_EQ(trace, (Trace{"1", "cleaned", "~local", "ok", "nullopt", "ok"}));
}

TEST_F(async_generator, what_it_has_entered_is_exited_at_its_end_and_by_aclose) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    const auto make = [](Trace& out) -> AsyncGenerator<int> {
      co_await enter<Resource>(&out);
      const Noted local(out, "local");
      co_yield 1;
    };
    auto closed = make(t);
    co_await note(t, closed.next());
    co_await note(t, closed.aclose());
    auto exhausted = make(t);
    co_await note(t, exhausted.next());
    co_await note(t, exhausted.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"enter", "1", "~local", "exit, GeneratorExit", "ok",  //
                          "enter", "1", "~local", "exit, no exception", "nullopt"}));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_aclose_08
TEST_F(async_generator, aclose_gives_what_the_cleanup_fails_with) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = []() -> AsyncGenerator<int> {
      try {
        co_yield 1;
      } catch (const GeneratorExit&) {
        throw ValueError("in cleanup");
      }
    }();
    (void)co_await gen.next();
    co_await note(t, gen.aclose());
    co_await note(t, gen.aclose());
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: in cleanup", "ok"}));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_aclose_10
TEST_F(async_generator, one_that_yields_while_it_is_closed_has_ignored_generator_exit) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = []() -> AsyncGenerator<int> {
      for (;;) {
        try {
          co_yield 1;
        } catch (const GeneratorExit&) {
        }
      }
    }();
    (void)co_await gen.next();
    co_await note(t, gen.aclose());
    co_await note(t, gen.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"RuntimeError: async generator ignored GeneratorExit", "nullopt"}));
}

TEST_F(async_generator, one_that_was_not_begun_is_only_closed) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = [](Trace& out, Noted) -> AsyncGenerator<int> {
      out("not reached");
      co_yield 1;
    }(t, Noted(t, "argument"));
    co_await note(t, gen.aclose());
    co_await note(t, gen.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"~argument", "ok", "nullopt"}));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_anext_06
TEST_F(async_generator, only_one_can_wait_in_it) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = slowly_to(2);
    Task<std::optional<int>> first = create_task(gen.next());
    co_await sleep(0s);
    co_await note(t, gen.next());
    co_await note(t, gen.aclose());
    co_await note(t, gen.athrow(std::make_exception_ptr(ValueError("x"))));
    EXPECT_EQ(co_await first, 1);
    co_await note(t, gen.next());
  }(trace));
  EXPECT_EQ(trace,
            (Trace{"RuntimeError: anext(): asynchronous generator is already running",
                   "RuntimeError: aclose(): asynchronous generator is already running",
                   "RuntimeError: athrow(): asynchronous generator is already running", "2"}));
}

// CPython: test_asyncgen::AsyncGenAsyncioTest::test_async_gen_asyncio_athrow_01
TEST_F(async_generator, athrow_throws_at_the_yield_and_gives_the_next_value) {
  Trace trace;
  const auto error = std::make_exception_ptr(ValueError("thrown"));
  run([](Trace& t, std::exception_ptr e) -> Coro<> {
    auto gen = [](Trace& out) -> AsyncGenerator<int> {
      try {
        co_yield 1;
      } catch (const ValueError& caught) {
        out(caught.what());
      }
      co_yield 2;
    }(t);
    co_await note(t, gen.next());
    co_await note(t, gen.athrow(e));
    co_await note(t, gen.athrow(e));
    co_await note(t, gen.athrow(e));
    auto unbegun = count_to(1);
    co_await note(t, unbegun.athrow(e));
    co_await note(t, unbegun.next());
  }(trace, error));
  EXPECT_EQ(trace, (Trace{"1", "thrown", "2", "ValueError: thrown", "nullopt", "ValueError: thrown",
                          "nullopt"}));
}

TEST_F(async_generator, cancelling_the_consumer_reaches_the_await_inside) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = [](Trace& out) -> AsyncGenerator<int> {
      try {
        co_await sleep(1h);
      } catch (const CancelledError&) {
        out("cancelled inside");
        throw;
      }
      co_yield 1;
    }(t);
    auto task = create_task(gen.next());
    co_await sleep(1s);
    task.cancel();
    co_await note(t, task);
    co_await note(t, gen.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"cancelled inside", "CancelledError", "nullopt"}));
}

TEST_F(async_generator, a_generator_may_iterate_another_and_errors_pass_without_a_throw) {
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto doubled = [](AsyncGenerator<int> inner) -> AsyncGenerator<int> {
      while (auto value = co_await pass(inner.next())) co_yield *value * 2;
    };
    auto gen = doubled(slowly_to(2));
    co_await note(t, gen.next());
    co_await note(t, gen.next());
    co_await note(t, gen.next());
    auto fails = []() -> AsyncGenerator<int> {
      co_await sleep(1ms);
      co_await raise<ValueError>("inner");
      co_yield 1;
    };
    auto failing = doubled(fails());
    co_await note(t, failing.next());
    co_await note(t, failing.next());
  }(trace));
  EXPECT_EQ(trace, (Trace{"2", "4", "nullopt", "ValueError: inner", "nullopt"}));
}

TEST_F(async_generator, next_goes_wherever_a_coroutine_does) {
  run([]() -> Coro<> {
    auto a = slowly_to(1);
    auto b = slowly_to(1);
    auto [x, y] = co_await gather(a.next(), anext(b));
    EXPECT_EQ(x, 1);
    EXPECT_EQ(y, 1);
    Coro<std::optional<int>> coro = a.next();
    EXPECT_EQ(co_await coro, std::nullopt);
    auto c = slowly_to(1);
    auto slow = co_await try_(wait_for(c.next(), 1ms));
    EXPECT_EQ(describe(slow.exception()), "TimeoutError");
    Coro<> closing = c.aclose();
    co_await closing;
  }());
}

// Python: contextlib.aclosing
TEST_F(async_generator, aclosing_closes_it_at_the_end_of_the_block) {
  Trace trace;
  const auto make = [](Trace& out) -> AsyncGenerator<int> {
    co_await enter<Resource>(&out);
    for (int i = 0;; ++i) co_yield i;
  };
  run([](Trace& t, auto ticks) -> Coro<> {
    auto block = [&t](AsyncGenerator<int>& gen) -> Coro<> { co_await note(t, gen.next()); };
    co_await with(aclosing(ticks(t)), block);
    t("after");
    auto named = ticks(t);
    auto fails = [&]() -> Coro<> {
      co_await note(t, named.next());
      co_await raise<ValueError>("block");
    };
    co_await note(t, with(aclosing(named), fails));
    co_await note(t, named.next());
  }(trace, make));
  EXPECT_EQ(trace, (Trace{"enter", "0", "exit, GeneratorExit", "after",  //
                          "enter", "0", "exit, GeneratorExit", "ValueError: block", "nullopt"}));
}

TEST_F(async_generator, a_loop_that_closes_destroys_it_where_it_waits) {
  Trace trace;
  AsyncGenerator<int> gen = [](Trace& out) -> AsyncGenerator<int> {
    const Noted local(out, "local");
    co_await sleep(1h);
    co_yield 1;
  }(trace);
  auto task = loop().create_task(gen.next());
  run(sleep(1s));
  close_loop();
  EXPECT_EQ(trace, (Trace{"~local"}));
  EXPECT_EQ(take_logs().size(), 1U);  // the task was pending
  task = {};
  trace.clear();
}

TEST_F(async_generator, an_await_that_goes_before_its_end_ends_the_generator) {
  Trace trace;
  AsyncGenerator<int> gen = [](Trace& out) -> AsyncGenerator<int> {
    co_await enter<Resource>(&out);
    const Noted local(out, "local");
    co_yield 1;
  }(trace);
  auto consume = [](AsyncGenerator<int>& of) -> Coro<> {
    (void)co_await of.next();
    (void)co_await of.next();  // waits in the exit
  };
  auto task = loop().create_task(consume(gen));
  run(sleep(1500us));
  close_loop();
  EXPECT_EQ(trace, (Trace{"enter", "~local"}));
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(async_generator, too_many_nested_ones_are_a_recursion_error) {
  struct Nest {
    static AsyncGenerator<int> down(int depth) {
      if (depth == 0) co_return;
      auto inner = down(depth - 1);
      (void)co_await pass(inner.next());
    }
  };
  Trace trace;
  run([](Trace& t) -> Coro<> {
    auto gen = Nest::down(6000);
    auto outcome = co_await try_(gen.next());
    t(describe(outcome.exception()).substr(0, 50));
  }(trace));
  EXPECT_EQ(trace, (Trace{"RecursionError: maximum recursion depth exceeded: "}));
}

TEST_F(async_generator, repr_names_the_function_and_its_place) {
  const auto gen = count_to(1);
  EXPECT_THAT(gen.repr(), ::testing::MatchesRegex("<async_generator object .*count_to at "
                                                  ".*async_generator_test.cpp:[0-9]+>"));
}

}  // namespace
}  // namespace asyncio::test
