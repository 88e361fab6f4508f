#include "asyncio/coro/pass.hpp"

#include <memory>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using pass_ = LoopTest;
using try_of = LoopTest;
using raise_ = LoopTest;

Coro<int> value_now(int value) { co_return value; }
Coro<int> value_later(int value) {
  co_await sleep(1ms);
  co_return value;
}
Coro<int> fails_now() {
  co_await raise<ValueError>("now");
  co_return 0;
}
Coro<int> fails_later() {
  co_await sleep(1ms);
  co_await raise<ValueError>("later");
  co_return 0;
}

TEST_F(pass_, gives_the_value_of_what_is_ready_and_of_what_parks) {
  EXPECT_EQ(run([]() -> Coro<int> {
              const int now = co_await pass(value_now(1));
              const int later = co_await pass(value_later(2));
              co_return now * 10 + later;
            }()),
            12);
}

template <class Fails>
Coro<> passing(Trace& trace, Fails fails, Noted) {
  const Noted first(trace, "first");
  const Noted second(trace, "second");
  co_await pass(fails());
  trace("not reached");
}

TEST_F(pass_, ends_the_coroutine_with_the_error_and_destroys_its_locals_in_order) {
  for (auto* fails : {&fails_now, &fails_later}) {
    Trace trace;
    run([](Trace& out, Coro<int> (*f)()) -> Coro<> {
      Result<void> result = co_await try_(passing(out, f, Noted(out, "parameter")));
      out(describe(result.exception()));
    }(trace, fails));
    const std::string error = fails == &fails_now ? "ValueError: now" : "ValueError: later";
    EXPECT_EQ(trace, (Trace{"~second", "~first", "~parameter", error}));
  }
}

TEST_F(pass_, is_never_caught_by_a_try_around_it) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Result<void> result = co_await try_([](Trace& t) -> Coro<> {
      try {
        co_await pass(fails_now());
      } catch (...) {
        t("caught");
      }
      t("went on");
    }(out));
    out(describe(result.exception()));
  }(trace));
  EXPECT_EQ(trace, (Trace{"ValueError: now"}));
}

TEST_F(pass_, an_error_is_caught_by_a_plain_await_further_out) {
  const int result = run([]() -> Coro<int> {
    try {
      co_await []() -> Coro<> { co_await pass(fails_later()); }();
    } catch (const ValueError&) {
      co_return 1;
    }
    co_return 0;
  }());
  EXPECT_EQ(result, 1);
}

Coro<> fails_twice() {
  co_await pass(fails_later());
  co_await pass(fails_now());
}

TEST_F(pass_, an_error_that_leaves_the_root_is_that_of_the_task) {
  EXPECT_EQ(thrown_by([&] { run(fails_twice()); }), "ValueError: later");
}

Coro<int> pass_down(int depth, bool parks) {
  if (depth == 0) {
    if (parks) co_await sleep(0s);
    co_await raise<ValueError>("deep");
  }
  const int below = co_await pass(pass_down(depth - 1, parks));
  co_return below;
}

TEST_F(pass_, goes_through_thousands_of_frames_that_are_ready_or_parked) {
  for (const bool parks : {false, true}) {
    run([](bool p) -> Coro<> {
      Result<int> result = co_await try_(pass_down(3000, p));
      EXPECT_EQ(describe(result.exception()), "ValueError: deep");
    }(parks));
  }
}

TEST_F(pass_, mixes_with_frames_that_throw) {
  run([]() -> Coro<> {
    Result<int> result = co_await try_([]() -> Coro<int> {
      const int value = co_await []() -> Coro<int> {
        const int inner = co_await pass(fails_later());
        co_return inner;
      }();
      co_return value;
    }());
    EXPECT_EQ(describe(result.exception()), "ValueError: later");
  }());
}

TEST_F(pass_, an_operand_with_a_name_is_awaited_in_place) {
  run([]() -> Coro<> {
    Coro<int> named = value_later(3);
    const int value = co_await pass(named);
    EXPECT_EQ(value, 3);
    auto pause = sleep(1ms);
    co_await pass(pause);
  }());
}

TEST_F(pass_, cancelling_goes_through_it_without_a_throw) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto block = [&out]() -> Coro<> {
      const Noted local(out, "local");
      co_await pass(value_later(1));
      out("not reached");
    };
    Task<> task = create_task(block);
    co_await sleep(0s);
    task.cancel();
    Result<void> result = co_await try_(task);
    out(base::exception_is<CancelledError>(result.exception()) ? "cancelled" : "?");
  }(trace));
  EXPECT_EQ(trace, (Trace{"~local", "cancelled"}));
}

TEST_F(try_of, gives_the_value_or_the_exception_without_a_throw) {
  run([]() -> Coro<> {
    Result<int> good = co_await try_(value_later(4));
    EXPECT_TRUE(good.ok());
    EXPECT_EQ(good.value(), 4);
    Result<int> bad = co_await try_(fails_later());
    EXPECT_FALSE(bad.ok());
    EXPECT_EQ(thrown_by([&] { (void)bad.value(); }), "ValueError: later");
    Result<void> nothing = co_await try_(sleep(0s));
    EXPECT_TRUE(nothing.ok());
  }());
}

TEST_F(try_of, gives_the_error_of_a_wait_that_could_not_begin) {
  run([]() -> Coro<> {
    // wait() finds out as it is about to suspend.
    auto refused = co_await try_(wait(std::vector<Task<>>()));
    EXPECT_EQ(thrown_by([&] { (void)refused.value(); }),
              "ValueError: Set of Tasks/Futures is empty.");
  }());
}

TEST_F(try_of, holds_references_and_move_only_values) {
  int place = 1;
  run([](int& target) -> Coro<> {
    auto reference = [](int& at) -> Coro<int&> { co_return at; };
    Result<int&> at = co_await try_(reference(target));
    at.value() = 2;
    auto make = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(3); };
    Result<std::unique_ptr<int>> owned = co_await try_(make());
    EXPECT_EQ(*std::move(owned).value(), 3);
  }(place));
  EXPECT_EQ(place, 2);
}

TEST_F(raise_, makes_the_exception_from_its_arguments_or_takes_one_that_is_there) {
  run([]() -> Coro<> {
    auto makes = []() -> Coro<> { co_await raise<OSError>(ENOENT, std::string("open /x")); };
    Result<void> made = co_await try_(makes());
    EXPECT_EQ(describe(made.exception()), "OSError: open /x: no such file or directory");
    auto takes = [](std::exception_ptr error) -> Coro<> { co_await raise(std::move(error)); };
    Result<void> taken = co_await try_(takes(std::make_exception_ptr(ValueError("there"))));
    EXPECT_EQ(describe(taken.exception()), "ValueError: there");
  }());
}

TEST_F(raise_, ends_the_coroutine_where_it_stands) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto body = [&out]() -> Coro<int> {
      const Noted local(out, "local");
      co_await raise<RuntimeError>("x");
      out("not reached");
      co_return 1;
    };
    Result<int> result = co_await try_(body());
    out(describe(result.exception()));
  }(trace));
  EXPECT_EQ(trace, (Trace{"~local", "RuntimeError: x"}));
}

}  // namespace
}  // namespace asyncio::test
