// Tasks whose first step runs inside create_task(), and task factories. Rule 2.14.
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/task/task_factory.hpp"
#include "asyncio/task/task_group.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

using eager_start = LoopTest;
using task_factory = LoopTest;

Coro<> turn() { co_await sleep(0s); }
Coro<int> number(int value) {
  co_await turn();
  co_return value;
}
Coro<int> at_once(int value) { co_return value; }

class eager_task_factory_ : public LoopTest {
 protected:
  eager_task_factory_() { loop().set_task_factory(eager_task_factory); }
};

// CPython: test_tasks::BaseTaskTests::test_eager_start_true
// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_current_task
// Rule 2.14
TEST_F(eager_start, runs_the_first_step_inside_the_call_with_its_own_current_task) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    const AnyTask self = current_task();
    auto body = [&]() -> Coro<> {
      out(current_task() == self ? "?" : "first step");
      EXPECT_EQ(all_tasks().size(), 2U);
      co_await turn();
      out("second step");
    };
    Task<> child = create_task(body, {.eager_start = true});
    EXPECT_TRUE(current_task() == self);
    out("created");
    co_await child;
  }(trace));
  EXPECT_EQ(trace, (Trace{"first step", "created", "second step"}));
}

// CPython: test_tasks::BaseTaskTests::test_eager_start_false
// Rule 2.14
TEST_F(eager_start, false_and_nothing_wait_for_the_next_turn) {
  run([]() -> Coro<> {
    Task<int> asked = create_task(at_once(1), {.eager_start = false});
    Task<int> plain = create_task(at_once(2));
    EXPECT_FALSE(asked.done() || plain.done());
    co_await turn();
    EXPECT_TRUE(asked.done() && plain.done());
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_all_tasks_with_eager_completion
// Rule 2.14
TEST_F(eager_start, one_that_ends_at_once_never_touches_the_loop) {
  run([](Scheduler& of) -> Coro<> {
    bool seen = false;
    auto body = [&seen]() -> Coro<int> {
      seen = all_tasks().size() == 2;
      co_return 5;
    };
    const auto before = of.turns();
    Task<int> child = create_task(body, {.eager_start = true});
    EXPECT_TRUE(child.done());
    EXPECT_TRUE(seen);
    EXPECT_EQ(co_await child, 5);
    EXPECT_EQ(of.turns(), before);
    EXPECT_EQ(all_tasks().size(), 1U);
  }(scheduler()));
}

TEST_F(eager_start, outside_of_a_running_loop_waits_for_it) {
  Task<int> task = loop().create_task(at_once(1), {.eager_start = true});
  EXPECT_FALSE(task.done());
  EXPECT_EQ(run(task), 1);
}

TEST_F(eager_start, tasks_that_start_each_other_without_end_do_not_overflow_the_stack) {
  struct Spawner {
    static Coro<> at(int depth) {
      if (depth > 0) co_await create_task(at(depth - 1), {.eager_start = true});
    }
  };
  run(Spawner::at(20'000));
}

TEST_F(eager_start, one_that_blocks_can_be_cancelled) {
  run([]() -> Coro<> {
    Task<int> child = create_task(number(1), {.eager_start = true});
    child.cancel();
    (void)co_await try_(child);
    EXPECT_TRUE(child.cancelled());
  }());
}

TEST_F(eager_start, an_exception_of_the_first_step_is_that_of_the_task) {
  run([]() -> Coro<> {
    auto fails = []() -> Coro<> {
      throw ValueError("first step");
      co_return;
    };
    Task<> child = create_task(fails, {.eager_start = true});
    EXPECT_TRUE(child.done());
    EXPECT_EQ(describe(child.exception()), "ValueError: first step");
    co_return;
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_context_vars
// Rule 2.55
TEST_F(eager_start, its_first_step_has_a_context_of_its_own) {
  const ContextVar<int> var("var", 0);
  run([](ContextVar<int> cvar) -> Coro<> {
    auto body = [cvar]() -> Coro<> {
      EXPECT_EQ(cvar.get(), 1);
      cvar.set(2);
      EXPECT_EQ(cvar.get(), 2);
      co_await turn();
      EXPECT_EQ(cvar.get(), 2);
    };
    cvar.set(1);
    Task<> child = create_task(body, {.eager_start = true});
    EXPECT_EQ(cvar.get(), 1);
    cvar.set(3);
    co_await child;
    EXPECT_EQ(cvar.get(), 3);
  }(var));
}

// CPython's gh-157301: it raised, and then the loop hung.
TEST_F(eager_start, in_a_context_that_is_entered_is_refused_by_the_call) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    const Context own = current_task().get_context();
    auto body = [](Noted) -> Coro<> { co_return; };
    EXPECT_EQ(thrown_by([&] {
                (void)create_task(body(Noted(out, "argument")),
                                  {.eager_start = true, .context = &own});
              }),
              "RuntimeError: cannot enter context: <Context> is already entered");
    out("after");
    co_await turn();
    EXPECT_EQ(all_tasks().size(), 1U);
  }(trace));
  EXPECT_EQ(trace, (Trace{"~argument", "after"}));
}

// --- eager_task_factory -------------------------------------------------------------------------

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_eager_completion
// Rule 2.14
TEST_F(eager_task_factory_, a_coroutine_that_does_not_wait_is_done_when_its_task_is_made) {
  run([]() -> Coro<> {
    Task<int> task = create_task(at_once(1));
    EXPECT_TRUE(task.done());
    EXPECT_EQ(co_await task, 1);
    auto body = []() -> Coro<int> { return at_once(2); };
    EXPECT_EQ(create_task(body).result(), 2);
    EXPECT_EQ(ensure_future(at_once(3)).result(), 3);
    EXPECT_TRUE(gather(at_once(4), at_once(5)).done());
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_await_future_during_eager_step
// Rule 2.14
TEST_F(eager_task_factory_, a_future_that_is_done_is_awaited_within_the_first_step) {
  run([]() -> Coro<> {
    auto set_result = [](Future<std::string> future) -> Coro<> {
      future.set_result("my result");
      co_return;
    };
    Future<std::string> future = create_future<std::string>();
    auto body = [&]() -> Coro<std::string> {
      (void)create_task(set_result(future));
      co_return co_await future;
    };
    Task<std::string> task = create_task(body);
    EXPECT_TRUE(task.done());
    EXPECT_EQ(co_await task, "my result");
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_block_after_eager_step
// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_all_tasks_with_blocking
// Rule 2.14
TEST_F(eager_task_factory_, one_that_waits_is_a_task_like_others_from_then_on) {
  run([]() -> Coro<> {
    Future<> future = create_future();
    bool begun = false;
    auto body = [&]() -> Coro<int> {
      begun = true;
      co_await future;
      co_return 7;
    };
    Task<int> task = create_task(body);
    EXPECT_TRUE(begun);
    EXPECT_FALSE(task.done());
    EXPECT_EQ(all_tasks().size(), 2U);
    future.set_result();
    EXPECT_EQ(co_await task, 7);
    EXPECT_EQ(all_tasks().size(), 1U);
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_cancellation_after_eager_completion
TEST_F(eager_task_factory_, one_that_is_done_cannot_be_cancelled) {
  run([]() -> Coro<> {
    Task<int> task = create_task(at_once(1));
    EXPECT_FALSE(task.cancel());
    EXPECT_EQ(co_await task, 1);
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_cancellation_after_eager_step_blocks
TEST_F(eager_task_factory_, one_that_waits_is_cancelled_where_it_waits) {
  run([]() -> Coro<> {
    auto body = []() -> Coro<> { co_await create_future(); };
    Task<> task = create_task(body);
    EXPECT_TRUE(task.cancel("cancelled"));
    EXPECT_FALSE(task.cancelled());
    Result<void> result = co_await try_(task);
    EXPECT_EQ(describe(result.exception()), "CancelledError: cancelled");
    EXPECT_TRUE(task.cancelled());
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_eager_start_false
// Rule 2.14
TEST_F(eager_task_factory_, eager_start_false_overrides_it) {
  run([]() -> Coro<> {
    Task<int> task = create_task(at_once(1), {.eager_start = false});
    EXPECT_FALSE(task.done());
    EXPECT_EQ(co_await task, 1);
  }());
}

// CPython: test_eager_task_factory::EagerTaskFactoryLoopTests::test_eager_task_factory_set
TEST_F(eager_task_factory_, is_what_the_loop_was_given) {
  using Factory = std::remove_const_t<decltype(eager_task_factory)>;
  EXPECT_NE(loop().get_task_factory().target<Factory>(), nullptr);
  loop().set_task_factory(nullptr);
  EXPECT_FALSE(loop().get_task_factory());
  EXPECT_FALSE(loop().create_task(at_once(1)).done());
  run(turn());
}

Coro<int> sum_of_chain(int depth) {
  if (depth == 0) co_return 1;
  const int below = co_await create_task(sum_of_chain(depth - 1));
  co_return below + 1;
}

// CPython: test_eager_task_factory::BaseTaskCountingTests::test_awaitables_chain
TEST_F(eager_task_factory_, a_chain_of_tasks_takes_no_turn_of_the_loop) {
  run([](Scheduler& of) -> Coro<> {
    const auto before = of.turns();
    EXPECT_EQ(co_await create_task(sum_of_chain(100)), 101);
    EXPECT_EQ(of.turns(), before);
  }(scheduler()));
}

// Five children, each with five of its own, four deep: 1 + 5 + 25 + 125 + 625 tasks with the root.
Coro<> recursive_gather(int depth) {
  if (depth == 0) co_return;
  std::vector<Coro<>> children;
  for (int i = 0; i < 5; ++i) children.push_back(recursive_gather(depth - 1));
  (void)co_await gather(std::move(children));
}

Coro<> recursive_taskgroups(int depth) {
  if (depth == 0) co_return;
  auto block = [depth](TaskGroup& group) -> Coro<> {
    for (int i = 0; i < 5; ++i) (void)group.create_task(recursive_taskgroups(depth - 1));
    co_return;
  };
  co_await with(TaskGroup{}, block);
}

struct Counts {
  int eager = 0;
  int lazy = 0;
};
EventLoopTaskFactory counting(Counts& counts) {
  return [&counts](EventLoop&, FactoryCoro& coroutine, const TaskOptions& options) {
    ++(options.eager_start.value_or(false) ? counts.eager : counts.lazy);
    return coroutine.create_task(options);
  };
}

// CPython: test_eager_task_factory::BaseTaskCountingTests::test_recursive_gather
// Rule 2.14
TEST_F(eager_task_factory_, a_tree_of_gathers_takes_no_turn_of_the_loop) {
  Counts counts;
  loop().set_task_factory(create_eager_task_factory(counting(counts)));
  run([](Scheduler& of) -> Coro<> {
    const auto before = of.turns();
    co_await recursive_gather(4);
    EXPECT_EQ(of.turns(), before);
  }(scheduler()));
  EXPECT_EQ(counts.eager, 1 + 5 + 25 + 125 + 625);
  EXPECT_EQ(counts.lazy, 0);

  counts = {};
  loop().set_task_factory(counting(counts));
  run(recursive_gather(4));
  EXPECT_EQ(counts.eager, 0);
  EXPECT_EQ(counts.lazy, 1 + 5 + 25 + 125 + 625);
}

// CPython: test_eager_task_factory::BaseTaskCountingTests::test_recursive_taskgroups
// Rule 2.37
TEST_F(eager_task_factory_, starts_the_tasks_of_a_tree_of_groups_at_the_call) {
  Counts counts;
  loop().set_task_factory(create_eager_task_factory(counting(counts)));
  run(recursive_taskgroups(4));
  EXPECT_EQ(counts.eager, 1 + 5 + 25 + 125 + 625);
  EXPECT_EQ(counts.lazy, 0);

  counts = {};
  loop().set_task_factory(counting(counts));
  run(recursive_taskgroups(4));
  EXPECT_EQ(counts.eager, 0);
  EXPECT_EQ(counts.lazy, 1 + 5 + 25 + 125 + 625);
}

// --- factories of the program -------------------------------------------------------------------

// CPython: test_base_events::BaseEventLoopTests::test_create_named_task_with_custom_factory
TEST_F(task_factory, makes_every_task_and_may_change_its_options) {
  Trace trace;
  loop().set_task_factory([&](EventLoop& of, FactoryCoro& coroutine, TaskOptions options) {
    EXPECT_EQ(&of, &loop());
    const std::string name = "made " + std::string(options.name);
    options.name = name;
    AnyTask task = coroutine.create_task(options);
    trace(task.get_name());
    return task;
  });
  run([]() -> Coro<> {
    Task<int> task = create_task(number(1), {.name = "one"});
    EXPECT_EQ(task.get_name(), "made one");
    (void)co_await gather(task, number(2));
  }());
  EXPECT_EQ(trace, (Trace{"made ", "made one", "made "}));
}

TEST_F(task_factory, may_refuse_by_throwing_and_must_return_the_task_it_made) {
  const Task<int> other = loop().create_task(number(1));
  loop().set_task_factory([](EventLoop&, FactoryCoro&, const TaskOptions&) -> AnyTask {
    throw ValueError("no more tasks");
  });
  EXPECT_EQ(thrown_by([&] { (void)loop().create_task(number(1)); }), "ValueError: no more tasks");
  loop().set_task_factory(
      [&](EventLoop&, FactoryCoro&, const TaskOptions&) -> AnyTask { return other; });
  const std::string wrong =
      "TypeError: a task factory must return what coroutine.create_task(options) "
      "gave it";
  EXPECT_EQ(thrown_by([&] { (void)loop().create_task(number(1)); }), wrong);
  loop().set_task_factory([](EventLoop&, FactoryCoro& coroutine, const TaskOptions& options) {
    AnyTask task = coroutine.create_task(options);
    EXPECT_EQ(thrown_by([&] { (void)coroutine.create_task(options); }),
              "RuntimeError: cannot reuse already awaited coroutine");
    return task;
  });
  EXPECT_EQ(run(other), 1);
  EXPECT_EQ(take_logs().size(), 2U) << "two coroutines that were never awaited";
}

TEST_F(task_factory, create_eager_task_factory_has_tasks_made_by_a_constructor_of_the_program) {
  Trace trace;
  loop().set_task_factory(create_eager_task_factory(
      [&](EventLoop&, FactoryCoro& coroutine, const TaskOptions& options) {
        trace(options.eager_start.value_or(false) ? "eager" : "lazy");
        return coroutine.create_task(options);
      }));
  run([]() -> Coro<> {
    EXPECT_TRUE(create_task(at_once(1)).done());
    EXPECT_FALSE(create_task(at_once(1), {.eager_start = false}).done());
    co_await turn();
  }());
  EXPECT_EQ(trace, (Trace{"eager", "eager", "lazy"}));
}

}  // namespace
}  // namespace asyncio::test
