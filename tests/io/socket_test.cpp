#include "asyncio/io/socket.hpp"

#include <gmock/gmock.h>

#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::Peer;
using test::TcpPair;
using test::thrown_by;

std::string text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class socket : public test::SocketTest {
 protected:
  socket() : ours(scheduler(), pair.ours), peer(pair.theirs) {}
  void TearDown() override {
    ours.close();
    peer.close();
    SocketTest::TearDown();
  }

  TcpPair pair;
  Socket ours;
  Peer peer;
};

Coro<std::string> recv_once(Socket& from) {
  std::byte buffer[64];
  const std::size_t count = co_await from.recv(buffer);
  co_return text(std::span(buffer).first(count));
}

TEST_F(socket, data_that_is_there_is_read_without_waiting) {
  peer.send("hello");
  EXPECT_EQ(run(recv_once(ours)), "hello");
  EXPECT_FALSE(ours.may_recv()) << "a short read has taken all there was";
}

TEST_F(socket, a_read_waits_for_data_and_then_for_the_end) {
  auto main = [&]() -> Coro<std::string> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    peer.send("late");
    std::string all = co_await read;
    all += "|";
    peer.shutdown();
    all += co_await recv_once(ours);
    co_return all;
  };
  EXPECT_EQ(run(main()), "late|");
}

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sock_client_racing
// CPython cancels, reads again and has the byte only when the event had not come yet.
TEST_F(socket, a_cancelled_read_loses_no_byte_even_when_data_had_come) {
  auto main = [&]() -> Coro<std::string> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    peer.send("kept");
    // Turns until the event has made the task ready, then cancels it before it runs.
    while (!ours.may_recv()) co_await sleep(0s);
    read.cancel();
    std::vector<Task<std::string>> both(1, read);
    co_await wait(both);
    EXPECT_TRUE(read.cancelled());
    co_return co_await recv_once(ours);
  };
  peer.send("x");
  EXPECT_EQ(run(recv_once(ours)), "x");
  EXPECT_EQ(run(main()), "kept");
}

// Fault L10
TEST_F(socket, data_and_end_that_come_together_are_both_read) {
  auto main = [&]() -> Coro<std::string> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    peer.send("last words");
    peer.close();
    std::string all = co_await read;
    for (;;) {
      std::string more = co_await recv_once(ours);
      if (more.empty()) co_return all;
      all += more;
    }
  };
  EXPECT_EQ(run(main()), "last words");
}

// Fault L10: somebody else was faster, with a copy of the descriptor
TEST_F(socket, a_wake_up_for_nothing_goes_unnoticed) {
  auto main = [&]() -> Coro<std::string> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    for (int i = 0; i < 3; ++i) {
      peer.send("x");
      char stolen = 0;
      while (::recv(pair.ours, &stolen, 1, MSG_DONTWAIT) < 0) {
      }
      for (int turn = 0; turn < 5; ++turn) co_await sleep(0s);
      EXPECT_FALSE(read.done());
    }
    peer.send("kept");
    co_return co_await read;
  };
  EXPECT_EQ(run(main()), "kept");
}

TEST_F(socket, reads_into_the_loops_own_buffer) {
  auto main = [&]() -> Coro<std::string> {
    const std::span<const std::byte> data = co_await ours.recv_some();
    co_return text(data);
  };
  peer.send("into scratch");
  EXPECT_EQ(run(main()), "into scratch");
}

TEST_F(socket, send_all_waits_until_a_slow_peer_has_taken_everything) {
  const std::string data(8'000'000, 'd');
  auto main = [&]() -> Coro<std::size_t> {
    auto sent = create_task(ours.send_all(data));
    co_await sleep(0s);
    EXPECT_FALSE(sent.done());
    std::size_t received = 0;
    while (received < data.size()) {
      received += peer.recv().size();
      co_await sleep(0s);
    }
    co_await sent;
    co_return received;
  };
  EXPECT_EQ(run(main()), data.size());
}

// Fault S5
TEST_F(socket, a_second_reader_is_a_runtime_error_and_the_first_stays) {
  auto main = [&]() -> Coro<std::string> {
    auto first = create_task(recv_once(ours));
    co_await sleep(0s);
    Result<std::string> second = co_await try_(recv_once(ours));
    EXPECT_EQ(test::describe(second.exception()),
              "RuntimeError: recv(): another task is already waiting to read from this socket");
    peer.send("for the first");
    co_return co_await first;
  };
  EXPECT_EQ(run(main()), "for the first");
}

TEST_F(socket, a_reset_in_the_middle_of_a_read_is_a_connection_reset_error) {
  auto main = [&]() -> Coro<> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    peer.reset();
    co_await read;
  };
  EXPECT_EQ(thrown_by([&] { run(main()); }),
            "ConnectionResetError: recv: connection reset by peer");
}

// Fault L15
TEST_F(socket, closing_ends_the_waits_with_an_error) {
  auto main = [&]() -> Coro<> {
    auto read = create_task(recv_once(ours));
    co_await sleep(0s);
    ours.close();
    EXPECT_FALSE(ours.is_open());
    co_await read;
  };
  EXPECT_EQ(thrown_by([&] { run(main()); }), "OSError: recv: bad file descriptor");
  EXPECT_EQ(thrown_by([&] { run(recv_once(ours)); }), "OSError: recv: bad file descriptor");
}

TEST_F(socket, a_loop_that_closes_first_closes_the_socket) {
  peer.send("never read");
  loop().close();
  EXPECT_FALSE(ours.is_open());
  EXPECT_EQ(ours.fileno(), -1);
}

TEST_F(socket, waiting_for_a_direction_serves_code_that_makes_the_calls_itself) {
  auto main = [&]() -> Coro<std::ptrdiff_t> {
    std::byte buffer[8];
    EXPECT_EQ(ours.try_recv(buffer), -EAGAIN);
    auto ready = create_task(ours.wait_readable());
    co_await sleep(0s);
    EXPECT_FALSE(ready.done());
    peer.send("now");
    co_await ready;
    co_await ours.wait_writable();
    co_return ours.try_recv(buffer);
  };
  EXPECT_EQ(run(main()), 3);
}

TEST_F(socket, reads_that_fill_their_buffer_take_one_turn_each) {
  peer.send("abcdef");
  auto main = [&]() -> Coro<std::uint64_t> {
    const std::uint64_t before = scheduler().turns();
    std::byte two[2];
    co_await ours.recv(two);
    co_await ours.recv(two);
    co_await ours.recv(two);
    co_return scheduler().turns() - before;
  };
  EXPECT_EQ(run(main()), 2U);
}

class socket_connect : public test::SocketTest {
 protected:
  // A listening socket; its address.
  SocketAddress listen_on_loopback(Socket& server) {
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", 0, address);
    EXPECT_EQ(server.open(AF_INET, SOCK_STREAM), 0);
    EXPECT_EQ(server.bind(address), 0);
    EXPECT_EQ(server.listen(8), 0);
    return server.local_address();
  }
};

TEST_F(socket_connect, connects_and_accepts) {
  Socket server(scheduler());
  Socket client(scheduler());
  Socket accepted(scheduler());
  const SocketAddress address = listen_on_loopback(server);
  auto main = [&]() -> Coro<std::string> {
    SocketAddress who;
    auto accept = create_task(server.accept(&who));
    co_await sleep(0s);
    EXPECT_EQ(client.open(AF_INET, SOCK_STREAM), 0);
    co_await client.connect(address);
    accepted.adopt(co_await accept);
    EXPECT_EQ(who, client.local_address());
    co_await accepted.send_all(std::string_view("welcome"));
    co_return co_await recv_once(client);
  };
  EXPECT_EQ(run(main()), "welcome");
  EXPECT_EQ(client.peer_address(), address);
  server.close();
  client.close();
  accepted.close();
}

TEST_F(socket_connect, a_refused_connection_names_the_address) {
  SocketAddress address;
  {
    Socket server(scheduler());
    address = listen_on_loopback(server);
  }
  Socket client(scheduler());
  ASSERT_EQ(client.open(AF_INET, SOCK_STREAM), 0);
  EXPECT_EQ(thrown_by([&] { run(client.connect(address)); }),
            "ConnectionRefusedError: connect " + address.to_string() + ": connection refused");
  client.close();
}

// Rule 2.58
// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_cancel_sock_accept
// Fault S12
TEST_F(socket_connect, a_cancelled_accept_takes_no_connection) {
  Socket server(scheduler());
  const SocketAddress address = listen_on_loopback(server);
  Socket client(scheduler());
  auto main = [&]() -> Coro<> {
    auto accept = create_task(server.accept());
    co_await sleep(0s);
    accept.cancel();
    std::vector<Task<int>> tasks(1, accept);
    co_await wait(tasks);
    EXPECT_EQ(client.open(AF_INET, SOCK_STREAM), 0);
    co_await client.connect(address);
    const Socket accepted(scheduler(), co_await server.accept());
    EXPECT_TRUE(accepted.is_open());
  };
  run(main());
  server.close();
  client.close();
}

}  // namespace
}  // namespace asyncio
