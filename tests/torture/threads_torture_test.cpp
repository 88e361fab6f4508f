// Work on other threads: what becomes of it when nobody waits for it any more.
#include <latch>

#include "asyncio/coro/async_generator.hpp"
#include "asyncio/run/event_loop.hpp"
#include "asyncio/run/run_coroutine_threadsafe.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

int twice(int number) { return 2 * number; }
void fails() { throw ValueError("on purpose"); }

Coro<int> in_executor(int number) {
  Future<int> future = get_running_loop().run_in_executor(nullptr, twice, number);
  const int result = co_await future;
  co_return result;
}

Coro<> executors(std::string& wrong) {
  auto [a, b] = co_await gather(in_executor(1), in_executor(2));
  if (a + b != 6) wrong = "another result";
  Result<void> failed = co_await try_(get_running_loop().run_in_executor(nullptr, fails));
  if (failed.ok()) wrong = "a failure became a result";
  if (!base::exception_is<ValueError>(failed.exception())) co_await raise(failed.exception());
}
TEST(torture, run_in_executor) {
  Survives("run_in_executor", executors).cancels().failing_calls().failing_allocations();
}

/// A job of a real thread that begins and ends when the loop's thread says so: runs repeat.
class Gate {
 public:
  int wait() {
    begun_.count_down();
    open_.wait();
    return 7;
  }
  void await_begin() { begun_.wait(); }
  void open() {
    if (!std::exchange(is_open_, true)) open_.count_down();
  }

 private:
  std::latch begun_{1};
  std::latch open_{1};
  bool is_open_ = false;
};

/// No thread waits for ever, whatever ends the coroutine.
class OpensAtLast {
 public:
  explicit OpensAtLast(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
  OpensAtLast(const OpensAtLast&) = delete;
  ~OpensAtLast() { gate_->open(); }

 private:
  std::shared_ptr<Gate> gate_;
};

using Pool = std::shared_ptr<concurrent::ThreadPoolExecutor>;

Coro<> opens_later(Pool pool, std::shared_ptr<Gate> gate) {
  Result<void> slept = co_await try_(sleep(1ms));
  gate->open();
  pool->submit([] {}).result();  // the thread's work before this one has reached the loop
  if (!slept.ok()) co_await raise(slept.exception());
}
Coro<int> in_pool(Future<int> future) {
  const int result = co_await future;
  co_return result;
}
Coro<> own_executor(std::string& wrong) {
  EventLoop& loop = get_running_loop();
  auto pool = std::make_shared<concurrent::ThreadPoolExecutor>(
      concurrent::ThreadPoolOptions{.max_workers = 1});
  auto gate = std::make_shared<Gate>();
  const OpensAtLast opens_at_last(gate);
  Future<int> running = loop.run_in_executor(*pool, [gate] { return gate->wait(); });
  gate->await_begin();
  Future<int> queued = loop.run_in_executor(*pool, twice, 4);
  Future<int> unwanted = loop.run_in_executor(*pool, twice, 5);
  unwanted.cancel();
  Task<> opening = create_task(opens_later(pool, gate));
  Task<int> first = create_task(in_pool(running));
  // Nobody may come to open the gate.
  Result<int> second = co_await try_(wait_for(in_pool(queued), 1s));
  if (is_cancelled(second.exception())) co_await raise(second.exception());
  if (second.ok() && second.value() != 8) wrong = "another result";
  gate->open();
  std::vector<Task<>> one(1, opening);
  co_await wait(one);
  Result<int> result = co_await try_(wait_for(first, 1s));
  if (is_cancelled(result.exception())) co_await raise(result.exception());
  if (result.ok() && result.value() != 7) wrong = "another first result";
}
TEST(torture, executor_of_the_programs_own) {
  Survives("executor_of_the_programs_own", own_executor).cancels().failing_allocations();
}

Coro<> settles(concurrent::Future<int> future) {
  Result<void> slept = co_await try_(sleep(1ms));
  if (future.set_running_or_notify_cancel()) future.set_result(7);
  if (!slept.ok()) co_await raise(slept.exception());
}
Coro<> wrapped(std::string& wrong) {
  concurrent::Future<int> source;
  Task<> settling = create_task(settles(source));
  // Nobody may come to settle it.
  Result<int> result = co_await try_(wait_for(wrap_future(source), 20ms));
  if (is_cancelled(result.exception())) co_await raise(result.exception());
  if (result.ok() && result.value() != 7) wrong = "another result";
  const bool late = base::exception_is<TimeoutError>(result.exception());
  if (late && !source.done()) wrong = "the source was not cancelled";
  std::vector<Task<>> one(1, settling);
  co_await wait(one);
}
TEST(torture, wrap_future) { Survives("wrap_future", wrapped).cancels().failing_allocations(); }

Coro<int> counts(int turns) {
  for (int i = 0; i < turns; ++i) co_await sleep(i % 2 == 0 ? 0ns : 1ms);
  co_return turns;
}
concurrent::Future<int> submits(EventLoop* loop) {
  return run_coroutine_threadsafe(counts(3), *loop);
}
Coro<> from_a_thread(std::string& wrong) {
  EventLoop* loop = &get_running_loop();
  concurrent::Future<int> future = co_await to_thread(submits, loop);
  concurrent::Future<int> unwanted = co_await to_thread(submits, loop);
  unwanted.cancel();
  const int result = co_await wrap_future(future);
  if (result != 3) wrong = "another result";
  if (!unwanted.cancelled() && unwanted.result() != 3) wrong = "the other has another result";
}
TEST(torture, run_coroutine_threadsafe) {
  Survives("run_coroutine_threadsafe", from_a_thread).cancels().failing_allocations();
}

AsyncGenerator<int> for_ever() {
  for (int i = 0;; ++i) {
    co_await sleep(1ms);
    co_yield i;
  }
}
// What run() awaits at its end.
Coro<> shuts_down(std::string& wrong) {
  EventLoop& loop = get_running_loop();
  std::vector<Future<int>> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(loop.run_in_executor(nullptr, twice, i));
  AsyncGenerator<int> begun = for_ever();
  const std::optional<int> first = co_await begun.next();
  (void)first;
  co_await loop.shutdown_asyncgens();
  co_await loop.shutdown_default_executor(1s);
  for (const Future<int>& job : jobs) {
    const int result = co_await job;
    if (result % 2 != 0) wrong = "another result";
  }
  Result<int> refused = co_await try_(to_thread(twice, 1));
  if (refused.ok()) wrong = "the executor took work after its end";
  if (!base::exception_is<RuntimeError>(refused.exception())) co_await raise(refused.exception());
}
TEST(torture, shutdown) { Survives("shutdown", shuts_down).cancels().failing_allocations(); }

}  // namespace
}  // namespace asyncio::torture
