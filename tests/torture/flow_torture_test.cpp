// What programs are written with around tasks: generators, groups, deadlines that move, contexts.
#include <cerrno>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/base/exception_group.hpp"
#include "asyncio/coro/async_generator.hpp"
#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/sync/lock.hpp"
#include "asyncio/task/as_completed.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/task_group.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

Coro<int> after(int turns, int result) {
  for (int i = 0; i < turns; ++i) co_await sleep(i % 2 == 0 ? 0ns : 1ms);
  co_return result;
}
Coro<int> fails_after(int turns) {
  for (int i = 0; i < turns; ++i) co_await sleep(0s);
  throw ValueError("on purpose");
}

// --- async generators
// -----------------------------------------------------------------------------

// Counts, starts again when it is told to, and cleans up with an await.
AsyncGenerator<int> counts(int end, std::shared_ptr<int> cleaned) {
  for (int i = 0; i < end; ++i) {
    std::exception_ptr error;
    try {
      co_await sleep(i % 2 == 0 ? 0ns : 1ms);
      co_yield i;
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) continue;
    if (base::exception_is<ValueError>(error)) {
      i = -1;
      end = 2;
      continue;
    }
    const Result<void> slept = co_await try_(sleep(1ms));
    (void)slept;
    ++*cleaned;
    std::rethrow_exception(error);
  }
}

Coro<> thrown_into(std::string& wrong) {
  auto cleaned = std::make_shared<int>(0);
  AsyncGenerator<int> generator = counts(4, cleaned);
  const int first = co_await anext(generator);
  const int second = co_await anext(generator, -1);
  if (first != 0 || second != 1) wrong = "another value";
  const std::exception_ptr error = std::make_exception_ptr(ValueError("again"));
  const std::optional<int> again = co_await generator.athrow(error);
  if (again != std::optional<int>(0)) wrong = "athrow() gave another value";
  co_await generator.aclose();
  if (*cleaned != 1) wrong = "aclose() did not wait for the cleanup";
  const std::optional<int> none = co_await generator.next();
  if (none) wrong = "a value after the end";
}
TEST(torture, async_generator_that_is_thrown_into) {
  Survives("athrow", thrown_into).cancels().failing_allocations();
}

Coro<> closes_at_the_end(std::string& wrong) {
  auto cleaned = std::make_shared<int>(0);
  AsyncGenerator<int> generator = counts(4, cleaned);
  auto body = [&]() -> Coro<> {
    const std::optional<int> first = co_await generator.next();
    if (first != std::optional<int>(0)) wrong = "another value";
  };
  co_await with(aclosing(generator), body);
  if (*cleaned != 1) wrong = "the generator was not closed";
  // One that is dropped is closed by the loop, one that is left by the shutdown.
  {
    AsyncGenerator<int> dropped = counts(4, cleaned);
    const std::optional<int> first = co_await dropped.next();
    (void)first;
  }
  AsyncGenerator<int> left = counts(4, cleaned);
  const std::optional<int> first = co_await left.next();
  (void)first;
  co_await get_running_loop().shutdown_asyncgens();
}
TEST(torture, aclosing_and_shutdown_asyncgens) {
  Survives("aclosing", closes_at_the_end).cancels().failing_allocations();
}

// --- blocks
// ---------------------------------------------------------------------------------------

Coro<> cancels_its_group(std::string& wrong) {
  bool left = false;
  auto block = [&](TaskGroup& tg) -> Coro<> {
    tg.create_task(after(8, 1));
    tg.create_task(after(9, 2));
    Task<int> first = tg.create_task(after(2, 3));
    std::vector<Task<int>> one(1, first);
    co_await wait(one);
    tg.cancel();
    co_await sleep(1h);
    left = true;
  };
  co_await with(TaskGroup{}, block);
  if (left) wrong = "the block went on";
  if (current_task().cancelling() != 0) wrong = "a request to cancel was not taken back";
}
TEST(torture, task_group_that_is_cancelled) {
  Survives("task_group_cancel", cancels_its_group).cancels().failing_allocations();
}

Coro<> handles_by_type(std::string& wrong) {
  auto block = [](TaskGroup& tg) -> Coro<> {
    tg.create_task(fails_after(1));
    auto refused = []() -> Coro<> {
      co_await sleep(0s);
      throw ConnectionRefusedError(ECONNREFUSED, "on purpose");
    };
    tg.create_task(refused());
    co_await sleep(1s);
  };
  Result<void> result = co_await try_(with(TaskGroup{}, block));
  if (is_cancelled(result.exception())) co_await raise(result.exception());
  std::size_t handled = 0;
  auto count = [&](const ExceptionGroup& group) { handled += group.exceptions().size(); };
  except_star<ValueError, OSError>(result.exception(), count, count);
  if (handled > 2) wrong = "handled twice";
}
TEST(torture, except_star) {
  Survives("except_star", handles_by_type).cancels().failing_allocations();
}

Coro<> moves_its_deadline(std::string& wrong) {
  const Nanoseconds begin = get_running_loop().time();
  auto body = [&](Timeout& deadline) -> Coro<> {
    deadline.reschedule(begin + 50ms);
    co_await sleep(5ms);  // beyond the first deadline
    deadline.reschedule(std::nullopt);
    co_await sleep(1ms);
    deadline.reschedule(begin + 10ms);
    co_await sleep(1h);
  };
  Result<void> result = co_await try_(with(timeout_at(begin + 2ms), body));
  if (!base::exception_is<TimeoutError>(result.exception())) co_await raise(result.exception());
  if (get_running_loop().time() - begin > 20ms) wrong = "it came too late";
  if (current_task().cancelling() != 0) wrong = "a request to cancel was not taken back";
}
TEST(torture, timeout_that_is_rescheduled) {
  Survives("reschedule", moves_its_deadline).cancels().failing_allocations();
}

Coro<> holds_until_its_end(std::shared_ptr<Lock> lock) {
  (void)co_await enter<Lock&>(*lock);
  co_await sleep(1ms);
}
Coro<> enters(std::string& wrong) {
  auto lock = std::make_shared<Lock>();
  co_await all_of(holds_until_its_end(lock), holds_until_its_end(lock), holds_until_its_end(lock));
  if (lock->locked()) wrong = "the lock stayed locked";
}
TEST(torture, enter) { Survives("enter", enters).cancels().failing_allocations(); }

ContextVar<int> request_number("request_number", 0);

Coro<> contexts(std::string& wrong) {
  auto child = [](int number, std::string& says) -> Coro<> {
    const auto token = request_number.set(number);
    co_await sleep(number % 2 == 0 ? 0ns : 1ms);
    if (request_number.get() != number) says = "the variable of another task";
    auto nested = [](int expected, std::string& tells) -> Coro<> {
      co_await sleep(0s);
      if (request_number.get() != expected) tells = "a child does not inherit";
    };
    Task<> task = create_task(nested(number, says));
    std::vector<Task<>> one(1, task);
    co_await wait(one);
    request_number.reset(token);
  };
  const auto token = request_number.set(100);
  co_await all_of(child(1, wrong), child(2, wrong), child(3, wrong));
  if (request_number.get() != 100) wrong = "a task changed its parent's variable";
  request_number.reset(token);
}
TEST(torture, contextvars) { Survives("contextvars", contexts).cancels().failing_allocations(); }

// --- several at once
// ------------------------------------------------------------------------------

Coro<> gathers_failures(std::string& wrong) {
  const auto outcomes =
      co_await gather(return_exceptions, after(3, 1), fails_after(2), after(1, 3));
  const auto& failed = std::get<1>(outcomes);
  if (failed.ok()) wrong = "a failure became a result";
  Result<std::tuple<int, int>> result = co_await try_(gather(after(3, 1), fails_after(2)));
  if (result.ok()) wrong = "gather() did not fail";
  if (!base::exception_is<ValueError>(result.exception())) co_await raise(result.exception());
}
TEST(torture, gather_that_fails) {
  Survives("gather_that_fails", gathers_failures).cancels().failing_allocations();
}

Coro<> waits_for_a_failure(std::string& wrong) {
  std::vector<Task<int>> tasks({create_task(after(9, 1)), create_task(fails_after(2))});
  const auto outcome = co_await wait(tasks, {.return_when = FIRST_EXCEPTION});
  if (outcome.done.empty()) wrong = "nothing had happened";
  for (const Task<int>& task : tasks) task.cancel();
  const auto rest = co_await wait(tasks);
  if (rest.done.size() != 2) wrong = "one is missing";
  for (const Task<int>& task : rest.done) {
    if (!task.cancelled()) (void)task.exception();
  }
}
TEST(torture, wait_for_the_first_exception) {
  Survives survives("first_exception", waits_for_a_failure);
  survives.scenario().tolerate("exception was never retrieved");  // main may not come to look
  survives.cancels().failing_allocations();
}

Coro<> completed_in_a_for(std::string& wrong) {
  std::vector<Task<int>> tasks;
  for (int i = 1; i < 4; ++i) tasks.push_back(create_task(after(i, i)));
  int seen = 0;
  for (auto next : as_completed(tasks, {.timeout = 1s})) {
    Result<int> result = co_await try_(next);
    if (current_task().cancelling() != 0) co_await raise(result.exception());
    ++seen;
  }
  if (seen != 3) wrong = "one is missing";
}
TEST(torture, as_completed_in_a_for) {
  Survives("as_completed_in_a_for", completed_in_a_for).cancels().failing_allocations();
}

Coro<> sleeps_with_a_value(std::string& wrong) {
  std::vector<Coro<std::string>> coros;
  coros.push_back(sleep(1ms, std::string("a long text, so that it lives on the heap")));
  coros.push_back(sleep(0s, std::string("another")));
  const std::vector<std::string> texts = co_await gather(std::move(coros));
  if (texts[1] != "another") wrong = "another text";
}
TEST(torture, sleep_with_a_value) {
  Survives("sleep_with_a_value", sleeps_with_a_value).cancels().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
