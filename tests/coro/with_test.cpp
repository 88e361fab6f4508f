#include "asyncio/coro/with.hpp"

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using with_ = LoopTest;

// Notes what happens to it; its enter and exit may fail, and take a turn each.
class Resource {
 public:
  explicit Resource(Trace& trace) : trace_(&trace) {}
  Coro<> aenter() {
    co_await sleep(0s);
    if (fail_enter) co_await raise<ValueError>("enter");
    (*trace_)("enter");
  }
  Coro<> aexit(std::exception_ptr error) {
    co_await sleep(0s);
    (*trace_)("exit with " + describe(error));
    if (fail_exit) co_await raise<ValueError>("exit");
  }
  bool fail_enter = false;
  bool fail_exit = false;

 private:
  Trace* trace_;
};

TEST_F(with_, enters_runs_the_block_exits_and_gives_its_value) {
  Trace trace;
  const int value = run([](Trace& out) -> Coro<int> {
    co_return co_await with(Resource(out), [&](Resource& resource) -> Coro<int> {
      out("block");
      resource.fail_exit = false;
      co_return 3;
    });
  }(trace));
  EXPECT_EQ(value, 3);
  EXPECT_EQ(trace, (Trace{"enter", "block", "exit with no exception"}));
}

TEST_F(with_, an_exception_of_the_block_is_told_to_the_exit_and_goes_on) {
  Trace trace;
  EXPECT_EQ(thrown_by([&] {
              run(with(Resource(trace), []() -> Coro<> {
                co_await sleep(0s);
                throw RuntimeError("block");
              }));
            }),
            "RuntimeError: block");
  EXPECT_EQ(trace, (Trace{"enter", "exit with RuntimeError: block"}));
}

TEST_F(with_, a_block_that_throws_before_it_is_a_coroutine_is_exited_too) {
  Trace trace;
  auto block = []() -> Coro<> { throw RuntimeError("call"); };
  EXPECT_EQ(thrown_by([&] { run(with(Resource(trace), block)); }), "RuntimeError: call");
  EXPECT_EQ(trace, (Trace{"enter", "exit with RuntimeError: call"}));
}

TEST_F(with_, an_exception_of_the_exit_replaces_that_of_the_block) {
  Trace trace;
  Resource resource(trace);
  resource.fail_exit = true;
  auto block = []() -> Coro<> {
    throw RuntimeError("block");
    co_return;
  };
  EXPECT_EQ(thrown_by([&] { run(with(resource, block)); }), "ValueError: exit");
}

TEST_F(with_, a_failed_enter_runs_neither_block_nor_exit) {
  Trace trace;
  Resource resource(trace);
  resource.fail_enter = true;
  auto block = [&]() -> Coro<> {
    trace("block");
    co_return;
  };
  EXPECT_EQ(thrown_by([&] { run(with(resource, block)); }), "ValueError: enter");
  EXPECT_EQ(trace, (Trace{}));
}

TEST_F(with_, a_cancelled_block_is_exited_before_the_cancellation_goes_on) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto main = [&out]() -> Coro<> {
      co_await with(Resource(out), []() -> Coro<> { co_await sleep(1s); });
    };
    Task<> task = create_task(main);
    co_await sleep(10ms);
    task.cancel("why");
    Result<void> result = co_await try_(task);
    out(describe(result.exception()));
  }(trace));
  EXPECT_EQ(trace, (Trace{"enter", "exit with CancelledError: why", "CancelledError: why"}));
}

struct Suppress {
  detail::Immediate aenter() { return detail::Immediate(); }
  Coro<bool> aexit(std::exception_ptr error) { co_return base::exception_is<ValueError>(error); }
};

TEST_F(with_, an_exit_that_gives_true_swallows_the_exception) {
  auto fails_with_value = []() -> Coro<> { co_await raise<ValueError>("v"); };
  auto fails_otherwise = []() -> Coro<> { co_await raise<RuntimeError>("r"); };
  run(with(Suppress(), fails_with_value));
  EXPECT_EQ(thrown_by([&] { run(with(Suppress(), fails_otherwise)); }), "RuntimeError: r");
}

TEST_F(with_, a_named_resource_is_used_in_place_and_a_temporary_lives_until_the_exit_is_over) {
  Trace trace;
  struct Owner {
    explicit Owner(Trace& of) : trace(&of), noted(of, "resource") {}
    detail::Immediate aenter() { return detail::Immediate(); }
    Coro<> aexit(std::exception_ptr) {
      co_await sleep(0s);
      (*trace)("exit");
    }
    Trace* trace;
    Noted noted;
  };
  run([](Trace& out) -> Coro<> {
    Owner named(out);
    Owner* seen = nullptr;
    co_await with(named, [&](Owner& at) -> Coro<> {
      seen = &at;
      co_return;
    });
    EXPECT_EQ(seen, &named);
    out("named is alive");
    co_await with(Owner(out), []() -> Coro<> { co_return; });
    out("after");
  }(trace));
  EXPECT_EQ(trace, (Trace{"exit", "named is alive", "exit", "~resource", "after", "~resource"}));
}

TEST_F(with_, blocks_nest_and_exit_inside_out) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    co_await with(Resource(out), [&]() -> Coro<> {
      co_await with(Resource(out), [&]() -> Coro<> {
        out("block");
        co_return;
      });
      out("between");
    });
  }(trace));
  EXPECT_EQ(trace, (Trace{"enter", "enter", "block", "exit with no exception", "between",
                          "exit with no exception"}));
}

}  // namespace
}  // namespace asyncio::test
