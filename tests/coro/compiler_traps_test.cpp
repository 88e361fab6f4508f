// g++ 12.2 compiles some correct coroutines wrong, without a word. One program for each such trap
// that the library repairs, or that the shape of its functions keeps users out of; each must run on
// both compilers. What cannot be helped (B2-B6 in a user's own code) is in STYLE.md.
#include <functional>
#include <memory>

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {
namespace {

using namespace std::chrono_literals;

// B1: a co_await in a condition, in a body without any local variable. The frame's promise is then
// not where its handle says; the library repairs that.
using condition_without_locals = LoopTest;

Coro<bool> yes() { co_return true; }
Coro<bool> later_yes() {
  co_await sleep(1ms);
  co_return true;
}
Coro<bool> later_fails() {
  co_await sleep(1ms);
  co_await raise<ValueError>("x");
  co_return false;
}
// Counts down to zero, parking each time.
Coro<bool> more(int& left) {
  co_await sleep(1ms);
  co_return left-- > 0;
}

Coro<int> in_if() {
  if (co_await later_yes()) co_return 1;
  co_return 0;
}
Coro<int> in_if_ready() {
  if (co_await yes()) co_return 1;
  co_return 0;
}
Coro<int> in_else() {
  if (!co_await later_yes()) {
    co_return 0;
  } else {
    co_return 1;
  }
}
Coro<> in_while(int& left) {
  while (co_await more(left)) {
  }
}
Coro<> in_for(int& left) {
  for (; co_await more(left);) {
  }
}
Coro<> in_do(int& left) {
  do {
  } while (co_await more(left));
}
Coro<int> in_switch() {
  switch (co_await later_yes()) {
    case true:
      co_return 1;
    default:
      co_return 0;
  }
}
Coro<int> in_nested_blocks(int& left) {
  while (true) {
    {
      if (co_await more(left)) continue;
      if (co_await later_yes()) co_return left;
    }
  }
}
Coro<int> in_try() {
  try {
    if (co_await later_fails()) co_return 0;
  } catch (const ValueError&) {
    co_return 1;
  }
  co_return 0;
}
Coro<int> with_parameters(std::string text, std::unique_ptr<int> owned) {
  if (co_await later_yes()) co_return static_cast<int>(text.size()) + *owned;
  co_return 0;
}
Coro<int> throwing() {
  if (co_await later_yes()) throw ValueError("thrown");
  co_return 0;
}
Coro<int> passing() {
  if (co_await pass(later_fails())) co_return 0;
  co_return 1;
}
Coro<int> raising() {
  if (co_await later_yes()) co_await raise<ValueError>("raised");
  co_return 0;
}
Coro<int> trying() {
  if ((co_await try_(later_fails())).ok()) co_return 0;
  co_return 1;
}
Coro<int> nested_conditions() {
  if ((co_await in_if()) == 1) co_return 1;
  co_return 0;
}

TEST_F(condition_without_locals, if_and_switch) {
  EXPECT_EQ(run(in_if()), 1);
  EXPECT_EQ(run(in_if_ready()), 1);
  EXPECT_EQ(run(in_else()), 1);
  EXPECT_EQ(run(in_switch()), 1);
  EXPECT_EQ(run(nested_conditions()), 1);
}

TEST_F(condition_without_locals, loops) {
  for (auto* loop_shape : {&in_while, &in_for, &in_do}) {
    int left = 3;
    run(loop_shape(left));
    EXPECT_EQ(left, -1);
  }
  int left = 3;
  EXPECT_EQ(run(in_nested_blocks(left)), -1);
}

TEST_F(condition_without_locals, parameters_of_the_body_and_of_a_lambda) {
  EXPECT_EQ(run(with_parameters("abc", std::make_unique<int>(4))), 7);
  const int base = 5;
  auto lambda = [&base]() -> Coro<int> {
    if (co_await later_yes()) co_return base;
    co_return 0;
  };
  EXPECT_EQ(run(lambda()), 5);
}

TEST_F(condition_without_locals, exceptions_pass_and_raise) {
  EXPECT_EQ(run(in_try()), 1);
  EXPECT_EQ(run(trying()), 1);
  EXPECT_EQ(thrown_by([&] { run(throwing()); }), "ValueError: thrown");
  EXPECT_EQ(thrown_by([&] { run(passing()); }), "ValueError: x");
  EXPECT_EQ(thrown_by([&] { run(raising()); }), "ValueError: raised");
}

TEST_F(condition_without_locals, destroyed_before_it_starts_and_while_it_waits) {
  Trace trace;
  auto waits = [](Noted) -> Coro<int> {
    if (co_await later_yes()) co_return 1;
    co_return 0;
  };
  waits(Noted(trace, "unstarted")).close();
  EXPECT_EQ(trace, (Trace{"~unstarted"}));

  auto task = loop().create_task(waits(Noted(trace, "waiting")));
  run([]() -> Coro<> { co_await sleep(0s); }());
  close_loop();
  EXPECT_EQ(trace, (Trace{"~unstarted", "~waiting"}));
  EXPECT_EQ(take_logs().size(), 1U);
}

TEST_F(condition_without_locals, as_a_task_cancelled_and_eager) {
  run([]() -> Coro<> {
    Task<int> eager = create_task(in_if_ready(), {.eager_start = true});
    EXPECT_TRUE(eager.done());
    Task<int> cancelled = create_task(in_if());
    co_await sleep(0s);
    cancelled.cancel();
    (void)co_await try_(cancelled);
    EXPECT_TRUE(cancelled.cancelled());
    auto both = co_await gather(in_if(), in_switch());
    EXPECT_EQ(both, (std::tuple{1, 1}));
  }());
}

struct Gate {
  explicit Gate(Trace& out) : trace(&out) {}
  detail::Immediate aenter() { return detail::Immediate(); }
  Coro<> aexit(std::exception_ptr) {
    if (co_await later_yes()) (*trace)("exit");
  }
  Trace* trace;
};

TEST_F(condition_without_locals, with_an_entered_resource) {
  Trace trace;
  auto body = [&trace]() -> Coro<int> {
    co_await enter<Gate>(trace);
    if (co_await later_yes()) co_return 1;
    co_return 0;
  };
  EXPECT_EQ(run(body()), 1);
  EXPECT_EQ(trace, (Trace{"exit"}));
}

// B2: aggregates with owners are destroyed twice; the library's option structs have none.
using options_in_place = LoopTest;

static_assert(std::is_trivially_destructible_v<TaskOptions>);
static_assert(std::is_trivially_destructible_v<WaitOptions>);
static_assert(std::is_trivially_destructible_v<Delay>);

TEST_F(options_in_place, designated_and_defaulted_options_inside_an_await) {
  run([]() -> Coro<> {
    co_await create_task(yes(), {.name = "named in place", .eager_start = true});
    co_await create_task(yes());
    std::vector<Task<bool>> tasks;
    tasks.push_back(create_task(yes()));
    auto outcome = co_await wait(tasks, {.timeout = 1s, .return_when = FIRST_COMPLETED});
    EXPECT_EQ(outcome.done.size(), 1U);
  }());
}

// B3, G8: a temporary closure with owning captures is destroyed twice. create_task and with()
// refuse or keep it; a named one works everywhere.
using callables = LoopTest;

static_assert(detail::kSafeInPlace<std::function<void()>&>, "a named callable is always safe");
static_assert(detail::kSafeInPlace<std::function<void()>> == !ASYNCIO_GCC_FRAME_BUG);

TEST_F(callables, a_named_closure_with_owning_captures) {
  Trace trace;
  run([](Trace& out) -> Coro<> {
    auto shared = std::make_shared<Noted>(out, "captured");
    auto block = [owner = shared]() -> Coro<int> {
      co_await sleep(1ms);
      co_return static_cast<int>(owner.use_count() > 0);
    };
    shared.reset();
    const int in_with = co_await with(timeout(1s), block);
    EXPECT_EQ(in_with, 1);
    Task<int> task = create_task(std::move(block));
    out("moved");
    co_await task;
    out("done");
  }(trace));
  EXPECT_EQ(trace, (Trace{"moved", "~captured", "done"}));
}

TEST_F(callables, a_closure_that_captures_references_in_place) {
  run([]() -> Coro<> {
    std::string text = "text";
    const std::size_t size = co_await with(timeout(1s), [&]() -> Coro<std::size_t> {
      co_await sleep(1ms);
      co_return text.size();
    });
    EXPECT_EQ(size, 4U);
  }());
}

// Exceptions with owners are made inside raise(), so the await holds only their arguments.
TEST_F(callables, raise_with_an_owning_argument) {
  auto raises = [](std::string text) -> Coro<> {
    co_await raise<ValueError>(text + " that is long enough to need memory of its own");
  };
  EXPECT_EQ(thrown_by([&] { run(raises("a text")); }),
            "ValueError: a text that is long enough to need memory of its own");
}

// --- what works on both, so that a new compiler that breaks it is noticed -----------------------

using works_everywhere = LoopTest;

Coro<std::unique_ptr<int>> make(int value) {
  co_await sleep(0s);
  co_return std::make_unique<int>(value);
}
Coro<int> sum(std::unique_ptr<int> a, std::unique_ptr<int> b) { co_return *a + *b; }
Coro<std::vector<std::string>> words() {
  co_await sleep(0s);
  std::vector<std::string> all(2, "a word that is too long to be kept inside");
  co_return all;
}

TEST_F(works_everywhere, awaits_as_arguments_of_an_await) {
  run([]() -> Coro<> {
    const int result = co_await sum(co_await make(1), co_await make(2));
    EXPECT_EQ(result, 3);
    const int nested = co_await sum(
        std::make_unique<int>(co_await sum(co_await make(1), std::make_unique<int>(2))),
        std::make_unique<int>(5));
    EXPECT_EQ(nested, 8);
  }());
}

TEST_F(works_everywhere, a_loop_over_an_awaited_container_and_bindings) {
  run([]() -> Coro<> {
    std::size_t size = 0;
    for (const std::string& word : co_await words()) size += word.size();
    EXPECT_EQ(size, 82U);
    auto [a, b] = co_await gather(make(1), make(2));
    EXPECT_EQ(*a + *b, 3);
    if (auto owned = co_await make(6); *owned == 6) size = 0;
    EXPECT_EQ(size, 0U);
  }());
}

template <class... Cs>
Coro<int> add_up(Cs... all) {
  const int total = (0 + ... + *co_await std::move(all));
  co_return total;
}

TEST_F(works_everywhere, a_pack_of_awaits) { EXPECT_EQ(run(add_up(make(1), make(2), make(3))), 6); }

TEST_F(works_everywhere, a_chain_destroyed_while_suspended_in_the_middle_of_an_expression) {
  Trace trace;
  auto waits = [](Noted noted) -> Coro<std::string> {
    const std::string text = std::string("a text that needs memory of its own") + co_await
                             [](Noted) -> Coro<std::string> {
      co_await sleep(1s);
      co_return "x";
    }(std::move(noted));
    co_return text;
  };
  auto task = loop().create_task(waits(Noted(trace, "argument")));
  run([]() -> Coro<> { co_await sleep(0s); }());
  close_loop();
  EXPECT_EQ(trace, (Trace{"~argument"}));
  EXPECT_EQ(take_logs().size(), 1U);
}

}  // namespace
}  // namespace asyncio::test
