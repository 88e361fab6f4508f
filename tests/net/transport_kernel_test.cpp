// Protocols and datagrams over the kernel's own sockets: what a simulated world could get wrong.
#include <gmock/gmock.h>
#include <sys/un.h>

#include <algorithm>
#include <array>

#include "asyncio/task/sleep.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::TcpPair;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Echo : public Protocol {
 public:
  void connection_made(Transport made) override { transport = made; }
  void data_received(std::string_view data) override { transport.write(data); }
  void pause_writing() override { transport.pause_reading(); }
  void resume_writing() override { transport.resume_reading(); }

  Transport transport;
};

// Receives everything; the future is done with it.
class Collector : public Protocol {
 public:
  explicit Collector(std::size_t bytes) : wanted(bytes) {}
  void data_received(std::string_view data) override {
    received += data;
    if (received.size() >= wanted && !all.done()) all.set_result();
  }
  void connection_lost(std::exception_ptr error) override {
    if (error) failure = describe(error);
    lost.set_result();
  }

  std::size_t wanted;
  std::string received;
  std::string failure;
  Future<> all = get_running_loop().create_future<>();
  Future<> lost = get_running_loop().create_future<>();
};

class kernel_transport : public test::SocketTest {};

// CPython: test_events::EventLoopTestsMixin::test_create_connection
TEST_F(kernel_transport, a_megabyte_comes_back_through_flow_control_on_both_sides) {
  run([&]() -> Coro<> {
    auto make_echo = [] { return std::make_shared<Echo>(); };
    Server server = co_await EventLoop::create_server(make_echo, "127.0.0.1", 0);
    std::string block(1 << 20, '\0');
    for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 31 >> 3);
    auto make_collector = [&] { return std::make_shared<Collector>(block.size()); };
    auto [transport, mine] = co_await EventLoop::create_connection(make_collector, "127.0.0.1",
                                                                   server.sockets().at(0).port());
    transport.write(block);
    co_await mine->all;
    EXPECT_TRUE(mine->received == block);
    transport.close();
    co_await mine->lost;
    server.close();
    co_await server.wait_closed();
  }());
}

TEST_F(kernel_transport, a_reset_reaches_connection_lost) {
  run([&]() -> Coro<> {
    TcpPair pair;
    test::Peer peer(pair.theirs);
    auto factory = [] { return std::make_shared<Collector>(1); };
    auto [transport, mine] = co_await EventLoop::connect_accepted_socket(factory, pair.ours);
    peer.send("x");
    co_await mine->all;
    peer.reset();
    co_await mine->lost;
    EXPECT_THAT(mine->failure, StartsWith("ConnectionResetError: recv 127.0.0.1:"));
  }());
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_connection_wrong_sock
TEST_F(kernel_transport, a_socket_that_is_no_stream_is_refused_and_closed) {
  run([&]() -> Coro<> {
    const int sock = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    auto factory = [] { return std::make_shared<Echo>(); };
    auto outcome = co_await try_(EventLoop::create_connection(factory, SocketOptions{sock}));
    EXPECT_EQ(describe(outcome.exception()),
              "ValueError: A Stream Socket was expected, got descriptor " + std::to_string(sock));
  }());
}

class Datagrams : public DatagramProtocol {
 public:
  explicit Datagrams(std::size_t count) : wanted(count) {}
  void datagram_received(std::string_view data, const SocketAddress& from) override {
    received.emplace_back(data);
    sender = from;
    tell();
  }
  void error_received(std::exception_ptr error) override {
    errors.push_back(describe(error));
    tell();
  }
  void connection_lost(std::exception_ptr) override { lost.set_result(); }
  void tell() {
    if (received.size() + errors.size() == wanted) all.set_result();
  }

  std::size_t wanted;
  std::vector<std::string> received, errors;
  SocketAddress sender;
  Future<> all = get_running_loop().create_future<>();
  Future<> lost = get_running_loop().create_future<>();
};

auto expecting(std::size_t count) {
  return [count] { return std::make_shared<Datagrams>(count); };
}

TEST_F(kernel_transport, datagrams_go_there_and_back) {
  run([&]() -> Coro<> {
    auto one = expecting(2);
    const DatagramOptions any{.local_addr = {"127.0.0.1", 0}};
    auto [server, served] = co_await EventLoop::create_datagram_endpoint(one, any);
    const DatagramOptions there{.remote_addr = {"127.0.0.1", server.sockname().port()}};
    auto [client, mine] = co_await EventLoop::create_datagram_endpoint(one, there);
    client.sendto("");
    client.sendto("ping");
    co_await served->all;
    EXPECT_THAT(served->received, ElementsAre("", "ping"));
    EXPECT_EQ(served->sender, client.sockname());
    server.sendto("pong", served->sender);
    server.sendto(std::string(65'507, 'L'), served->sender);
    co_await mine->all;
    EXPECT_THAT(mine->received, ElementsAre("pong", SizeIs(65'507)));
    client.close();
    server.close();
    co_await mine->lost;
    co_await served->lost;
  }());
}

// Rule 2.60
// Fault S14
// CPython: test_events::EventLoopTestsMixin::test_datagram_send_to_non_listening_address
TEST_F(kernel_transport, an_unreachable_port_is_told_and_datagrams_still_come) {
  run([&]() -> Coro<> {
    const int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ::bind(probe, generic, size);
    ::getsockname(probe, generic, &size);
    auto two = expecting(2);
    const DatagramOptions there{.remote_addr = {"127.0.0.1", ntohs(address.sin_port)}};
    auto [client, mine] = co_await EventLoop::create_datagram_endpoint(two, there);
    ::close(probe);
    client.sendto("anybody?");
    while (mine->errors.empty()) co_await sleep(0s);
    EXPECT_THAT(mine->errors, ElementsAre(HasSubstr("ConnectionRefusedError")));
    const int server = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ::bind(server, generic, size);
    const SocketAddress to = client.sockname();
    ::sendto(server, "here", 4, 0, static_cast<const sockaddr*>(to.data()), to.size());
    co_await mine->all;
    EXPECT_THAT(mine->received, ElementsAre("here"));
    ::close(server);
    client.close();
    co_await mine->lost;
  }());
}

// Fault S14
TEST_F(kernel_transport, a_datagram_longer_than_the_buffer_is_an_error_and_not_half_a_datagram) {
  run([&]() -> Coro<> {
    std::array<int, 2> ends{};
    ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data());
    const int room = 1 << 20;
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    const std::string large(300'000, 'x');
    if (::send(ends[1], large.data(), large.size(), 0) < 0) {
      ::close(ends[0]);
      ::close(ends[1]);
      co_return;  // net.core.wmem_max is too small here for a datagram of that length
    }
    ::send(ends[1], "small", 5, 0);
    auto two = expecting(2);
    const DatagramOptions ours{.sock = ends[0]};
    auto [transport, mine] = co_await EventLoop::create_datagram_endpoint(two, ours);
    co_await mine->all;
    EXPECT_THAT(mine->received, ElementsAre("small"));
    EXPECT_THAT(mine->errors, ElementsAre(HasSubstr("message too long")));
    transport.close();
    co_await mine->lost;
    ::close(ends[1]);
  }());
}

// What the kernel does not take at once waits for its event.
TEST_F(kernel_transport, datagrams_to_a_full_unix_socket_wait_and_all_come_in_order) {
  run([&]() -> Coro<> {
    std::array<int, 2> ends{};
    ::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data());
    auto none = expecting(0);
    auto all = expecting(2000);
    const DatagramOptions from{.sock = ends[0]};
    const DatagramOptions to{.sock = ends[1]};
    auto [sender, sending] = co_await EventLoop::create_datagram_endpoint(none, from);
    for (int i = 10'000; i < 12'000; ++i) sender.sendto(std::to_string(i));
    EXPECT_GT(sender.get_write_buffer_size(), 0U);
    auto [receiver, received] = co_await EventLoop::create_datagram_endpoint(all, to);
    co_await received->all;
    EXPECT_TRUE(std::is_sorted(received->received.begin(), received->received.end()));
    EXPECT_EQ(received->received.back(), "11999");
    sender.close();
    receiver.close();
    co_await sending->lost;
    co_await received->lost;
  }());
}

}  // namespace
}  // namespace asyncio
