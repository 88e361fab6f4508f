// TCP, names, work that blocks, and edges: the same in every world (contract.hpp).
#include <netinet/in.h>

#include <cerrno>

#include "asyncio/net/resolver.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "asyncio/threads/to_thread.hpp"
#include "testing/contract.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::contract;
using test::until_something_waits;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string world_name(const ::testing::TestParamInfo<const char*>& info) { return info.param; }

INSTANTIATE_TEST_SUITE_P(worlds, contract, ::testing::ValuesIn(test::kWorlds), &world_name);

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (;;) {
    std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
}

int port_of(const Server& server) { return server.sockets().at(0).port(); }

Coro<std::string> ask(int port, std::string question) {
  auto [reader, writer] = co_await open_connection("127.0.0.1", port);
  writer.write(question);
  std::string answer = co_await reader.readline();
  writer.close();
  co_await writer.wait_closed();
  co_return answer;
}

TEST_P(contract, many_clients_are_served_at_once) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    std::vector<Coro<std::string>> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(ask(port_of(server), "line " + std::to_string(i) + "\n"));
    }
    const std::vector<std::string> answers = co_await gather(std::move(clients));
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(answers[static_cast<std::size_t>(i)], "line " + std::to_string(i) + "\n");
    }
    server.close();
    co_await server.wait_closed();
  };
  run(main());
}

// Fault S3
TEST_P(contract, a_slow_reader_holds_the_writer_up_and_loses_nothing) {
  auto main = [&]() -> Coro<> {
    const std::string data(12'000'000, 'd');
    bool waited = false;
    auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
      writer.write(data);
      waited = !writer.drain().await_ready();
      co_await writer.drain();
      writer.close();
    };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    std::size_t received = 0;
    for (;;) {
      std::string part = co_await reader.read(70'000);
      if (part.empty()) break;
      received += part.size();
      co_await sleep(0s);
    }
    EXPECT_EQ(received, data.size());
    EXPECT_TRUE(waited);
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
}

// Fault S9
TEST_P(contract, half_a_connection_can_end_while_the_other_goes_on) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      std::string all = co_await reader.read();
      writer.write("got " + all);
      writer.close();
    };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    writer.write("half");
    writer.write_eof();
    EXPECT_EQ(co_await reader.read(), "got half");
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
}

TEST_P(contract, a_port_without_a_listener_refuses) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    const int port = port_of(server);
    server.close();
    co_await server.wait_closed();
    Result<StreamPair> result = co_await try_(open_connection("127.0.0.1", port));
    EXPECT_EQ(test::describe(result.exception()),
              "ConnectionRefusedError: connect 127.0.0.1:" + std::to_string(port) +
                  ": connection refused");
  };
  run(main());
}

TEST_P(contract, closing_with_unread_data_resets_and_what_came_before_is_given) {
  auto main = [&]() -> Coro<> {
    Future<> asked = loop().create_future<void>();
    auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.readexactly(1);
      writer.write("answer");
      // Until the rest of the question has come, which nobody will read.
      co_await asked;
      co_await until_something_waits(writer.fileno());
      writer.close();
    };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    Socket socket(detail::running_scheduler());
    socket.open(AF_INET, SOCK_STREAM);
    co_await socket.connect(server.sockets().at(0));
    co_await socket.send_all("q");
    std::byte buffer[64];
    std::size_t got = 0;
    while (got < 6) got += co_await socket.recv(buffer);
    co_await socket.send_all("uestion");
    asked.set_result();
    Result<std::size_t> result = co_await try_(socket.recv(buffer));
    EXPECT_THAT(test::describe(result.exception()), StartsWith("ConnectionResetError"));
    socket.close();
  };
  run(main());
}

TEST_P(contract, a_port_that_is_taken_says_so) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    Result<Server> second = co_await try_(start_server(echo, "127.0.0.1", port_of(server)));
    EXPECT_THAT(test::describe(second.exception()), HasSubstr("bind 127.0.0.1:"));
    server.close();
  };
  run(main());
}

TEST_P(contract, a_listener_that_closes_resets_those_who_wait_in_its_queue) {
  auto main = [&]() -> Coro<> {
    Scheduler& scheduler = detail::running_scheduler();
    Socket listener(scheduler);
    listener.open(AF_INET, SOCK_STREAM);
    SocketAddress any;
    SocketAddress::parse("127.0.0.1", 0, any);
    EXPECT_EQ(listener.bind(any), 0);
    EXPECT_EQ(listener.listen(5), 0);
    Socket client(scheduler);
    client.open(AF_INET, SOCK_STREAM);
    co_await client.connect(listener.local_address());
    co_await listener.wait_readable();
    listener.close();
    std::byte buffer[8];
    Result<std::size_t> result = co_await try_(client.recv(buffer));
    EXPECT_THAT(test::describe(result.exception()), StartsWith("ConnectionResetError"));
  };
  run(main());
}

// Fault L17
TEST_P(contract, sending_to_a_peer_that_has_gone_is_a_reset_then_a_broken_pipe) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader, StreamWriter writer) { writer.close(); };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    Socket socket(detail::running_scheduler());
    socket.open(AF_INET, SOCK_STREAM);
    co_await socket.connect(server.sockets().at(0));
    std::byte buffer[8];
    EXPECT_EQ(co_await socket.recv(buffer), 0U);
    co_await socket.send_all("into the void");
    // The reset needs its way back.
    const Nanoseconds moment = is_simulated() ? 1ms : 0ms;
    while (socket.may_recv()) {
      co_await sleep(moment);
      const std::ptrdiff_t sent = socket.try_send(std::as_bytes(std::span("x", 1)));
      if (sent < 0) {
        EXPECT_EQ(sent, -EPIPE);
        break;
      }
    }
    EXPECT_EQ(socket.try_send(std::as_bytes(std::span("x", 1))), -EPIPE);
    EXPECT_EQ(socket.try_recv(buffer), 0);
  };
  run(main());
}

// Fault S6
TEST_P(contract, a_cancelled_read_loses_no_byte) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(server));
    for (int i = 0; i < 20; ++i) {
      auto read = create_task(reader.readexactly(6));
      co_await sleep(0s);
      writer.write("line" + std::to_string(i % 10) + "\n");
      for (int turn = 0; turn < i; ++turn) co_await sleep(0s);
      read.cancel();
      std::vector<Task<std::string>> both(1, read);
      co_await wait(both);
      if (read.cancelled()) {
        EXPECT_EQ(co_await reader.readexactly(6), "line" + std::to_string(i % 10) + "\n");
      }
    }
    writer.close();
    co_await writer.wait_closed();
  };
  run(main());
}

TEST_P(contract, a_cancelled_connect_leaves_nothing) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(echo, "127.0.0.1", 0);
    for (int turns = 0; turns < 6; ++turns) {
      auto connecting = create_task(open_connection("127.0.0.1", port_of(server)));
      for (int i = 0; i < turns; ++i) co_await sleep(0s);
      connecting.cancel();
      std::vector<AnyTask> both(1, AnyTask(connecting));
      co_await wait(both);
    }
    server.close();
    co_await server.wait_closed();
  };
  run(main());
}

TEST_P(contract, both_ends_have_names) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader, StreamWriter writer) { writer.write("x"); };
    Server server = co_await start_server(handler, "127.0.0.1", 0);
    Socket socket(detail::running_scheduler());
    socket.open(AF_INET, SOCK_STREAM);
    EXPECT_TRUE(socket.peer_address().empty());
    co_await socket.connect(server.sockets().at(0));
    EXPECT_EQ(socket.peer_address(), server.sockets().at(0));
    EXPECT_EQ(socket.local_address().host(), "127.0.0.1");
    EXPECT_NE(socket.local_address().port(), 0);
  };
  run(main());
}

TEST_P(contract, work_that_blocks_comes_back_with_its_result_or_error) {
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(co_await to_thread([](int x) { return x * 2; }, 21), 42);
    auto fail = []() -> int { throw ValueError("no"); };
    Result<int> result = co_await try_(to_thread(fail));
    EXPECT_EQ(test::describe(result.exception()), "ValueError: no");
  };
  run(main());
}

TEST_P(contract, names_are_looked_up) {
  auto main = [&]() -> Coro<> {
    const std::vector<SocketAddress> local =
        co_await getaddrinfo("localhost", 80, {.family = AF_INET});
    EXPECT_EQ(local.at(0).to_string(), "127.0.0.1:80");
    Result<std::vector<SocketAddress>> none = co_await try_(getaddrinfo("nosuch.invalid", 80));
    EXPECT_THAT(test::describe(none.exception()), StartsWith("GaiError: "));
  };
  run(main());
}

// --- edges, one layer down
// ------------------------------------------------------------------------

struct Listener : ReadinessListener {
  void on_ready() noexcept override { ++calls; }
  int take() { return std::exchange(calls, 0); }
  int calls = 0;
};

// Both ends of a connection, with what their descriptors were told.
struct Pair {
  explicit Pair(Backend& of) : backend(of) {
    const int server = of.socket(AF_INET, SOCK_STREAM, 0);
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", 0, address);
    of.bind(server, address);
    of.listen(server, 5);
    of.local_address(server, address);
    left.fd = of.socket(AF_INET, SOCK_STREAM, 0);
    of.connect(left.fd, address);
    SocketAddress peer;
    for (int i = 0; i < 100 && right.fd < 0; ++i) {
      of.wait(of.now() + 1ms);
      right.fd = of.accept(server, peer);
    }
    of.close(server);
    left.reader = &left_reads;
    left.writer = &left_writes;
    right.reader = &right_reads;
  }
  ~Pair() {
    close(left);
    close(right);
  }
  void close(Descriptor& descriptor) {
    if (descriptor.fd < 0) return;
    backend.unwatch(descriptor);
    backend.close(std::exchange(descriptor.fd, -1));
  }
  void wait() {
    for (int i = 0; i < 5; ++i) backend.wait(backend.now() + 1ms);
  }
  void fill(Descriptor& from) {
    const std::vector<std::byte> block(64 * 1024);
    for (int i = 0; i < 20; ++i) {
      while (backend.send(from.fd, block) > 0) {
      }
      backend.wait(backend.now() + 1ms);
    }
  }
  Backend& backend;
  Descriptor left;
  Descriptor right;
  Listener left_reads;
  Listener left_writes;
  Listener right_reads;
};

const std::byte kByte[1] = {};

TEST_P(contract, registering_tells_what_is_ready_and_then_only_edges_do) {
  Pair pair(backend());
  pair.backend.watch(pair.left);
  pair.wait();
  EXPECT_EQ(pair.left_writes.take(), 1) << "it can be written to";
  EXPECT_EQ(pair.left_reads.take(), 0);
  pair.wait();
  EXPECT_EQ(pair.left_writes.take(), 0) << "nothing has changed";
  pair.backend.send(pair.right.fd, kByte);
  pair.wait();
  EXPECT_EQ(pair.left_reads.take(), 1);
  pair.wait();
  EXPECT_EQ(pair.left_reads.take(), 0) << "unread data is no edge";
  pair.backend.send(pair.right.fd, kByte);
  pair.wait();
  EXPECT_EQ(pair.left_reads.take(), 1) << "more data is one";
}

TEST_P(contract, an_end_is_a_hang_up_and_readable) {
  Pair pair(backend());
  pair.backend.watch(pair.left);
  pair.wait();
  pair.left_reads.take();
  EXPECT_FALSE(pair.left.hang_up);
  pair.backend.send(pair.right.fd, kByte);
  pair.close(pair.right);
  pair.wait();
  EXPECT_GE(pair.left_reads.take(), 1);
  EXPECT_TRUE(pair.left.hang_up);
  std::byte buffer[8];
  EXPECT_EQ(pair.backend.recv(pair.left.fd, buffer), 1);
  EXPECT_EQ(pair.backend.recv(pair.left.fd, buffer), 0);
  EXPECT_EQ(pair.backend.recv(pair.left.fd, buffer), 0);
}

TEST_P(contract, a_full_connection_is_writable_again_once_it_was_read) {
  Pair pair(backend());
  pair.backend.watch(pair.left);
  pair.fill(pair.left);
  EXPECT_EQ(pair.backend.send(pair.left.fd, kByte), -EAGAIN);
  pair.wait();
  pair.left_writes.take();
  std::vector<std::byte> buffer(1 << 20);
  for (int i = 0; i < 100; ++i) {
    while (pair.backend.recv(pair.right.fd, buffer) > 0) {
    }
    pair.backend.wait(pair.backend.now() + 1ms);
  }
  EXPECT_GE(pair.left_writes.take(), 1);
  EXPECT_EQ(pair.backend.send(pair.left.fd, kByte), 1);
}

TEST_P(contract, calls_on_the_wrong_descriptor_or_state_say_so) {
  Backend& of = backend();
  std::byte buffer[8];
  SocketAddress address;
  EXPECT_EQ(of.recv(-1, buffer), -EBADF);
  const int fd = of.socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(of.recv(fd, buffer), -ENOTCONN);
  EXPECT_EQ(of.send(fd, kByte), -EPIPE);
  EXPECT_EQ(of.peer_address(fd, address), -ENOTCONN);
  EXPECT_EQ(of.shutdown_write(fd), -ENOTCONN);
  EXPECT_EQ(of.accept(fd, address), -EINVAL);
  SocketAddress::parse("192.0.2.1", 1, address);
  EXPECT_EQ(of.bind(fd, address), -EADDRNOTAVAIL);
  SocketAddress::parse("::1", 1, address);
  EXPECT_LT(of.connect(fd, address), 0);
  of.close(fd);
  Pair pair(of);
  of.local_address(pair.left.fd, address);
  EXPECT_EQ(of.connect(pair.left.fd, address), 0) << "once it says that it is done";
  EXPECT_EQ(of.connect(pair.left.fd, address), -EISCONN);
  EXPECT_EQ(of.shutdown_write(pair.left.fd), 0);
  EXPECT_EQ(of.send(pair.left.fd, kByte), -EPIPE);
}

}  // namespace
}  // namespace asyncio
