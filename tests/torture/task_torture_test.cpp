// Tasks, futures and what is made of them.
#include "asyncio/coro/async_generator.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/task/as_completed.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/shield.hpp"
#include "asyncio/task/task_group.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

// Cleans up with awaits of its own, whatever ends it.
Coro<int> worker(int result, int steps) {
  for (int i = 0; i < steps; ++i) {
    Result<void> slept = co_await try_(sleep(i % 2 == 0 ? 0ns : 1ms));
    if (slept.ok()) continue;
    const Result<void> cleaned = co_await try_(sleep(1ms));
    (void)cleaned;  // cancelled again: the first error is the one to tell
    co_await raise(slept.exception());
  }
  co_return result;
}

// No coroutine is a parameter of another here: a task that is cancelled before its first step drops
// what it was given, and that would be reported as never awaited, as in Python.
Coro<> works(int steps) {
  const int result = co_await worker(0, steps);
  (void)result;
}

Coro<> sleepers(std::string&) {
  co_await all_of(works(1), works(4), works(3));
  co_await sleep(0s);
}
TEST(torture, sleep) { Survives("sleep", sleepers).cancels().failing_allocations(); }

Coro<> await_future(Future<int> future) {
  // Nobody may come to set it.
  Result<int> result = co_await try_(wait_for(future, 20ms));
  if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
}
Coro<> set_future(Future<int> future) {
  Result<void> slept = co_await try_(sleep(1ms));
  if (!future.done()) future.set_result(7);
  if (!slept.ok()) co_await raise(slept.exception());
}
Coro<> futures(std::string& wrong) {
  Future<int> future = get_running_loop().create_future<int>();
  co_await all_of(await_future(future), await_future(future), set_future(future));
  if (future.done() && !future.cancelled() && future.result() != 7) wrong = "another result";
}
TEST(torture, future) { Survives("future", futures).cancels().failing_allocations(); }

Coro<> awaits(std::string& wrong) {
  Task<int> task = create_task(worker(5, 3));
  Task<int> second = create_task(worker(6, 2));
  const int mine = co_await worker(1, 2);
  if (mine != 1) wrong = "another result";
  const int theirs = co_await task;
  if (theirs + co_await std::move(second) != 11) wrong = "another sum";
}
TEST(torture, task) { Survives("task", awaits).cancels().failing_allocations(); }

Coro<> gathers(std::string& wrong) {
  auto [a, b, c] = co_await gather(worker(1, 3), worker(2, 2), gather(worker(3, 1), worker(4, 4)));
  if (a + b + std::get<0>(c) + std::get<1>(c) != 10) wrong = "another sum";
}
TEST(torture, gather) { Survives("gather", gathers).cancels().failing_allocations(); }

Coro<> gathers_outcomes(std::string& wrong) {
  std::vector<Coro<int>> coros;
  for (int i = 0; i < 4; ++i) coros.push_back(worker(i, i));
  const auto outcomes = co_await gather(return_exceptions, std::move(coros));
  if (outcomes.size() != 4) wrong = "an outcome is missing";
}
TEST(torture, gather_of_outcomes) {
  Survives("gather_of_outcomes", gathers_outcomes).cancels().failing_allocations();
}

Coro<> waits(std::string& wrong) {
  std::vector<Task<int>> tasks;
  for (int i = 1; i < 4; ++i) tasks.push_back(create_task(worker(i, i)));
  auto first = co_await wait(tasks, {.return_when = FIRST_COMPLETED});
  if (first.done.empty()) wrong = "nobody was first";
  auto some = co_await wait(tasks, {.timeout = 1ms});
  for (const auto& task : some.pending) task.cancel();
  auto rest = co_await wait(tasks);
  if (rest.done.size() != 3) wrong = "one is missing";
}
TEST(torture, wait) { Survives("wait", waits).cancels().failing_allocations(); }

Coro<> waits_for(std::string& wrong) {
  const int soon = co_await wait_for(worker(1, 2), 10ms);
  if (soon != 1) wrong = "another result";
  Result<int> late = co_await try_(wait_for(worker(2, 6), 1ms));
  if (!late.ok() && !base::exception_is<TimeoutError>(late.exception())) {
    co_await raise(late.exception());
  }
  co_await wait_for(sleep(1ms), 1ms);
}
TEST(torture, wait_for) {
  Survives survives("wait_for", waits_for);
  survives.scenario().tolerate("main failed: TimeoutError");  // two equal deadlines
  survives.cancels().failing_allocations();
}

Coro<> nested_timeouts(std::string& wrong) {
  auto inner = []() -> Coro<int> {
    auto body = []() -> Coro<int> { return worker(1, 8); };
    Result<int> result = co_await try_(with(timeout(2ms), body));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
    co_return result.ok() ? 1 : 0;
  };
  const int done = co_await with(timeout(1s), inner);
  if (done != 0) wrong = "the inner deadline did not end it";
  if (current_task().cancelling() != 0) wrong = "a request to cancel was not taken back";
}
TEST(torture, timeout) { Survives("timeout", nested_timeouts).cancels().failing_allocations(); }

Coro<> groups(std::string& wrong) {
  int ended = 0;
  auto count = [](int& into, int steps) -> Coro<> {
    const Result<int> result = co_await try_(worker(0, steps));
    (void)result;
    ++into;
  };
  auto block = [&](TaskGroup& tg) -> Coro<> {
    tg.create_task(count(ended, 2));
    tg.create_task(count(ended, 4));
    co_await sleep(0s);
    tg.create_task(worker(3, 3));
  };
  co_await with(TaskGroup{}, block);
  // One that is cancelled before its first step never counts.
  if (ended > 2) wrong = "counted twice";
}
TEST(torture, task_group) { Survives("task_group", groups).cancels().failing_allocations(); }

Coro<> failing_groups(std::string& wrong) {
  auto fail = []() -> Coro<> {
    co_await sleep(1ms);
    throw ValueError("on purpose");
  };
  auto block = [&](TaskGroup& tg) -> Coro<> {
    tg.create_task(fail());
    tg.create_task(worker(2, 6));
    co_await sleep(10ms);
  };
  Result<void> result = co_await try_(with(TaskGroup{}, block));
  if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  if (base::exception_is<std::bad_alloc>(result.exception())) co_await raise(result.exception());
  if (!result.ok() && !base::exception_is<ExceptionGroup>(result.exception())) {
    wrong = "not a group: " + base::describe(result.exception());
  }
}
TEST(torture, task_group_that_fails) {
  Survives("task_group_that_fails", failing_groups).cancels().failing_allocations();
}

Coro<> threads(std::string& wrong) {
  auto twice = [](int x) { return 2 * x; };
  auto job = [](int (*)(int)) -> Coro<> { co_await to_thread([] {}); };
  co_await all_of(job(nullptr), job(nullptr));
  if (co_await to_thread(twice, 21) != 42) wrong = "another result";
}
TEST(torture, to_thread) { Survives("to_thread", threads).cancels().failing_allocations(); }

Coro<> shields(std::string& wrong) {
  Task<int> inner = create_task(worker(1, 6));
  auto impatient = [](Task<int> of) -> Coro<> {
    Result<int> result = co_await try_(wait_for(shield(of), 1ms));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  };
  co_await all_of(impatient(inner), impatient(inner));
  std::vector<Task<int>> one(1, inner);
  co_await wait(one);
  if (!inner.cancelled() && inner.result() != 1) wrong = "another result";
}
TEST(torture, shield) { Survives("shield", shields).cancels().failing_allocations(); }

Coro<> completions(std::string& wrong) {
  std::vector<Task<int>> tasks;
  for (int i = 1; i < 4; ++i) tasks.push_back(create_task(worker(i, i)));
  int seen = 0;
  auto completed = as_completed(tasks);
  while (auto next = co_await completed.next()) ++seen;
  if (seen != 3) wrong = "one is missing";
}
TEST(torture, as_completed) {
  Survives("as_completed", completions).cancels().failing_allocations();
}

Coro<> eager_tasks(std::string& wrong) {
  Task<int> first = create_task(worker(1, 3), {.eager_start = true});
  auto child = []() -> Coro<int> {
    Task<int> task = create_task(worker(2, 2), {.eager_start = true});
    const int result = co_await task;
    co_return result;
  };
  Task<int> second = create_task(child(), {.eager_start = true});
  std::vector<Task<int>> both({first, second});
  co_await wait(both);
  if (!first.cancelled() && first.result() != 1) wrong = "another result";
}
TEST(torture, eager_task) { Survives("eager_task", eager_tasks).cancels().failing_allocations(); }

AsyncGenerator<int> count_to(int end) {
  for (int i = 0; i < end; ++i) {
    co_await sleep(i % 2 == 0 ? 0ns : 1ms);
    co_yield i;
  }
}
Coro<> generators(std::string& wrong) {
  auto sum = [](int most) -> Coro<int> {
    int total = 0;
    AsyncGenerator<int> generator = count_to(4);
    while (auto item = co_await generator.next()) {
      total += *item;
      if (total > most) break;
    }
    co_await generator.aclose();
    co_return total;
  };
  if (co_await sum(100) != 6) wrong = "another sum";
  auto sums = [](Coro<int> (*of)(int), int most) -> Coro<> {
    const int total = co_await of(most);
    (void)total;
  };
  co_await all_of(sums(+sum, 0), sums(+sum, 100));
}
TEST(torture, async_generator) {
  Survives("async_generator", generators).cancels().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
