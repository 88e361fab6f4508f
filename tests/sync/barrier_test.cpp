#include "asyncio/sync/barrier.hpp"

#include <algorithm>

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/wait.hpp"
#include "sync/primitives.hpp"

namespace asyncio::test {
namespace {

using barrier = LoopTest;

constexpr int kParties = 5;

template <class F>
auto make_tasks(int count, const F& body) {
  std::vector<decltype(create_task(body))> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back(create_task(body));
  return tasks;
}

Numbers sorted(Numbers numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

#define EXPECT_READY(barrier)          \
  do {                                 \
    EXPECT_EQ(barrier.n_waiting(), 0); \
    EXPECT_FALSE(barrier.broken());    \
  } while (false)

// How a wait ends: with a number, or with which error.
Coro<std::string> try_wait(Barrier& barrier) {
  const Result<int> outcome = co_await try_(barrier.wait());
  co_return outcome.ok() ? std::to_string(outcome.value()) : describe(outcome.exception());
}
bool is_broken(const std::string& outcome) { return outcome.starts_with("BrokenBarrierError"); }

// CPython: test_locks::BarrierTests::test_repr
// CPython: test_locks::BarrierTests::test_barrier
TEST_F(barrier, shows_its_state_and_how_many_wait) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [filling, waiters:0/5]>");
    std::vector<Task<int>> waiting;
    const auto add = [&](int count) {
      for (int i = 0; i < count; ++i) waiting.push_back(create_task(barrier.wait()));
    };
    add(2);
    co_await one_turn();
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [filling, waiters:2/5]>");
    add(3);
    co_await one_turn();
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [draining, waiters:0/5]>");
    add(2);
    co_await one_turn();
    co_await barrier.reset();
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [resetting, waiters:0/5]>");
    add(2);
    co_await one_turn();
    co_await barrier.abort();
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [broken]>");
    EXPECT_TRUE(barrier.broken());
    co_await gather(return_exceptions, std::move(waiting));
  });
}

// CPython: test_locks::BarrierTests::test_barrier_parties
TEST_F(barrier, is_for_one_task_at_least) {
  EXPECT_EQ(thrown_by([] { return Barrier(0).parties(); }), "ValueError: parties must be > 0");
  EXPECT_EQ(thrown_by([] { return Barrier(-4).parties(); }), "ValueError: parties must be > 0");
  EXPECT_EQ(Barrier(kParties).parties(), kParties);
}

// CPython: test_locks::BarrierTests::test_context_manager
TEST_F(barrier, with_gives_the_block_its_number_and_enter_too) {
  run([]() -> Coro<> {
    Barrier barrier(2);
    const auto [a, b] =
        co_await gather(with(barrier, [](auto index) -> Coro<int> { co_return index; }),
                        with(barrier, [](int index) -> Coro<int> { co_return index; }));
    EXPECT_EQ(a, 0);
    EXPECT_EQ(b, 1);
    const auto enters = [](Barrier& at) -> Coro<int> {
      const int index = co_await enter<Barrier&>(at);
      co_return index;
    };
    const auto says_nothing = []() -> Coro<> { co_return; };
    const auto results = co_await gather(enters(barrier), with(barrier, says_nothing));
    EXPECT_EQ(std::get<0>(results), 0);
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_filling_one_task
// CPython: test_locks::BarrierTests::test_filling_one_task_twice
TEST_F(barrier, of_one_lets_everyone_pass) {
  Barrier barrier(1);
  EXPECT_EQ(passes([&] { return barrier.wait(); }), 0U);
  run([&]() -> Coro<> {
    Task<int> first = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 0);
    Task<int> second = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(first.result(), 0);
    EXPECT_EQ(second.result(), 0);
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_filling_task_by_task
TEST_F(barrier, fills_task_by_task) {
  run([]() -> Coro<> {
    Barrier barrier(3);
    Task<int> first = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 1);
    Task<int> second = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 2);
    Task<int> third = create_task(barrier.wait());
    co_await one_turn();
    co_await asyncio::wait(list_of(first, second, third));
    EXPECT_EQ((Numbers{first.result(), second.result(), third.result()}), (Numbers{0, 1, 2}));
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_filling_tasks_wait_twice
// CPython: test_locks::BarrierTests::test_filling_tasks_check_return_value
// Rule 2.42
TEST_F(barrier, gives_distinct_numbers_each_time_it_fills) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    int first_blocks = 0;
    const auto twice = [&]() -> Coro<int> {
      co_return co_await with(barrier, [&]() -> Coro<int> {
        ++first_blocks;
        co_return co_await with(barrier, [](int index) -> Coro<int> { co_return index; });
      });
    };
    const Numbers numbers = co_await gather(make_tasks(kParties, twice));
    EXPECT_EQ(first_blocks, kParties);
    EXPECT_EQ(sorted(numbers), (Numbers{0, 1, 2, 3, 4}));
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_draining_state
TEST_F(barrier, is_draining_until_the_last_has_left) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    std::vector<bool> draining;
    const auto body = [&]() -> Coro<> {
      co_await barrier.wait();
      draining.push_back(barrier.repr().find("draining") != std::string::npos);
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_EQ(draining, (std::vector<bool>{true, true, true, true, false}));
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_blocking_tasks_while_draining
// Rule 2.42
TEST_F(barrier, drains_before_it_fills_again) {
  run([]() -> Coro<> {
    constexpr int kAgain = 2;
    Barrier barrier(kParties);
    Barrier rest(kParties - kAgain);
    int again = kAgain;
    const auto body = [&]() -> Coro<> {
      co_await barrier.wait();
      if (again > 0) {
        --again;
      } else {
        co_await rest.wait();
      }
      co_await barrier.wait();
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_filling_tasks_cancel_one
// Rule 2.42
TEST_F(barrier, a_cancelled_task_just_leaves) {
  run([]() -> Coro<> {
    Barrier barrier(3);
    Task<int> first = create_task(barrier.wait());
    co_await one_turn();
    Task<int> second = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 2);
    first.cancel();
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 1);
    const std::string failure = co_await failure_of(first);
    EXPECT_EQ(failure, "CancelledError");
    EXPECT_TRUE(first.cancelled());
    Task<int> third = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_EQ(barrier.n_waiting(), 2);
    Task<int> fourth = create_task(barrier.wait());
    const auto numbers = co_await gather(list_of(second, third, fourth));
    EXPECT_EQ(numbers.size(), 3U);
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier
// CPython: test_locks::BarrierTests::test_abort_barrier
TEST_F(barrier, can_be_reset_and_aborted_when_nobody_waits) {
  run([]() -> Coro<> {
    Barrier barrier(1);
    co_await create_task(barrier.reset());
    EXPECT_READY(barrier);
    co_await create_task(barrier.abort());
    EXPECT_EQ(barrier.n_waiting(), 0);
    EXPECT_TRUE(barrier.broken());
    const std::string failure = co_await failure_of(barrier.wait());
    EXPECT_EQ(failure, "BrokenBarrierError: Barrier aborted");
    co_await barrier.reset();
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier_while_tasks_waiting
TEST_F(barrier, reset_breaks_the_waits_and_begins_anew) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    const auto body = [&]() -> Coro<std::string> { co_return co_await try_wait(barrier); };
    auto tasks = make_tasks(kParties - 1, body);
    co_await one_turn();
    Task<> reset = create_task(barrier.reset());
    const auto outcomes = co_await gather(std::move(tasks));
    for (const std::string& outcome : outcomes) {
      EXPECT_EQ(outcome, "BrokenBarrierError: Abort or reset of barrier");
    }
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [filling, waiters:0/5]>");
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier_when_tasks_half_draining
TEST_F(barrier, reset_breaks_those_who_have_not_left) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    int broken = 0;
    int passed = 0;
    const auto body = [&]() -> Coro<> {
      const std::string outcome = co_await try_wait(barrier);
      if (is_broken(outcome)) {
        ++broken;
      } else if (++passed == kParties - kParties / 2) {
        co_await barrier.reset();
      }
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_EQ(broken, kParties / 2);
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [filling, waiters:0/5]>");
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier_when_tasks_half_draining_half_blocking
// Rule 2.42
TEST_F(barrier, reset_does_not_break_those_who_wait_for_its_end) {
  run([]() -> Coro<> {
    constexpr int kBlocking = kParties / 2;
    Barrier barrier(kParties);
    int broken_inside = 0;
    int broken_blocked = 0;
    int passed = 0;
    const auto body = [&]() -> Coro<> {
      const std::string outcome = co_await try_wait(barrier);
      if (is_broken(outcome)) {
        ++broken_inside;
        co_await barrier.wait();
      } else if (++passed > kBlocking) {
        co_await barrier.reset();
        co_await barrier.wait();
      } else {
        const std::string again = co_await try_wait(barrier);
        if (is_broken(again)) ++broken_blocked;
      }
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_EQ(broken_inside, kBlocking);
    EXPECT_EQ(broken_blocked, 0);
    EXPECT_EQ(barrier.repr(), "<asyncio.Barrier [filling, waiters:0/5]>");
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier_while_tasks_waiting_and_waiting_again
TEST_F(barrier, those_it_was_reset_under_may_wait_again) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    int broken = 0;
    int passed = 0;
    const auto waits_again = [&]() -> Coro<> {
      const std::string outcome = co_await try_wait(barrier);
      if (is_broken(outcome)) ++broken;
      co_await barrier.wait();
      ++passed;
    };
    auto tasks = make_tasks(kParties - 1, waits_again);
    Task<> reset = create_task(barrier.reset());
    co_await one_turn();
    Task<int> last = create_task(barrier.wait());
    co_await gather(std::move(tasks));
    co_await last;
    EXPECT_EQ(broken, kParties - 1);
    EXPECT_EQ(passed, kParties - 1);
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_reset_barrier_while_tasks_draining
TEST_F(barrier, reset_by_the_last_who_leaves_breaks_nobody) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    int passed = 0;
    int failures = 0;
    int finished = 0;
    const auto body = [&]() -> Coro<> {
      co_await barrier.wait();
      if (++passed == kParties) {
        co_await barrier.reset();
        co_await barrier.wait();
      } else {
        const std::string outcome = co_await try_wait(barrier);
        if (is_broken(outcome)) ++failures;
      }
      co_await barrier.wait();
      ++finished;
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(finished, kParties);
    EXPECT_READY(barrier);
  });
}

// CPython: test_locks::BarrierTests::test_abort_barrier_when_tasks_half_draining_half_blocking
TEST_F(barrier, abort_breaks_those_inside_and_those_who_wait_to_come_in) {
  run([]() -> Coro<> {
    constexpr int kBlocking = kParties / 2;
    Barrier barrier(kParties);
    int broken_inside = 0;
    int broken_blocked = 0;
    int passed = 0;
    const auto body = [&]() -> Coro<> {
      const std::string outcome = co_await try_wait(barrier);
      if (is_broken(outcome)) {
        ++broken_inside;
      } else if (++passed > kBlocking) {
        co_await barrier.abort();
      } else {
        const std::string again = co_await try_wait(barrier);
        if (is_broken(again)) ++broken_blocked;
      }
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_TRUE(barrier.broken());
    EXPECT_EQ(broken_inside, kBlocking);
    EXPECT_EQ(broken_blocked, kParties - kBlocking - 1);
    EXPECT_EQ(barrier.n_waiting(), 0);
  });
}

// CPython: test_locks::BarrierTests::test_abort_barrier_when_exception
TEST_F(barrier, one_that_fails_may_abort_it_for_the_others) {
  run([]() -> Coro<> {
    Barrier barrier(kParties);
    int passed = 0;
    int broken = 0;
    const auto body = [&]() -> Coro<> {
      auto first = with(barrier, [](int index) -> Coro<> {
        if (index == kParties / 2) co_await raise<RuntimeError>("here");
      });
      const std::string failure = co_await failure_of(std::move(first));
      if (failure == "RuntimeError: here") {
        co_await barrier.abort();
      } else {
        const std::string outcome = co_await try_wait(barrier);
        is_broken(outcome) ? ++broken : ++passed;
      }
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_TRUE(barrier.broken());
    EXPECT_EQ(passed, 0);
    EXPECT_EQ(broken, kParties - 1);
    EXPECT_EQ(barrier.n_waiting(), 0);
  });
}

// CPython: test_locks::BarrierTests::test_abort_barrier_when_exception_then_resetting
// Rule 2.42
TEST_F(barrier, is_whole_again_when_it_is_reset_after_an_abort) {
  run([]() -> Coro<> {
    Barrier first(kParties);
    Barrier second(kParties);
    int broken = 0;
    int finished = 0;
    const auto body = [&]() -> Coro<> {
      std::string outcome = co_await try_wait(first);
      if (outcome == std::to_string(kParties / 2)) {
        co_await first.abort();
      } else {
        if (!is_broken(outcome)) outcome = co_await try_wait(first);
        if (is_broken(outcome)) ++broken;
      }
      const int place = co_await second.wait();
      if (place == kParties / 2) co_await first.reset();
      co_await second.wait();
      co_await first.wait();
      ++finished;
    };
    co_await gather(make_tasks(kParties, body));
    EXPECT_EQ(broken, kParties - 1);
    EXPECT_EQ(finished, kParties);
    EXPECT_READY(first);
  });
}

// Rule 2.42
TEST_F(barrier, one_cancelled_after_the_barrier_opened_leaves_and_the_rest_go) {
  run([]() -> Coro<> {
    Barrier barrier(3);
    Task<int> first = create_task(barrier.wait());
    Task<int> second = create_task(barrier.wait());
    co_await one_turn();
    Task<int> third = create_task(barrier.wait());
    co_await one_turn();
    EXPECT_TRUE(third.done());
    first.cancel();
    co_await give_turns(3);
    EXPECT_TRUE(first.cancelled());
    EXPECT_EQ(second.result(), 1);
    EXPECT_READY(barrier);
  });
}

}  // namespace
}  // namespace asyncio::test
