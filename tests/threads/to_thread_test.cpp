// to_thread() on real threads.
#include "asyncio/threads/to_thread.hpp"

#include <pthread.h>

#include <latch>
#include <thread>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/socket_test.hpp"

namespace asyncio::test {
namespace {

using to_thread_ = SocketTest;

// CPython: test_threads::ToThreadTests::test_to_thread
TEST_F(to_thread_, gives_the_result) {
  EXPECT_EQ(run(to_thread([](int a, int b) { return a + b; }, 40, 2)), 42);
}

// CPython: test_threads::ToThreadTests::test_to_thread_exception
TEST_F(to_thread_, throws_what_the_function_threw) {
  EXPECT_EQ(thrown_by([&] { run(to_thread([] { throw ValueError("test"); })); }),
            "ValueError: test");
}

// CPython: test_threads::ToThreadTests::test_to_thread_once
TEST_F(to_thread_, calls_the_function_once) {
  std::atomic<int> calls{0};
  run(to_thread([&calls] { ++calls; }));
  EXPECT_EQ(calls, 1);
}

// CPython: test_threads::ToThreadTests::test_to_thread_concurrent
TEST_F(to_thread_, several_run_beside_each_other) {
  std::atomic<int> calls{0};
  std::latch all(3);
  auto meet = [&] {
    ++calls;
    all.arrive_and_wait();  // never ends with fewer than three threads
  };
  run([](auto function) -> Coro<> {
    Task<> first = create_task(to_thread(function));
    Task<> second = create_task(to_thread(function));
    Task<> third = create_task(to_thread(function));
    co_await first;
    co_await second;
    co_await third;
  }(meet));
  EXPECT_EQ(calls, 3);
}

// CPython: test_threads::ToThreadTests::test_to_thread_args_kwargs
TEST_F(to_thread_, moves_its_arguments_and_passes_references) {
  std::string seen;
  auto take = [](std::unique_ptr<int> owned, std::string& out) { out = std::to_string(*owned); };
  run(to_thread(take, std::make_unique<int>(5), std::ref(seen)));
  EXPECT_EQ(seen, "5");
}

// CPython: test_threads::ToThreadTests::test_to_thread_contextvars
// Rule 2.55
TEST_F(to_thread_, runs_in_a_copy_of_the_context) {
  ContextVar<std::string> user("user", "nobody");
  run([](ContextVar<std::string>& var) -> Coro<> {
    var.set("parrot");
    auto look = [&var] {
      const std::string seen = var.get();
      var.set("changed there");
      return seen;
    };
    const std::string seen = co_await to_thread(look);
    EXPECT_EQ(seen, "parrot");
    EXPECT_EQ(var.get(), "parrot");
  }(user));
}

TEST_F(to_thread_, its_threads_have_pythons_names) {
  auto name = [] {
    char text[16] = {};
    ::pthread_getname_np(::pthread_self(), text, sizeof text);
    return std::string(text);
  };
  EXPECT_EQ(run(to_thread(name)), "asyncio_0");
}

// Rule 2.54
TEST_F(to_thread_, cancelled_ends_the_wait_at_once_and_the_function_runs_on) {
  std::latch begun(1);
  std::latch release(1);
  std::atomic<bool> ended{false};
  run([](std::latch& started, std::latch& gate, std::atomic<bool>& end) -> Coro<> {
    auto work = [&] {
      started.count_down();
      gate.wait();
      end = true;
    };
    Task<> task = create_task(to_thread(work));
    co_await sleep(Nanoseconds(0));
    started.wait();
    task.cancel();
    Result<void> outcome = co_await try_(task);
    EXPECT_EQ(describe(outcome.exception()), "CancelledError");
    EXPECT_FALSE(end);
    gate.count_down();
  }(begun, release, ended));
  loop().close();  // joins
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace asyncio::test
