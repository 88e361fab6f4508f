#include "asyncio/net/resolver.hpp"

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::thrown_by;

class resolver : public test::SocketTest {};

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

TEST_F(resolver, a_loop_may_close_while_a_look_up_runs) {
  auto look_up = loop().create_task(getaddrinfo("nosuch.invalid", 80));
  turn();
  loop().close();
  EXPECT_EQ(take_logs().size(), 1U) << "the task that was pending";
}

}  // namespace
}  // namespace asyncio
