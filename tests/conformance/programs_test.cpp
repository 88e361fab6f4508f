// Contexts, async generators, run(), threads: scenarios/programs.py.
#include "conformance/common.hpp"

namespace asyncio::conformance {

namespace {

const ContextVar<int> variable("variable", 0);

Coro<int> sets(int value) {
  variable.set(value);
  co_return value;
}
Coro<int> reads() { co_return variable.get(); }

template <class Note>
AsyncGenerator<int> counts_with(Note log, std::string name, int last) {
  std::exception_ptr leaving;
  try {
    for (int number = 0; number < last; ++number) {
      co_yield number;
      co_await sleep(0s);
    }
  } catch (...) {
    leaving = std::current_exception();
  }
  log(name + " closes");
  co_await sleep(1s);
  log(name + " is closed");
  if (leaving) std::rethrow_exception(leaving);
}

AsyncGenerator<int> counts(Log& log, std::string name, int last) {
  return counts_with([&log](const std::string& event) { log(event); }, std::move(name), last);
}
AsyncGenerator<int> counts_timed(Log& log, int last) {
  return counts_with([&log](const std::string& event) { log.timed(event); }, "generator", last);
}

// For RunOptions, which take a plain function.
thread_local Log* running = nullptr;
std::unique_ptr<EventLoop> loop_of_the_scenario() { return new_loop(*running); }

RunOptions options_for(Log& log) {
  running = &log;
  return {.loop_factory = &loop_of_the_scenario};
}

}  // namespace

// Rule 2.55
SCENARIO(what_a_task_sets_its_creator_does_not_see) {
  variable.set(1);
  co_await create_task(sets(2));
  log("task " + show(variable.get()));
  co_await sets(3);
  log("coroutine " + show(variable.get()));
  co_await wait_for(sets(4), 1s);
  log("wait_for " + show(variable.get()));
  co_await with(timeout(1s), []() -> Coro<> { co_await sets(5); });
  log("timeout " + show(variable.get()));
  co_await gather(sets(6));
  log("gather " + show(variable.get()));
}

SCENARIO(contexts_are_copied_when_something_is_scheduled) {
  variable.set(1);
  const auto body = [&log]() -> Coro<> {
    log("task " + show(variable.get()));
    variable.set(7);
    co_await sleep(0s);
    log("task later " + show(variable.get()));
  };
  auto task = create_task(body);
  log.loop().call_soon([&log] { log("soon " + show(variable.get())); });
  log.loop().call_later(1s, [&log] { log("later " + show(variable.get())); });
  task.add_done_callback([&log](AnyFuture) { log("callback " + show(variable.get())); });
  variable.set(2);
  co_await sleep(2s);
  log("main " + show(variable.get()));
}

SCENARIO(a_task_may_be_given_its_context) {
  const Context context = copy_context();
  co_await create_task(sets(1), {.context = &context});
  log("outside " + show(variable.get()) + " inside " + show(context[variable]));
  co_await create_task(sets(2), {.context = &context});
  log("outside " + show(variable.get()) + " inside " + show(context[variable]));
}

SCENARIO(an_async_generator_to_its_end) {
  auto generator = counts(log, "a", 3);
  while (auto number = co_await generator.next()) log("number " + show(*number));
  log("end");
}

SCENARIO(an_async_generator_that_is_closed_early) {
  auto generator = counts(log, "a", 3);
  const int number = co_await anext(generator);
  log("number " + show(number));
  co_await generator.aclose();
  log("end");
  auto unused = counts(log, "never", 1);
  co_await unused.aclose();
  log("end");
}

SCENARIO(the_loop_closes_the_generators_that_are_left) {
  auto generator = counts(log, "a", 3);
  const int number = co_await anext(generator);
  log("number " + show(number));
  co_await log.loop().shutdown_asyncgens();
  log("end");
}

// CPython: test_runners::RunTests::test_asyncio_run_closes_gens_after_hanging_tasks_errors
// Rule 2.53
PLAIN_SCENARIO(run_leaves_nothing_behind) {
  const auto stubborn_one = [&log]() -> Coro<> {
    Result<void> waited = co_await try_(sleep(100s));
    log.timed("cleans up");
    co_await sleep(1s);
    log.timed("is clean");
    if (!waited.ok()) co_await raise(waited.exception());
  };
  const auto failing_one = []() -> Coro<> {
    Result<void> waited = co_await try_(sleep(100s));
    if (!waited.ok()) co_await raise<ValueError>("late");
  };
  AsyncGenerator<int> kept;
  const auto main = [&]() -> Coro<int> {
    get_running_loop().set_exception_handler([&log](EventLoop&, const ExceptionContext& context) {
      log.timed("handler " + std::string(context.message) + ": " +
                describe(context.exception).substr(12));
    });
    (void)create_task(stubborn_one);
    (void)create_task(failing_one);
    kept = counts_timed(log, 3);
    const int number = co_await anext(kept);
    log.timed("number " + show(number));
    co_await sleep(1s);
    log.timed("main ends");
    co_return 5;
  };
  Runner runner(options_for(log));
  log.timed("result " + show(runner.run(main())));
  runner.close();
  log.timed("closed True");
}

// CPython: test_runners::RunnerTests::test_run_keeps_context
PLAIN_SCENARIO(a_runner_keeps_its_context_between_runs) {
  Runner runner(options_for(log));
  log(show(runner.run(sets(8))));
  log(show(runner.run(reads())));
}

// CPython: test_threads::ToThreadTests::test_to_thread_contextvars
// Rule 2.54
PLAIN_SCENARIO(jobs_in_threads_come_back_to_the_loop) {
  const auto job = [](int number) {
    if (number == 2) throw ValueError("in a thread");
    return number;
  };
  asyncio::run([&]() -> Coro<> {
    const int first = co_await to_thread(job, 1);
    log.plain(show(first));
    Result<int> failed = co_await try_(to_thread(job, 2));
    log.plain(describe(failed.exception()).substr(12));
    const int third = co_await get_running_loop().run_in_executor(nullptr, job, 3);
    log.plain(show(third));
    variable.set(4);
    const auto get = [] { return variable.get(); };
    const int fourth = co_await to_thread(get);
    log.plain(show(fourth));
  }());
}

}  // namespace asyncio::conformance
