// Runner and run() as wholes: whatever happens to main, what it left behind is cancelled and
// joined, its generators and its executor are shut down, and the loop is closed.
#include "asyncio/run/runner.hpp"

#include "asyncio/base/log.hpp"
#include "asyncio/coro/async_generator.hpp"
#include "testing/allocation_faults.hpp"
#include "torture/in_world.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

/// How many are in their bodies: none, when all is over.
class Inside {
 public:
  explicit Inside(int& count) : count_(&count) { ++*count_; }
  Inside(const Inside&) = delete;
  ~Inside() { --*count_; }

 private:
  int* count_;
};

Coro<> cleans_up(int& open) {
  const Inside inside(open);
  co_await sleep(1ms);
}
// Is cancelled at the end of the run; its cleanup waits, and leaves something behind itself.
Coro<> left_over(int& open) {
  const Inside inside(open);
  Result<void> slept = co_await try_(sleep(1h));
  Result<void> cleaned = co_await try_(sleep(1ms));
  if (cleaned.ok()) (void)create_task(cleans_up(open));
  if (!slept.ok()) co_await raise(slept.exception());
}
AsyncGenerator<int> ticks(int& open) {
  const Inside inside(open);
  for (int i = 0;; ++i) {
    co_await sleep(1ms);
    co_yield i;
  }
}
int twice(int number) { return 2 * number; }

struct Leaves {
  int open = 0;
  std::optional<AsyncGenerator<int>> generator;
  std::optional<Future<int>> job;
};

Coro<int> leaves_things_behind(Leaves& leaves) {
  const Inside inside(leaves.open);
  (void)create_task(left_over(leaves.open));
  leaves.generator.emplace(ticks(leaves.open));
  const std::optional<int> first = co_await leaves.generator->next();
  leaves.job.emplace(get_running_loop().run_in_executor(nullptr, twice, 4));
  co_await sleep(0s);
  (void)create_task(left_over(leaves.open));
  co_return first.value_or(-1);
}

void whole_run(std::string& wrong, std::unique_ptr<Backend> world) {
  const InWorld in_world(std::move(world));
  Leaves leaves;
  std::exception_ptr error;
  try {
    const int result = asyncio::run(leaves_things_behind(leaves), kSimulated);
    if (result != 0) wrong = "another result";
  } catch (...) {
    error = std::current_exception();
  }
  leaves.generator.reset();
  if (leaves.open != 0) wrong = std::to_string(leaves.open) + " bodies have not ended";
  // As in Python, a shutdown that fails leaves what would come after it.
  if (!error && !leaves.job->done()) wrong = "the work of the executor has no end";
  if (error) std::rethrow_exception(error);
}

/// Without memory a shutdown cannot wait for the tasks that it has cancelled: they end where they
/// stand, and the log says so.
void survives_without_memory(std::string name, WholeProgram program) {
  Survives survives(std::move(name), program);
  survives.scenario().tolerate("Task was destroyed but it is pending!");
  survives.scenario().tolerate("Exception in default exception handler");
  survives.scenario().tolerate("in the cleanup");
  survives.scenario().tolerate("run: the shutdown failed, and there is no memory to say why");
  survives.failing_allocations();
}

TEST(torture, run) {
  Survives survives("run", whole_run);
  survives.scenario().tolerate("run: the shutdown failed: CancelledError");  // and main as well
  survives.cancels().failing_calls();
  survives_without_memory("run", whole_run);
}

Coro<int> goes_on(int& open, ContextVar<int>& user, bool first_came_so_far) {
  const Inside inside(open);
  const int before = user.get();
  user.set(2);
  co_await sleep(1ms);
  // All runs of a Runner share a context.
  co_return first_came_so_far ? before : 1;
}
Coro<> begins(int& open, ContextVar<int>& user, bool& came_so_far) {
  const Inside inside(open);
  (void)create_task(left_over(open));
  user.set(1);
  came_so_far = true;
  co_await sleep(0s);
}

void two_runs(std::string& wrong, std::unique_ptr<Backend> world) {
  const InWorld in_world(std::move(world));
  ContextVar<int> user("user", 0);
  int open = 0;
  std::exception_ptr error;
  try {
    Runner runner(kSimulated);
    bool came_so_far = false;
    try {
      runner.run(begins(open, user, came_so_far));
    } catch (const CancelledError&) {
      error = std::current_exception();  // and the next run is none the worse
    }
    const int seen = runner.run(goes_on(open, user, came_so_far));
    if (seen != 1) wrong = "the second run has another context";
    runner.close();
    if (open != 0) wrong = std::to_string(open) + " bodies have not ended";
  } catch (...) {
    error = std::current_exception();
  }
  if (open != 0) wrong = std::to_string(open) + " bodies have not ended after all";
  if (user.get() != 0) wrong = "the context of the runs was not their own";
  if (error) std::rethrow_exception(error);
}
TEST(torture, runner_that_runs_twice) {
  Survives("runner_that_runs_twice", two_runs).cancels();
  survives_without_memory("runner_that_runs_twice", two_runs);
}

// The destructor's report needed memory, and its failure ended the process.
TEST(runner, that_cannot_say_why_its_shutdown_failed_says_that) {
  static std::vector<bool> told;
  told.clear();
  const LogHandler before = set_log_handler([](LogLevel, std::string_view message) {
    const testing::AllocationFaults::Spared spared;
    told.push_back(message == "run: the shutdown failed, and there is no memory to say why");
  });
  int open = 0;
  {
    const InWorld in_world(std::make_unique<testing::SimulatedBackend>());
    Runner runner(kSimulated);
    ContextVar<int> user("user", 0);
    bool came_so_far = false;
    runner.run(begins(open, user, came_so_far));
    testing::AllocationFaults::arm(0, true);
  }
  const bool has_failed = testing::AllocationFaults::disarm();
  set_log_handler(before);
  if (!has_failed) GTEST_SKIP() << "the heap is not ours";
  EXPECT_EQ(open, 0);
  EXPECT_NE(std::find(told.begin(), told.end(), true), told.end());
}

Coro<> fails_in_its_cleanup(int& open) {
  const Inside inside(open);
  (void)co_await try_(sleep(1h));
  throw ValueError("in the cleanup");
}
Coro<> fails(int& open) {
  const Inside inside(open);
  (void)create_task(fails_in_its_cleanup(open));
  co_await sleep(1ms);
  throw ValueError("main");
}

void failing_run(std::string& wrong, std::unique_ptr<Backend> world) {
  const InWorld in_world(std::move(world));
  int open = 0;
  try {
    asyncio::run(fails(open), kSimulated);
    wrong = "the failure of main was not told";
  } catch (const ValueError& failed) {
    if (std::string_view(failed.what()) != "main") wrong = failed.what();
  }
  if (open != 0) wrong = std::to_string(open) + " bodies have not ended";
}
TEST(torture, run_that_fails) {
  Survives survives("run_that_fails", failing_run);
  survives.scenario().tolerate("in the cleanup");  // it is reported
  survives.cancels();
  survives_without_memory("run_that_fails", failing_run);
}

}  // namespace
}  // namespace asyncio::torture
