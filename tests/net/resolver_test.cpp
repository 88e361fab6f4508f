#include "asyncio/net/resolver.hpp"

#include <atomic>
#include <latch>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "asyncio/threads/thread_pool_executor.hpp"
#include "support/scripted_threads.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::thrown_by;

using concurrent::ThreadPoolExecutor;

class resolver : public test::SocketTest {};
using resolver_threads = test::ScriptedThreadsTest;
using resolver_stray = test::QuietTest;

TEST_F(resolver, a_numeric_host_takes_no_turn_and_no_thread) {
  auto main = [&]() -> Coro<> {
    const auto before = scheduler().turns();
    const std::vector<SocketAddress> v4 = co_await getaddrinfo("127.0.0.1", 80);
    const std::vector<SocketAddress> v6 = co_await getaddrinfo("::1", 443);
    EXPECT_EQ(scheduler().turns(), before);
    EXPECT_EQ(v4.at(0).to_string(), "127.0.0.1:80");
    EXPECT_EQ(v6.at(0).to_string(), "[::1]:443");
  };
  run(main());
}

TEST_F(resolver, a_name_is_looked_up_on_a_thread) {
  const std::vector<SocketAddress> found = run(getaddrinfo("localhost", 7));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].port(), 7);
}

TEST_F(resolver, a_name_that_does_not_exist_is_a_gai_error_that_says_why) {
  const std::string error = thrown_by([&] { run(getaddrinfo("nosuch.invalid", 80)); });
  // "Name or service not known", or "Temporary failure in name resolution" without a network.
  EXPECT_EQ(error.rfind("GaiError: getaddrinfo nosuch.invalid: ", 0), 0U) << error;
  EXPECT_GT(error.size(), 40U);
}

TEST_F(resolver, a_family_that_the_address_is_not_of_is_a_gai_error) {
  ResolveOptions options;
  options.family = AF_INET6;
  EXPECT_THROW(run(getaddrinfo("127.0.0.1", 80, options)), GaiError);
}

TEST_F(resolver, ports_and_names_are_checked) {
  EXPECT_EQ(thrown_by([] { return getaddrinfo("localhost", 65536); }),
            "ValueError: port must be 0-65535, not 65536");
  EXPECT_EQ(thrown_by([] { return getaddrinfo("localhost", -1); }),
            "ValueError: port must be 0-65535, not -1");
  EXPECT_EQ(thrown_by([&] { run(getaddrinfo(std::string_view("a\0b", 3), 1)); }),
            "ValueError: embedded null character in the host name");
}

TEST_F(resolver, an_empty_host_is_loopback_or_to_listen_any_address) {
  for (const SocketAddress& address : run(getaddrinfo("", 1))) {
    EXPECT_TRUE(address.host() == "127.0.0.1" || address.host() == "::1") << address.to_string();
  }
  ResolveOptions options;
  options.passive = true;
  for (const SocketAddress& address : run(getaddrinfo("", 1, options))) {
    EXPECT_TRUE(address.host() == "0.0.0.0" || address.host() == "::") << address.to_string();
  }
}

TEST_F(resolver, a_cancelled_look_up_is_left_at_once) {
  auto main = [&]() -> Coro<> {
    auto look_up = create_task(getaddrinfo("nosuch.invalid", 80));
    co_await sleep(0s);
    look_up.cancel();
    std::vector<Task<std::vector<SocketAddress>>> tasks(1, look_up);
    co_await wait(tasks);
    EXPECT_TRUE(look_up.cancelled());
  };
  run(main());
}

TEST_F(resolver, the_loop_has_it_as_a_method) {
  const std::vector<SocketAddress> found = run(loop().getaddrinfo("127.0.0.1", 80));
  EXPECT_EQ(found.at(0).to_string(), "127.0.0.1:80");
}

// --- threads ------------------------------------------------------------------------------------

TEST_F(resolver_threads, it_runs_on_the_default_executor_of_the_program) {
  auto pool = std::make_shared<ThreadPoolExecutor>(concurrent::ThreadPoolOptions{.max_workers = 1});
  loop().set_default_executor(pool);
  auto look_up = loop().create_task(getaddrinfo("server.test", 7));
  turn();
  EXPECT_EQ(threads().waiting(), 0U);
  pool->shutdown();
  turn(2);
  EXPECT_TRUE(look_up.done());
  // The simulated world answers in its loop's thread only: so it was asked in the pool's.
  EXPECT_NE(test::describe(look_up.exception()).find("in its loop's thread only"),
            std::string::npos);
}

TEST_F(resolver_threads, shutting_down_the_default_executor_waits_for_it_and_refuses_more) {
  auto main = [&]() -> Coro<> {
    const auto look_up = create_task(getaddrinfo("server.test", 7));
    co_await sleep(0s);
    const Task<> shutdown = create_task(loop().shutdown_default_executor());
    co_await sleep(0s);
    EXPECT_FALSE(shutdown.done());
    finish_one();
    co_await shutdown;
    EXPECT_TRUE(look_up.done());
    Result<std::vector<SocketAddress>> late = co_await try_(getaddrinfo("other.test", 7));
    EXPECT_EQ(test::describe(late.exception()), "RuntimeError: Executor shutdown has been called");
    EXPECT_EQ((co_await getaddrinfo("127.0.0.1", 7)).size(), 1U) << "needs no thread";
    (void)co_await try_(look_up);
  };
  loop().run_until_complete(main);
}

TEST_F(resolver_threads, one_that_is_cancelled_before_it_begins_never_does) {
  auto main = [&]() -> Coro<> {
    auto look_up = create_task(getaddrinfo("server.test", 7));
    co_await sleep(0s);
    look_up.cancel();
    co_await sleep(0s);
    EXPECT_TRUE(look_up.cancelled());
    finish_one();
    co_await sleep(0s);
    EXPECT_EQ(threads().calls(testing::Operation::resolve), 0U);
  };
  loop().run_until_complete(main);
}

TEST_F(resolver_threads, an_executor_that_drops_it_unrun_is_an_error) {
  auto pool = std::make_shared<ThreadPoolExecutor>(concurrent::ThreadPoolOptions{.max_workers = 1});
  loop().set_default_executor(pool);
  std::latch release(1);
  pool->submit([&] { release.wait(); });
  const auto look_up = loop().create_task(getaddrinfo("server.test", 7));
  turn();
  pool->shutdown({.wait = false, .cancel_futures = true});
  EXPECT_EQ(thrown_by([&] { loop().run_until_complete(look_up); }),
            "RuntimeError: the executor was shut down before the look-up could run");
  release.count_down();
  pool->shutdown();  // its thread still looks at the latch
}

// A backend that says whether it has gone, and whose look-ups take as long as the test wants.
struct LookUp {
  std::latch begun{1};
  std::latch release{1};
  std::latch all_over{2};  // the look-up, and the backend
  std::atomic<bool> backend_gone{false};
  std::atomic<bool> gone_meanwhile{true};
};
class SlowResolver final : public test::VirtualBackend {
 public:
  explicit SlowResolver(std::shared_ptr<LookUp> of) noexcept : of_(std::move(of)) {}
  ~SlowResolver() override {
    of_->backend_gone = true;
    of_->all_over.count_down();
  }
  ResolveAnswer resolve(const ResolveQuery&) override {
    const std::shared_ptr<LookUp> look_up = of_;
    look_up->begun.count_down();
    look_up->release.wait();
    look_up->gone_meanwhile = look_up->backend_gone.load();
    look_up->all_over.count_down();
    return {};
  }

 private:
  std::shared_ptr<LookUp> of_;
};

TEST_F(resolver_stray, one_that_outlives_its_loop_keeps_what_it_works_with) {
  const auto seen = std::make_shared<LookUp>();
  {
    EventLoop loop(std::make_unique<SlowResolver>(seen));
    loop.set_default_executor(std::make_shared<ThreadPoolExecutor>());
    auto main = [&]() -> Coro<> {
      auto look_up = create_task(getaddrinfo("server.test", 7));
      co_await sleep(0s);
      seen->begun.wait();
      co_await loop.shutdown_default_executor(1s);
      look_up.cancel();
      (void)co_await try_(look_up);
    };
    loop.run_until_complete(main);
    EXPECT_EQ(take_logs().size(), 1U) << "the executor did not finish in time";
  }
  EXPECT_FALSE(seen->backend_gone);
  seen->release.count_down();
  seen->all_over.wait();
  EXPECT_FALSE(seen->gone_meanwhile);
}

TEST_F(resolver, a_loop_may_close_while_a_look_up_runs) {
  auto look_up = loop().create_task(getaddrinfo("nosuch.invalid", 80));
  turn();
  loop().close();
  EXPECT_EQ(take_logs().size(), 1U) << "the task that was pending";
}

}  // namespace
}  // namespace asyncio
