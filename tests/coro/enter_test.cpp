#include "asyncio/coro/enter.hpp"

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using enter_ = LoopTest;

// Notes its life; enter and exit park, and may fail.
class Resource {
 public:
  explicit Resource(Trace& trace, std::string name) : trace_(&trace), name_(std::move(name)) {}
  Resource(Resource&&) = delete;
  ~Resource() { (*trace_)("~" + name_); }

  Coro<> aenter() {
    co_await sleep(0s);
    if (name_ == "bad enter") co_await raise<ValueError>("enter");
    (*trace_)("enter " + name_);
  }
  Coro<> aexit(std::exception_ptr error) {
    co_await sleep(1ms);
    (*trace_)("exit " + name_ + ", " + describe(error));
    if (name_ == "bad exit") co_await raise<ValueError>("exit");
  }
  void use() { (*trace_)("use " + name_); }

 private:
  Trace* trace_;
  std::string name_;
};

// Runs `body(trace)` and notes its outcome.
template <class F>
Coro<> outcome_of(Trace& trace, F body) {
  auto result = co_await try_(body(trace));
  trace(result.ok() ? std::string("ok") : describe(result.exception()));
}

TEST_F(enter_, exits_after_the_locals_and_before_the_parent_goes_on) {
  Trace trace;
  const int value = run([](Trace& out) -> Coro<int> {
    const int inner = co_await [](Trace& t) -> Coro<int> {
      auto& resource = co_await enter<Resource>(t, "r");
      const Noted local(t, "local");
      resource.use();
      co_return 4;
    }(out);
    out("parent");
    co_return inner;
  }(trace));
  EXPECT_EQ(value, 4);
  EXPECT_EQ(trace, (Trace{"enter r", "use r", "~local", "exit r, no exception", "~r", "parent"}));
}

TEST_F(enter_, several_exit_in_reverse_order) {
  Trace trace;
  run(outcome_of(trace, [](Trace& t) -> Coro<> {
    auto& a = co_await enter<Resource>(t, "a");
    auto& b = co_await enter<Resource>(t, "b");
    a.use();
    b.use();
  }));
  EXPECT_EQ(trace, (Trace{"enter a", "enter b", "use a", "use b", "exit b, no exception", "~b",
                          "exit a, no exception", "~a", "ok"}));
}

TEST_F(enter_, every_way_of_failing_is_told_to_the_exits) {
  const auto throws = [](Trace& t) -> Coro<> {
    co_await enter<Resource>(t, "r");
    throw RuntimeError("x");
  };
  const auto passes_on = [](Trace& t) -> Coro<> {
    co_await enter<Resource>(t, "r");
    auto fails = []() -> Coro<> {
      co_await sleep(0s);
      co_await raise<RuntimeError>("x");
    };
    co_await pass(fails());
  };
  const auto raises = [](Trace& t) -> Coro<> {
    co_await pass(enter<Resource>(t, "r"));
    co_await raise<RuntimeError>("x");
  };
  for (const auto& body :
       {std::function<Coro<>(Trace&)>(throws), std::function<Coro<>(Trace&)>(passes_on),
        std::function<Coro<>(Trace&)>(raises)}) {
    Trace trace;
    run(outcome_of(trace, body));
    EXPECT_EQ(trace, (Trace{"enter r", "exit r, RuntimeError: x", "~r", "RuntimeError: x"}));
  }
}

TEST_F(enter_, an_error_of_an_exit_replaces_what_leaves_and_the_other_exits_hear_of_it) {
  Trace trace;
  run(outcome_of(trace, [](Trace& t) -> Coro<int> {
    co_await enter<Resource>(t, "a");
    co_await enter<Resource>(t, "bad exit");
    co_return 1;
  }));
  EXPECT_EQ(trace, (Trace{"enter a", "enter bad exit", "exit bad exit, no exception", "~bad exit",
                          "exit a, ValueError: exit", "~a", "ValueError: exit"}));
}

TEST_F(enter_, a_failed_enter_is_thrown_there_and_not_exited) {
  Trace trace;
  run(outcome_of(trace, [](Trace& t) -> Coro<> {
    co_await enter<Resource>(t, "a");
    try {
      co_await enter<Resource>(t, "bad enter");
    } catch (const ValueError& error) {
      t(error.what());
    }
  }));
  EXPECT_EQ(trace, (Trace{"enter a", "~bad enter", "enter", "exit a, no exception", "~a", "ok"}));
}

TEST_F(enter_, a_failed_enter_under_pass_ends_the_coroutine_and_exits_the_others) {
  Trace trace;
  run(outcome_of(trace, [](Trace& t) -> Coro<> {
    co_await enter<Resource>(t, "a");
    co_await pass(enter<Resource>(t, "bad enter"));
    t("not reached");
  }));
  EXPECT_EQ(trace, (Trace{"enter a", "~bad enter", "exit a, ValueError: enter", "~a",
                          "ValueError: enter"}));
}

TEST_F(enter_, the_root_of_a_task_is_done_when_its_exits_are) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto main = [&out]() -> Coro<int> {
      co_await enter<Resource>(out, "r");
      co_return 2;
    };
    Task<int> task = create_task(main);
    co_await sleep(500us);
    EXPECT_FALSE(task.done());
    EXPECT_EQ(co_await task, 2);
  }(trace));
  EXPECT_EQ(trace, (Trace{"enter r", "exit r, no exception", "~r"}));
}

TEST_F(enter_, a_cancelled_coroutine_is_exited_and_a_cancelled_exit_ends_with_that) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto main = [&out]() -> Coro<> {
      co_await enter<Resource>(out, "r");
      co_await sleep(1s);
    };
    Task<> task = create_task(main);
    co_await sleep(10ms);
    task.cancel();
    (void)co_await try_(task);
    out(task.cancelled() ? "cancelled" : "?");

    auto quick = [&out]() -> Coro<> { co_await enter<Resource>(out, "s"); };
    Task<> exiting = create_task(quick);
    co_await sleep(500us);
    exiting.cancel();
    (void)co_await try_(exiting);
    out(exiting.cancelled() ? "cancelled" : "?");
  }(trace));
  EXPECT_EQ(trace, (Trace{"enter r", "exit r, CancelledError", "~r", "cancelled", "enter s", "~s",
                          "cancelled"}));
}

TEST_F(enter_, a_named_resource_is_used_in_place) {
  Trace trace;
  Resource named(trace, "named");
  run(outcome_of(trace, [&](Trace&) -> Coro<> {
    Resource& same = co_await enter<Resource&>(named);
    EXPECT_EQ(&same, &named);
  }));
  EXPECT_EQ(trace, (Trace{"enter named", "exit named, no exception", "ok"}));
}

TEST_F(enter_, a_resource_whose_enter_is_ready_takes_no_turn) {
  EXPECT_EQ(passes([]() -> Coro<> { co_await enter<Timeout>(std::nullopt); }), 0U);
}

TEST_F(enter_, a_timeout_ends_the_rest_of_the_coroutine) {
  Trace trace;
  run(outcome_of(trace, [](Trace&) -> Coro<> {
    co_await enter<Timeout>(timeout(5ms));
    co_await sleep(1s);
  }));
  EXPECT_EQ(trace, (Trace{"TimeoutError"}));
}

// A loop that closes destroys what has entered without running the exit.
TEST_F(enter_, closing_the_loop_destroys_the_resource_in_the_body_and_in_the_exit) {
  for (const auto how_long : {1s, 0s}) {
    Trace trace;
    auto main = [&]() -> Coro<> {
      co_await enter<Resource>(trace, "r");
      const Noted local(trace, "local");
      co_await sleep(how_long);
    };
    auto other = [&]() -> Coro<> {
      auto inner = [&]() -> Coro<> {
        co_await enter<Resource>(trace, "s");
        co_await raise<ValueError>("x");
      };
      co_await inner();
    };
    auto loop = std::make_unique<EventLoop>(std::make_unique<VirtualBackend>());
    auto task = loop->create_task(main);
    auto failing = loop->create_task(other);
    loop->run_until_complete([]() -> Coro<> { co_await sleep(500us); }());
    loop->close();
    EXPECT_TRUE(task.cancelled() && failing.cancelled());
    EXPECT_EQ(trace, (Trace{"enter r", "enter s", "~local", "~r", "~s"}));
    EXPECT_EQ(take_logs().size(), 2U);
    loop.reset();
  }
}

}  // namespace
}  // namespace asyncio::test
