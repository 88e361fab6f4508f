// What an echo costs, in what can be counted: system calls on the real kernel, allocations, and the
// memory of a connection that is silent.
#include <arpa/inet.h>
#include <malloc.h>

#include "asyncio/base/pool.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/sleep.hpp"
#include "support/counting_backend.hpp"
#include "support/socket_test.hpp"

// AddressSanitizer has a heap of its own, whose figures are not ours.
#if !ASYNCIO_ADDRESS_SANITIZER
#include "support/heap_calls.hpp"
#endif

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using Calls = test::CountingBackend::Calls;

constexpr long kMessages = 100;

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (;;) {
    const std::string data = co_await reader.read(65536);
    if (data.empty()) break;
    writer.write(data);
    co_await writer.drain();
  }
}

// A socket that blocks, of the kernel alone: what it costs is not ours.
Peer connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return Peer(fd);
}

class echo_costs : public test::QuietTest {
 protected:
  template <class A>
  auto run(A&& main) {
    return loop_->run_until_complete(std::forward<A>(main));
  }
  void turn() {
    loop_->stop();
    loop_->run_forever();
  }
  /// Turns until the peer has its echo; the kernel delivers on loopback before send() returns, but
  /// nobody promises that.
  static Coro<> until_echoed(Peer* peer, std::size_t bytes) {
    while (!peer->has(bytes)) co_await sleep(0s);
  }
  Coro<> ping(Peer* peer, std::string message) {
    peer->send(message);
    co_await until_echoed(peer, message.size());
    EXPECT_EQ(peer->recv(), message);
  }
  [[nodiscard]] const Calls& calls() const { return counting_->calls(); }

  void start(ServerOptions options = {}) {
    server_ = run(start_server(echo, "127.0.0.1", 0, options));
    port_ = server_->sockets().at(0).port();
  }
  void TearDown() override {
    server_.reset();
    detail::cancel_and_join_all(loop_->scheduler());
    loop_.reset();
    QuietTest::TearDown();
  }

  test::CountingBackend* counting_ = new test::CountingBackend;
  std::unique_ptr<EventLoop> loop_ =
      std::make_unique<EventLoop>(std::unique_ptr<Backend>(counting_));
  std::optional<Server> server_;
  int port_ = 0;
};

Coro<> ping_pong(StreamReader* reader, StreamWriter* writer, long times) {
  const std::string message(64, 'm');
  for (long i = 0; i < times; ++i) {
    writer->write(message);
    co_await writer->drain();
    const std::string answer = co_await reader->readexactly(message.size());
    EXPECT_EQ(answer, message);
  }
}

// Client and server are in one loop, so there are two sides of everything.
TEST_F(echo_costs, a_message_is_one_send_one_recv_and_one_poll_on_each_side) {
  start();
  run([](const test::CountingBackend* counting, int port) -> Coro<> {
    auto [reader, writer] = co_await open_connection("127.0.0.1", port);
    co_await ping_pong(&reader, &writer, 3);
    const Calls before = counting->calls();
    co_await ping_pong(&reader, &writer, kMessages);
    const Calls made = counting->calls().since(before);
    EXPECT_EQ(made.send, 2 * kMessages);
    EXPECT_EQ(made.recv, 2 * kMessages);
    EXPECT_EQ(made.wait, 2 * kMessages);
    EXPECT_EQ(made.watch + made.unwatch + made.set_option + made.address, 0);
    writer.close();
    co_await writer.wait_closed();
  }(counting_, port_));
}

#if !ASYNCIO_ADDRESS_SANITIZER && TEST_COUNTS_HEAP_CALLS
// The string that read() gives; what fits into the string itself costs none.
TEST_F(echo_costs, a_message_is_one_allocation_on_each_side) {
  start();
  run([](int port) -> Coro<> {
    auto [reader, writer] = co_await open_connection("127.0.0.1", port);
    co_await ping_pong(&reader, &writer, 3);
    const long before = test::heap_calls;
    co_await ping_pong(&reader, &writer, kMessages);
    constexpr long kTheMessage = 1;
    EXPECT_EQ(test::heap_calls - before, 2 * kMessages + kTheMessage);
    writer.close();
    co_await writer.wait_closed();
  }(port_));
}
#endif

TEST_F(echo_costs, a_connection_costs_five_calls_to_begin_and_three_to_end) {
  start();
  constexpr long kConnections = 10;
  std::vector<Peer> peers;
  for (long i = 0; i < kConnections; ++i) peers.push_back(connect_to(port_));
  Calls before = calls();
  for (Peer& peer : peers) run(ping(&peer, "x"));
  Calls made = calls().since(before);
  EXPECT_EQ(made.accept, kConnections + 1) << "the last one says that there are no more";
  EXPECT_EQ(made.set_option, kConnections) << "TCP_NODELAY";
  EXPECT_EQ(made.watch, kConnections);
  // The first try comes before the registration: of the first connection the message is there.
  EXPECT_EQ(made.recv, 2 * kConnections - 1);
  EXPECT_EQ(made.send, kConnections);
  EXPECT_EQ(made.address, 0) << "accept() has told the peer's address";
  before = calls();
  peers.clear();
  while (calls().close - before.close < kConnections) turn();
  made = calls().since(before);
  EXPECT_EQ(made.unwatch, kConnections);
  EXPECT_EQ(made.close, kConnections);
  EXPECT_EQ(made.recv, kConnections) << "the end";
}

#if !ASYNCIO_ADDRESS_SANITIZER && TEST_COUNTS_HEAP_CALLS
// The design's goal is 800. g++ gives each temporary of a coroutine a place of its own in the
// frame, clang lets them share.
#if defined(__clang__)
constexpr std::size_t kMostBytes = 800;
#else
constexpr std::size_t kMostBytes = 960;
#endif

// What is used of the heap: a slab of the pool is one block there, whether given out or not.
std::size_t used_bytes() { return ::mallinfo2().uordblks - base::Pool::idle_bytes(); }

TEST_F(echo_costs, a_silent_connection_keeps_few_bytes) {
  start();
  constexpr long kConnections = 200;
  std::vector<Peer> peers;
  peers.reserve(2 * kConnections);
  const auto connect_some = [&] {
    for (long i = 0; i < kConnections; ++i) {
      peers.push_back(connect_to(port_));
      run(ping(&peers.back(), "a message that does not fit into the string itself"));
    }
  };
  connect_some();
  const std::size_t before = used_bytes();
  connect_some();
  const std::size_t each = (used_bytes() - before) / kConnections;
  EXPECT_LE(each, kMostBytes);
  peers.clear();
}
#endif

}  // namespace
}  // namespace asyncio
