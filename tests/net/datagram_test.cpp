// Endpoints of datagrams, in a network that loses, doubles and reorders them. The ids are CPython
// 3.15's.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/simulated_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::thrown_by;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Writes down what it is told; a test gives single calls something to do.
class Listener : public DatagramProtocol {
 public:
  void connection_made(DatagramTransport made) override {
    transport = made;
    events.emplace_back("made");
  }
  void datagram_received(std::string_view data, const SocketAddress& from) override {
    received.emplace_back(data);
    senders.push_back(from);
    if (on_datagram) on_datagram();
  }
  void error_received(std::exception_ptr error) override {
    errors.push_back(describe(error));
    if (on_error) on_error();
  }
  void connection_lost(std::exception_ptr error) override {
    events.push_back(error ? "lost " + describe(error) : "lost");
    lost.set_result();
  }
  void pause_writing() override { events.emplace_back("pause"); }
  void resume_writing() override {
    events.emplace_back("resume");
    if (on_resume) on_resume();
  }

  DatagramTransport transport;
  std::vector<std::string> events, received, errors;
  std::vector<SocketAddress> senders;
  Future<> lost = get_running_loop().create_future<>();
  std::function<void()> on_datagram, on_error, on_resume;
};

using Endpoint = std::shared_ptr<Listener>;

Coro<Endpoint> open(DatagramOptions options) {
  auto endpoint = std::make_shared<Listener>();
  auto factory = [endpoint] { return endpoint; };
  co_await EventLoop::create_datagram_endpoint(factory, options);
  co_return endpoint;
}

Coro<Endpoint> bound_to(int port) { return open({.local_addr = {"127.0.0.1", port}}); }

Coro<Endpoint> connected_to(int port) { return open({.remote_addr = {"127.0.0.1", port}}); }

class datagrams : public test::SimulatedTest {
 protected:
  static SocketAddress at(std::uint16_t port) {
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", port, address);
    return address;
  }
};

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_addrs
TEST_F(datagrams, go_to_where_they_are_sent_and_come_with_their_sender) {
  run([]() -> Coro<> {
    Endpoint one = co_await bound_to(1000);
    Endpoint other = co_await bound_to(2000);
    one->transport.sendto("ping", at(2000));
    co_await sleep(1s);
    EXPECT_THAT(other->received, ElementsAre("ping"));
    EXPECT_EQ(other->senders.at(0), at(1000));
    other->transport.setsockopt(SOL_SOCKET, SO_RCVBUF, 100'000);
    EXPECT_EQ(other->transport.getsockopt(SOL_SOCKET, SO_RCVBUF), 100'000);
    other->transport.sendto("pong", other->senders.at(0));
    co_await sleep(1s);
    EXPECT_THAT(one->received, ElementsAre("pong"));
    EXPECT_EQ(one->transport.sockname(), at(1000));
    EXPECT_TRUE(one->transport.peername().empty());
    one->transport.close();
    other->transport.close();
    co_await one->lost;
    EXPECT_THAT(one->events, ElementsAre("made", "lost"));
    EXPECT_EQ(one->transport.fileno(), -1);
    co_await other->lost;
  }());
}

// CPython: test_selector_events::SelectorDatagramTransportTests::test_sendto_no_data
TEST_F(datagrams, may_be_empty) {
  run([]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    client->transport.sendto("");
    client->transport.sendto("x");
    co_await sleep(1s);
    EXPECT_THAT(server->received, ElementsAre("", "x"));
    client->transport.abort();
    server->transport.abort();
    co_await sleep(0s);
  }());
}

TEST_F(datagrams, keep_their_bounds_however_large_they_are) {
  run([]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    const std::string largest(65'507, 'L');
    client->transport.sendto(largest);
    client->transport.sendto("small");
    client->transport.sendto(std::string(65'508, 'X'));
    co_await sleep(1s);
    EXPECT_THAT(server->received, ElementsAre(largest, "small"));
    EXPECT_THAT(client->errors, ElementsAre("OSError: sendto 127.0.0.1:1000: message too long"));
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
}

TEST_F(datagrams, a_connected_endpoint_hears_of_its_peer_alone_and_sends_to_nobody_else) {
  run([]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint stranger = co_await bound_to(2000);
    Endpoint client =
        co_await open({.local_addr = {"127.0.0.1", 3000}, .remote_addr = {"127.0.0.1", 1000}});
    EXPECT_EQ(client->transport.peername(), at(1000));
    client->transport.sendto("to the peer", at(1000));
    // CPython: test_selector_events::SelectorDatagramTransportTests::test_sendto_connected_addr
    EXPECT_EQ(thrown_by([&] { client->transport.sendto("x", at(2000)); }),
              "ValueError: Invalid address: must be None or 127.0.0.1:1000");
    stranger->transport.sendto("unasked", at(3000));
    server->transport.sendto("answer", at(3000));
    co_await sleep(1s);
    EXPECT_THAT(server->received, ElementsAre("to the peer"));
    EXPECT_THAT(client->received, ElementsAre("answer"));
    for (const Endpoint& one : {server, stranger, client}) one->transport.close();
    co_await sleep(0s);
  }());
}

// Rule 2.60
// Fault S14
// CPython: test_events::EventLoopTestsMixin::test_datagram_send_to_non_listening_address
// CPython: test_selector_events::SelectorDatagramTransportTests::test_sendto_error_received_connected
TEST_F(datagrams, a_port_where_nobody_listens_is_an_error_and_the_endpoint_stays_open) {
  run([]() -> Coro<> {
    Endpoint client = co_await connected_to(1000);
    client->transport.sendto("anybody?");
    co_await sleep(1s);
    EXPECT_THAT(client->errors, ElementsAre("ConnectionRefusedError: recvfrom 127.0.0.1:1000: "
                                            "connection refused"));
    EXPECT_FALSE(client->transport.is_closing());
    Endpoint server = co_await bound_to(1000);
    client->transport.sendto("now?");
    co_await sleep(1s);
    EXPECT_THAT(server->received, ElementsAre("now?"));
    EXPECT_THAT(client->errors, SizeIs(1));
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
}

// Rule 2.60
TEST_F(datagrams, an_endpoint_that_is_not_connected_does_not_hear_of_unreachable_ports) {
  run([]() -> Coro<> {
    Endpoint one = co_await bound_to(1000);
    one->transport.sendto("anybody?", at(2000));
    co_await sleep(1s);
    EXPECT_THAT(one->errors, IsEmpty());
    one->transport.close();
    co_await one->lost;
  }());
}

// Rule 2.60
// CPython: test_events::EventLoopTestsMixin::test_datagram_close_flushes_queued_data
TEST_F(datagrams, close_sends_what_is_queued_first) {
  run([&]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    const std::string block(50'000, 'b');
    for (int i = 0; i < 4; ++i) client->transport.sendto(block);
    client->transport.sendto("last");
    EXPECT_EQ(client->transport.get_write_buffer_size(), 2 * (50'000U + 8) + 4 + 8);
    client->transport.close();
    client->transport.sendto("too late");
    EXPECT_EQ(client->events, std::vector<std::string>({"made", "pause"}));
    co_await client->lost;
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume", "lost"));
    co_await sleep(1s);
    EXPECT_THAT(server->received, SizeIs(5));
    EXPECT_EQ(server->received.back(), "last");
    server->transport.close();
    co_await server->lost;
  }());
}

TEST_F(datagrams, abort_throws_away_what_is_queued_and_still_tells_in_a_later_turn) {
  run([&]() -> Coro<> {
    Endpoint client = co_await connected_to(1000);
    for (int i = 0; i < 5; ++i) client->transport.sendto(std::string(50'000, 'b'));
    client->transport.abort();
    EXPECT_EQ(client->transport.get_write_buffer_size(), 0U);
    EXPECT_EQ(client->events.back(), "pause");
    co_await client->lost;
  }());
}

// Rule 2.60
// CPython: test_events::EventLoopTestsMixin::test_datagram_write_error_resumes_paused_protocol
TEST_F(datagrams, an_error_in_sending_what_is_queued_resumes_a_paused_protocol) {
  run([&]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    client->transport.set_write_buffer_limits(10'000, 0);
    for (int i = 0; i < 3; ++i) client->transport.sendto(std::string(50'000, 'b'));
    EXPECT_THAT(client->events, ElementsAre("made", "pause"));
    backend().fail_call(testing::Operation::send, 0, EPERM);
    co_await sleep(1s);
    EXPECT_THAT(client->errors, ElementsAre(StartsWith("PermissionError: sendto")));
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume"));
    EXPECT_EQ(client->transport.get_write_buffer_size(), 0U);
    EXPECT_THAT(server->received, SizeIs(2));
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
}

// Rule 2.45
// CPython: test_selector_events::SelectorDatagramTransportTests::test_sendto_buffer
TEST_F(datagrams, flow_control_counts_eight_bytes_for_each_and_pauses_above_the_high_mark) {
  run([&]() -> Coro<> {
    network().set_buffer(100);
    Endpoint client = co_await connected_to(1000);
    EXPECT_EQ(client->transport.get_write_buffer_limits(), std::pair(16'384UL, 65'536UL));
    EXPECT_EQ(thrown_by([&] { client->transport.set_write_buffer_limits(1, 2); }),
              "ValueError: high (1) must be >= low (2) must be >= 0");
    client->transport.set_write_buffer_limits(16, 8);
    client->transport.sendto("the kernel takes one");
    client->transport.sendto("");
    client->transport.sendto("");
    EXPECT_EQ(client->transport.get_write_buffer_size(), 16U);
    EXPECT_THAT(client->events, ElementsAre("made"));
    client->transport.sendto("");
    EXPECT_THAT(client->events, ElementsAre("made", "pause"));
    client->transport.set_write_buffer_limits(24, 24);
    EXPECT_THAT(client->events, ElementsAre("made", "pause", "resume"));
    client->transport.abort();
    co_await client->lost;
  }());
}

// Fault S14
TEST_F(datagrams, a_flood_is_bounded_and_what_does_not_fit_is_told) {
  run([&]() -> Coro<> {
    Endpoint client = co_await connected_to(1000);
    const std::string block(10'000, 'f');
    for (int i = 0; i < 1000; ++i) client->transport.sendto(block);
    EXPECT_LE(client->transport.get_write_buffer_size(), 1024U * 1024);
    EXPECT_GT(client->transport.get_write_buffer_size(), 1000U * 1000);
    EXPECT_GT(client->errors.size(), 800U);
    EXPECT_THAT(client->errors,
                Each(StartsWith("OSError: sendto 127.0.0.1:1000: no buffer space")));
    EXPECT_EQ(std::count(client->events.begin(), client->events.end(), "pause"), 1);
    client->transport.abort();
    co_await client->lost;
  }());
}

// Fault S14
TEST_F(datagrams, a_flood_of_received_ones_leaves_room_for_other_tasks) {
  run([&]() -> Coro<> {
    network().set_buffer(64 * 1024 * 1024);
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    for (int i = 0; i < 10'000; ++i) client->transport.sendto("x");
    std::size_t most = 0;
    co_await sleep(50us);  // the way of all of them
    while (server->received.size() < 10'000) {
      const std::size_t before = server->received.size();
      co_await sleep(0s);
      most = std::max(most, server->received.size() - before);
    }
    EXPECT_LE(most, 64U) << "so many in one turn";
    server->transport.close();
    client->transport.close();
    co_await client->lost;
  }());
}

TEST_F(datagrams, some_are_lost_some_come_twice_and_some_overtake_others_by_the_seed) {
  run([&]() -> Coro<> {
    testing::LinkOptions link;
    link.lose_one_in = 10;
    link.duplicate_one_in = 10;
    link.reorder_one_in = 10;
    network().set_default_link(link);
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    for (int i = 100; i < 400; ++i) client->transport.sendto(std::to_string(i));
    co_await sleep(1s);
    std::vector<std::string> got = server->received;
    EXPECT_FALSE(std::is_sorted(got.begin(), got.end())) << "none overtook another";
    std::sort(got.begin(), got.end());
    const auto doubles = std::unique(got.begin(), got.end());
    EXPECT_GT(got.end() - doubles, 5);
    const auto different = static_cast<std::size_t>(doubles - got.begin());
    EXPECT_LT(different, 295U);
    EXPECT_GT(different, 200U);
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
}

TEST_F(datagrams, what_a_callback_throws_is_reported_and_the_endpoint_stays_open) {
  std::vector<std::string> reported;
  loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
    reported.push_back(context.message + " " + describe(context.exception));
  });
  run([&]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    Endpoint client = co_await connected_to(1000);
    server->on_datagram = [] { throw ValueError("no"); };
    client->transport.sendto("one");
    client->transport.sendto("two");
    co_await sleep(1s);
    EXPECT_THAT(server->received, ElementsAre("one", "two"));
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
  EXPECT_THAT(reported,
              ElementsAre("Exception in callback protocol.datagram_received() ValueError: no",
                          "Exception in callback protocol.datagram_received() ValueError: no"));
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_no_addrinfo
// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_wrong_sock
// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_sock_sockopts
TEST_F(datagrams, options_that_make_no_sense_are_refused_and_nothing_stays_open) {
  auto refusal = [&](DatagramOptions options) {
    return thrown_by([&] { return run(open(options)); });
  };
  EXPECT_EQ(refusal({}), "ValueError: unexpected address family");
  EXPECT_EQ(refusal({.local_addr = {"127.0.0.1", 1}, .remote_addr = {"::1", 1}}),
            "ValueError: can not get address information");
  const int stream = backend().socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(refusal({.sock = stream}),
            "ValueError: A datagram socket was expected, got descriptor " + std::to_string(stream));
  EXPECT_EQ(refusal({.family = AF_INET, .reuse_port = true, .sock = 1'000'000}),
            "ValueError: socket modifier keyword arguments can not be used when sock is "
            "specified. (family, reuse_port)");
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_cant_bind
TEST_F(datagrams, an_address_in_use_is_named) {
  run([]() -> Coro<> {
    Endpoint first = co_await bound_to(1000);
    auto second = co_await try_(bound_to(1000));
    EXPECT_EQ(describe(second.exception()), "OSError: bind 127.0.0.1:1000: address already in use");
    auto shared = co_await open({.local_addr = {"127.0.0.1", 2000}, .reuse_port = true});
    auto sharing = co_await open({.local_addr = {"127.0.0.1", 2000}, .reuse_port = true});
    for (const Endpoint& one : {first, shared, sharing}) one->transport.close();
    co_await sleep(0s);
  }());
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_sock
TEST_F(datagrams, a_socket_of_the_program_s_own_is_taken_over) {
  run([&]() -> Coro<> {
    const int sock = backend().socket(AF_INET, SOCK_DGRAM, 0);
    EXPECT_EQ(backend().bind(sock, at(1000)), 0);
    Endpoint endpoint = co_await open({.sock = sock});
    EXPECT_EQ(endpoint->transport.sockname(), at(1000));
    endpoint->transport.close();
    co_await endpoint->lost;
  }());
}

TEST_F(datagrams, a_broadcast_reaches_all_and_their_answers_come_back) {
  run([&]() -> Coro<> {
    Endpoint one = co_await open({.local_addr = {"0.0.0.0", 9}, .reuse_port = true});
    Endpoint two = co_await open({.local_addr = {"0.0.0.0", 9}, .reuse_port = true});
    Endpoint asker =
        co_await open({.remote_addr = {"255.255.255.255", 9}, .allow_broadcast = true});
    asker->transport.sendto("who is there?");
    co_await sleep(1s);
    EXPECT_THAT(one->received, ElementsAre("who is there?"));
    EXPECT_THAT(two->received, ElementsAre("who is there?"));
    one->transport.sendto("I am", one->senders.at(0));
    co_await sleep(1s);
    EXPECT_THAT(asker->received, ElementsAre("I am"));
    for (const Endpoint& each : {one, two, asker}) each->transport.close();
    co_await sleep(0s);
  }());
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_sock_unix
// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_datagram_endpoint_existing_sock_unix
TEST_F(datagrams, of_the_unix_family_go_by_path_and_a_stale_one_is_replaced) {
  run([&]() -> Coro<> {
    for (int again = 0; again < 2; ++again) {
      Endpoint server = co_await open({.local_addr = {"/tmp/server"}, .family = AF_UNIX});
      Endpoint client = co_await open(
          {.local_addr = {"/tmp/client"}, .remote_addr = {"/tmp/server"}, .family = AF_UNIX});
      client->transport.sendto("hello");
      co_await sleep(1s);
      EXPECT_THAT(server->received, ElementsAre("hello"));
      server->transport.sendto("and back", server->senders.at(0));
      co_await sleep(1s);
      EXPECT_THAT(client->received, ElementsAre("and back"));
      server->transport.close();
      co_await server->lost;
      client->transport.sendto("anybody?");
      EXPECT_THAT(client->errors, ElementsAre("ConnectionRefusedError: sendto /tmp/server: "
                                              "connection refused"));
      client->transport.close();
      co_await client->lost;
    }
  }());
}

TEST_F(datagrams, of_the_unix_family_wait_for_a_slow_reader_and_none_is_lost) {
  run([&]() -> Coro<> {
    Endpoint server = co_await open({.local_addr = {"/tmp/server"}, .family = AF_UNIX});
    Endpoint client = co_await open({.remote_addr = {"/tmp/server"}, .family = AF_UNIX});
    for (int i = 0; i < 10; ++i) client->transport.sendto(std::string(50'000, 'u'));
    EXPECT_GT(client->transport.get_write_buffer_size(), 300'000U);
    co_await sleep(1s);
    EXPECT_THAT(server->received, SizeIs(10));
    client->transport.close();
    server->transport.close();
    co_await server->lost;
  }());
}

TEST_F(datagrams, a_cancelled_look_up_leaves_no_socket) {
  network().set_answer("slow", {"127.0.0.1"}, 10s);
  run([]() -> Coro<> {
    auto outcome = co_await try_(wait_for(open({.remote_addr = {"slow", 1000}}), 1s));
    EXPECT_EQ(describe(outcome.exception()), "TimeoutError");
  }());
}

TEST_F(datagrams, an_open_endpoint_lives_without_handles_and_goes_with_its_loop) {
  loop().set_debug(true);
  std::weak_ptr<Listener> watched;
  run([&]() -> Coro<> {
    Endpoint server = co_await bound_to(1000);
    watched = server;
    server->transport = {};
    server.reset();
    EXPECT_FALSE(watched.expired());
    Endpoint client = co_await connected_to(1000);
    client->transport.sendto("still there?");
    co_await sleep(1s);
    EXPECT_THAT(watched.lock()->received, ElementsAre("still there?"));
    client->transport.close();
    co_await client->lost;
  }());
  close_loop();
  EXPECT_TRUE(watched.expired());
  EXPECT_THAT(
      take_logs(),
      ElementsAre(StartsWith("ResourceWarning: unclosed transport <DatagramTransport fd=")));
}

}  // namespace
}  // namespace asyncio
