// Several addresses: tried in order, or staggered.
#include "net/connect_race.hpp"

#include <iterator>
#include <sstream>

#include "asyncio/base/exception_group.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using detail::interleave_addresses;
using test::describe;

std::vector<SocketAddress> addresses(const std::vector<std::string>& hosts) {
  std::vector<SocketAddress> out;
  for (const std::string& host : hosts) {
    SocketAddress address;
    EXPECT_TRUE(SocketAddress::parse(host, 80, address));
    out.push_back(address);
  }
  return out;
}

std::vector<std::string> hosts(const std::vector<SocketAddress>& all) {
  std::vector<std::string> out;
  for (const SocketAddress& address : all) out.push_back(address.host());
  return out;
}

using Hosts = std::vector<std::string>;

Hosts words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// Rule 2.58
// CPython: test_base_events::BaseEventTests::test_interleave_addrinfos
TEST(interleave, lets_the_families_take_turns) {
  const auto all = addresses({"::1", "::2", "::3", "::4", "1.1.1.1", "1.1.1.2"});
  EXPECT_EQ(hosts(interleave_addresses(all)),
            (Hosts{"::1", "1.1.1.1", "::2", "1.1.1.2", "::3", "::4"}));
  EXPECT_EQ(hosts(interleave_addresses(all, 3)),
            (Hosts{"::1", "::2", "::3", "1.1.1.1", "::4", "1.1.1.2"}));
  EXPECT_EQ(hosts(interleave_addresses(addresses({"1.1.1.1", "::1", "::2"}))),
            (Hosts{"1.1.1.1", "::1", "::2"}));
  EXPECT_EQ(hosts(interleave_addresses(addresses({"::1", "1.1.1.1"}), 9)),
            (Hosts{"::1", "1.1.1.1"}));
  EXPECT_TRUE(interleave_addresses({}).empty());
}

class connect_race : public test::SimulatedTest {
 protected:
  connect_race() { network().set_default_link({.latency = 1ms}); }

  // A server that drops what connects to it. Its bytes take `latency` each way.
  Coro<Server> serve(std::string_view host, Nanoseconds latency = 1ms) {
    network().add_host("a server", host);
    network().link("10.0.0.1", host, {.latency = latency});
    co_return co_await start_server([](StreamReader, StreamWriter) {}, host, 80);
  }

  // A host that no packet reaches.
  void swallow(std::string_view host) {
    network().add_host("a black hole", host);
    network().drop_connects(host);
  }

  // `to` has words. To whom a connection came about, or what it failed with; and after how long.
  Coro<std::string> outcome(std::string to, detail::RaceOptions options = {}) {
    const Nanoseconds before = elapsed();
    auto race = detail::connect_any(addresses(words(to)), SocketAddress(), kStreamLimit, options);
    Result<StreamPair> streams = co_await try_(std::move(race));
    took_ = elapsed() - before;
    if (!streams.ok()) co_return describe(streams.exception());
    sockets_ = network().open_descriptors();
    co_return streams.value().second.peername().host();
  }
  static detail::RaceOptions staggered(Delay delay = 250ms) { return {.delay = delay}; }

  Nanoseconds took_{0};
  std::size_t sockets_ = 0;  // with the winner's
};

// CPython: test_staggered::StaggeredTests::test_one_successful
TEST_F(connect_race, the_first_address_that_answers_is_it) {
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("10.0.0.2");
    Server two = co_await serve("10.0.0.3");
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3", staggered()), "10.0.0.2");
    EXPECT_EQ(network().connections(), 1U);
    EXPECT_EQ(took_, 2ms);
  };
  run(main());
}

// Rule 2.58
// CPython: test_staggered::StaggeredTests::test_first_error_second_successful
TEST_F(connect_race, when_one_fails_the_next_does_not_wait_for_its_delay) {
  auto main = [&]() -> Coro<> {
    network().add_host("refuses", "10.0.0.2");
    Server two = co_await serve("10.0.0.3");
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3", staggered()), "10.0.0.3");
    EXPECT_EQ(took_, 4ms) << "two ways to each of them";
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3"), "10.0.0.3") << "nor without a delay";
  };
  run(main());
}

// Fault S11: one family is black-holed.
// CPython: test_staggered::StaggeredTests::test_first_timeout_second_successful
TEST_F(connect_race, an_address_that_is_silent_costs_the_delay_and_its_socket_is_closed) {
  auto main = [&]() -> Coro<> {
    swallow("fd00::1");
    Server two = co_await serve("10.0.0.3");
    const std::size_t before = network().open_descriptors();
    EXPECT_EQ(co_await outcome("fd00::1 10.0.0.3", staggered()), "10.0.0.3");
    EXPECT_EQ(took_, 252ms);
    EXPECT_LE(sockets_, before + 2) << "the winner's, and the server's end";
  };
  run(main());
}

// Fault S11: the first answers late, but before the second.
TEST_F(connect_race, one_that_answers_late_may_still_win) {
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("10.0.0.2", 200ms);
    Server two = co_await serve("10.0.0.3", 300ms);
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3", staggered()), "10.0.0.2");
    EXPECT_EQ(took_, 400ms);
    EXPECT_EQ(network().connections(), 2U) << "the other one was tried besides";
  };
  run(main());
}

TEST_F(connect_race, each_address_begins_a_delay_after_the_one_before) {
  auto main = [&]() -> Coro<> {
    for (const char* host : {"10.0.0.2", "10.0.0.3", "10.0.0.4"}) swallow(host);
    Server last = co_await serve("10.0.0.5");
    const char* all = "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5";
    EXPECT_EQ(co_await outcome(all, staggered(100ms)), "10.0.0.5");
    EXPECT_EQ(took_, 302ms);
    EXPECT_EQ(co_await outcome(all, staggered(0ms)), "10.0.0.5");
    EXPECT_EQ(took_, 2ms) << "no delay: all at once";
  };
  run(main());
}

TEST_F(connect_race, an_older_one_that_fails_does_not_hurry_the_next) {
  auto main = [&]() -> Coro<> {
    network().link("10.0.0.1", "10.0.0.2", {.latency = 60ms});  // refuses after 120 ms
    network().add_host("refuses", "10.0.0.2");
    swallow("10.0.0.3");
    Server last = co_await serve("10.0.0.4");
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3 10.0.0.4", staggered(100ms)), "10.0.0.4");
    EXPECT_EQ(took_, 202ms);
  };
  run(main());
}

// Fault S11: both fail.
// CPython: test_staggered::StaggeredTests::test_none_successful
TEST_F(connect_race, what_all_failed_with_is_told_once_the_last_has_failed) {
  auto main = [&]() -> Coro<> {
    network().add_host("refuses", "10.0.0.2");
    swallow("10.0.0.3");
    EXPECT_EQ(co_await outcome("10.0.0.3 10.0.0.2", staggered()),
              "OSError: Multiple exceptions: connect 10.0.0.3:80: connection timed out, "
              "connect 10.0.0.2:80: connection refused")
        << "in the order in which they were tried";
    EXPECT_GE(took_, 127s);
    EXPECT_EQ(network().open_descriptors(), 0U);
  };
  run(main());
}

// Rule 2.58
// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_connection_happy_eyeballs_empty_exceptions
TEST_F(connect_race, without_an_address_there_is_an_error_and_no_hang) {
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(co_await outcome("", staggered()),
              "OSError: connect: no address of the family of the local one: cannot assign "
              "requested address");
  };
  run(main());
}

TEST_F(connect_race, errors_of_one_text_are_one_error) {
  auto main = [&]() -> Coro<> {
    network().add_host("refuses", "10.0.0.2");
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.2"),
              "ConnectionRefusedError: connect 10.0.0.2:80: connection refused");
  };
  run(main());
}

// Rule 2.58
// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_connection_multiple_errors
TEST_F(connect_race, with_all_errors_a_failure_is_a_group) {
  auto main = [&]() -> Coro<> {
    network().set_answer("shop", {"10.0.0.2", "10.0.0.3"});
    network().add_host("refuses", "10.0.0.2");
    network().add_host("refuses", "10.0.0.3");
    ConnectOptions options;
    options.all_errors = true;
    Result<StreamPair> streams = co_await try_(open_connection("shop", 80, options));
    const auto* group = base::exception_cast<ExceptionGroup>(streams.exception());
    EXPECT_TRUE(group != nullptr);
    if (group == nullptr) co_return;
    detail::RaceOptions all_errors;
    all_errors.all_errors = true;
    EXPECT_EQ(group->message(), "create_connection failed");
    EXPECT_EQ(group->exceptions().size(), 2U);
    EXPECT_TRUE(base::exception_is<ConnectionRefusedError>(group->exceptions().at(1)));
    EXPECT_THAT(
        co_await outcome("10.0.0.2", all_errors),
        ::testing::StartsWith("ExceptionGroup: create_connection failed (1 sub-exception)"));
  };
  run(main());
}

// Fault S10: EADDRNOTAVAIL, no descriptors, cancelled.
TEST_F(connect_race, a_socket_that_cannot_be_had_is_one_more_failure) {
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("10.0.0.2");
    Server two = co_await serve("10.0.0.3");
    backend().fail_call(testing::Operation::socket, 0, EMFILE);
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3"), "10.0.0.3");
    backend().fail_call(testing::Operation::watch, 0, ENOSPC);
    EXPECT_EQ(co_await outcome("10.0.0.2 10.0.0.3"), "10.0.0.3");
    network().set_local_ports(0);
    EXPECT_EQ(co_await outcome("10.0.0.2"),
              "OSError: connect 10.0.0.2:80: cannot assign requested address");
  };
  run(main());
}

// CPython: test_staggered::StaggeredTests::test_cancelled
TEST_F(connect_race, cancelling_closes_every_socket) {
  auto main = [&]() -> Coro<> {
    for (const char* host : {"10.0.0.2", "10.0.0.3", "10.0.0.4"}) swallow(host);
    auto racing = create_task(outcome("10.0.0.2 10.0.0.3 10.0.0.4", staggered()));
    co_await sleep(600ms);
    EXPECT_EQ(network().open_descriptors(), 3U);
    racing.cancel();
    co_await sleep(0s);
    EXPECT_EQ(network().open_descriptors(), 0U);
  };
  run(main());
}

TEST_F(connect_race, a_winner_that_comes_with_the_cancellation_is_closed_too) {
  auto main = [&]() -> Coro<> {
    Server one = co_await serve("10.0.0.2");
    const std::size_t before = network().open_descriptors();
    auto racing = create_task(outcome("10.0.0.2"));
    co_await sleep(2ms);  // its answer is there, its turn has not come
    racing.cancel();
    co_await sleep(5ms);
    EXPECT_EQ(network().open_descriptors(), before);
  };
  run(main());
}

TEST_F(connect_race, open_connection_staggers_when_asked_and_lets_families_take_turns) {
  auto main = [&]() -> Coro<> {
    network().set_answer("shop", {"fd00::1", "fd00::2", "10.0.0.3"}, 0ms);
    swallow("fd00::1");
    swallow("fd00::2");
    Server server = co_await serve("10.0.0.3");
    ConnectOptions options;
    options.happy_eyeballs_delay = 250ms;
    const Nanoseconds before = elapsed();
    auto [reader, writer] = co_await open_connection("shop", 80, options);
    EXPECT_EQ(writer.peername().host(), "10.0.0.3");
    EXPECT_LT(elapsed() - before, 300ms) << "second in turn, and not third";
    writer.close();
    // As in Python, one after the other is what it does by itself.
    auto plain = co_await try_(wait_for(open_connection("shop", 80), 60s));
    EXPECT_EQ(describe(plain.exception()), "TimeoutError");
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
