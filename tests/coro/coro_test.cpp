#include "asyncio/coro/coro.hpp"

#include <memory>

#include "asyncio/task/sleep.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using coro = LoopTest;

Coro<int> number(int value) { co_return value; }
Coro<> note(Trace& trace, std::string text) {
  trace(text);
  co_return;
}
Coro<> fail(std::string text) {
  throw ValueError(text);
  co_return;
}

TEST_F(coro, a_call_runs_nothing_until_it_is_awaited) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Coro<> child = note(out, "child");
    out("called");
    co_await std::move(child);
    out("awaited");
  }(trace));
  EXPECT_EQ(trace, (Trace{"called", "child", "awaited"}));
}

TEST_F(coro, awaiting_gives_values_move_only_values_references_and_nothing) {
  int place = 1;
  run([](int& target) -> Coro<> {
    const int value = co_await number(7);
    EXPECT_EQ(value, 7);
    std::unique_ptr<int> owned =
        co_await []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(8); }();
    EXPECT_EQ(*owned, 8);
    int& reference = co_await [](int& at) -> Coro<int&> { co_return at; }(target);
    reference = 9;
    static_assert(std::is_void_v<await_result_t<Coro<>>>);
  }(place));
  EXPECT_EQ(place, 9);
}

TEST_F(coro, a_type_without_default_constructor_can_be_returned) {
  struct Bare {
    explicit Bare(int from) : value(from) {}
    int value;
  };
  const Bare bare = run([]() -> Coro<Bare> { co_return Bare(3); }());
  EXPECT_EQ(bare.value, 3);
}

TEST_F(coro, a_second_await_is_a_runtime_error_and_the_first_one_stands) {
  run([]() -> Coro<> {
    Coro<int> once = number(5);
    const int first = co_await once;
    EXPECT_EQ(first, 5);
    std::string second;
    try {
      (void)co_await once;
    } catch (const RuntimeError& error) {
      second = error.what();
    }
    EXPECT_EQ(second, "cannot reuse already awaited coroutine");
  }());
}

TEST_F(coro, an_await_of_a_moved_from_coroutine_is_a_runtime_error) {
  run([]() -> Coro<> {
    Coro<int> from = number(5);
    Coro<int> to = std::move(from);
    Result<int> empty = co_await try_(std::move(from));
    EXPECT_EQ(describe(empty.exception()), "RuntimeError: cannot reuse already awaited coroutine");
    (void)co_await std::move(to);
  }());
}

Coro<> async_func() { co_return; }

TEST_F(coro, one_that_is_dropped_unawaited_is_reported_with_file_line_and_name) {
  {
    Coro<> forgotten = async_func();
  }
  const auto lines = take_logs();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::MatchesRegex(
                            ".*coro_test.cpp:[0-9]+: RuntimeWarning: coroutine 'asyncio::test::"
                            "async_func' was never awaited"));
}

TEST_F(coro, close_drops_it_without_a_report_and_destroys_its_arguments) {
  Trace trace;
  Coro<> child = [](Noted) -> Coro<> { co_return; }(Noted(trace, "argument"));
  EXPECT_EQ(trace, (Trace{}));
  child.close();
  EXPECT_EQ(trace, (Trace{"~argument"}));
}

TEST_F(coro, assignment_drops_what_was_there) {
  Coro<> child = async_func();
  child = async_func();
  EXPECT_EQ(take_logs().size(), 1U);
  child.close();
}

TEST_F(coro, an_exception_passes_through_every_frame_and_ends_their_locals_inside_out) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    try {
      co_await [](Trace& t) -> Coro<> {
        const Noted outer(t, "outer");
        co_await [](Trace& u) -> Coro<> {
          const Noted inner(u, "inner");
          co_await fail("deep");
        }(t);
        t("not reached");
      }(out);
    } catch (const ValueError& error) {
      out(error.what());
    }
  }(trace));
  EXPECT_EQ(trace, (Trace{"~inner", "~outer", "deep"}));
}

TEST_F(coro, parameters_and_locals_are_destroyed_exactly_once_and_before_the_parent_goes_on) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    Coro<> child = [](Trace& t, Noted) -> Coro<> {
      const Noted local(t, "local");
      co_await sleep(1ms);
      t("end");
    }(out, Noted(out, "parameter"));
    co_await std::move(child);
    out("parent");
  }(trace));
  EXPECT_EQ(trace, (Trace{"end", "~local", "~parameter", "parent"}));
}

TEST_F(coro, a_result_whose_copy_throws_is_the_exception_of_the_await) {
  struct Bad {
    Bad() = default;
    Bad(const Bad&) { throw ValueError("copy"); }
  };
  run([]() -> Coro<> {
    Result<Bad> result = co_await try_([]() -> Coro<Bad> {
      Bad bad;
      co_return static_cast<const Bad&>(bad);
    }());
    EXPECT_EQ(describe(result.exception()), "ValueError: copy");
  }());
}

// --- depth --------------------------------------------------------------------------------------

Coro<int> nested(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await nested(depth - 1);
  co_return below + 1;
}

TEST_F(coro, nesting_beyond_five_thousand_is_a_recursion_error_and_no_crash) {
  run([]() -> Coro<> {
    Result<int> deep = co_await try_(nested(4900));
    EXPECT_TRUE(deep.ok() && deep.value() == 4900);
    Result<int> endless = co_await try_(nested(1'000'000));
    EXPECT_THAT(describe(endless.exception()),
                ::testing::StartsWith("RecursionError: maximum recursion depth exceeded"));
    Result<int> after = co_await try_(nested(4900));
    EXPECT_TRUE(after.ok());
  }());
}

Coro<int> nested_sleeping(int depth, int sleep_at) {
  if (depth == 0) co_return 0;
  if (depth == sleep_at) co_await sleep(0s);
  const int below = co_await nested_sleeping(depth - 1, sleep_at);
  co_return below + 1;
}

TEST_F(coro, a_chain_that_has_parked_counts_anew_and_ends_through_all_its_frames) {
  EXPECT_EQ(run(nested_sleeping(6000, 3000)), 6000);
}

TEST_F(coro, a_recursion_error_can_be_caught_far_below_and_the_chain_goes_on) {
  const int result = run([]() -> Coro<int> {
    struct Catcher {
      static Coro<int> at(int depth) {
        if (depth > 0) co_return co_await at(depth - 1);
        Result<int> endless = co_await try_(nested(1'000'000));
        EXPECT_FALSE(endless.ok());
        co_await sleep(0s);
        const int more = co_await nested(4000);
        co_return more;
      }
    };
    co_return co_await Catcher::at(3000);
  }());
  EXPECT_EQ(result, 4000);
}

TEST_F(coro, a_million_awaits_that_are_ready_do_not_grow_the_stack) {
  const long sum = run([]() -> Coro<long> {
    long total = 0;
    for (int i = 0; i < 1'000'000; ++i) total += co_await number(1);
    co_return total;
  }());
  EXPECT_EQ(sum, 1'000'000);
}

TEST_F(coro, a_hundred_thousand_awaits_that_park_do_not_grow_the_stack) {
  const int sum = run([]() -> Coro<int> {
    int total = 0;
    for (int i = 0; i < 100'000; ++i) {
      total += co_await []() -> Coro<int> {
        co_await sleep(0s);
        co_return 1;
      }();
    }
    co_return total;
  }());
  EXPECT_EQ(sum, 100'000);
}

// --- awaitables of the user ---------------------------------------------------------------------

struct WithMember {
  struct Awaiter {
    int value;
    bool await_ready() const { return true; }
    void await_suspend(std::coroutine_handle<>) const {}
    int await_resume() const { return value; }
  };
  Awaiter operator co_await() const { return {4}; }
};
struct WithFree {
  int value;
};
WithMember::Awaiter operator co_await(WithFree from) { return {from.value}; }
struct DeclinesToSuspend {
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<>) const { return false; }
  int await_resume() const { return 6; }
};
struct ThrowsOnSuspend {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<>) const { throw ValueError("suspend"); }
  void await_resume() const {}
};
struct TransfersBack {
  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> self) const { return self; }
  int await_resume() const { return 7; }
};

TEST_F(coro, awaits_what_users_make_awaitable) {
  run([]() -> Coro<> {
    const int member = co_await WithMember();
    const int free = co_await WithFree{5};
    const int declines = co_await DeclinesToSuspend();
    const int transfers = co_await TransfersBack();
    EXPECT_EQ(member + free + declines + transfers, 4 + 5 + 6 + 7);
    std::string thrown;
    try {
      co_await ThrowsOnSuspend();
    } catch (const ValueError& error) {
      thrown = error.what();
    }
    EXPECT_EQ(thrown, "suspend");
  }());
  static_assert(Awaitable<WithMember> && Awaitable<WithFree> && Awaitable<Coro<int>>);
  static_assert(!Awaitable<int>);
  static_assert(std::is_same_v<await_result_t<WithFree>, int>);
}

}  // namespace
}  // namespace asyncio::test
