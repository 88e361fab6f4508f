// Callbacks of descriptors, and the loop's calls on sockets: the same in every world
// (contract.hpp).
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/socket.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/wait.hpp"
#include "testing/contract.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::a_moment;
using test::contract;
using test::describe;
using test::thrown_by;
using test::until_something_waits;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// --- add_reader, add_writer ---------------------------------------------------------------------

Coro<> turns(int count) {
  for (int i = 0; i < count; ++i) co_await sleep(0s);
}

TEST_P(contract, a_reader_is_called_in_each_turn_as_long_as_there_is_something_to_read) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    std::string got;
    loop().add_reader(ours.fileno(), [&, &from = ours] { got += from.recv(1); });
    co_await turns(3);
    EXPECT_EQ(got, "") << "there is nothing yet";
    co_await loop().sock_sendall(theirs, "abc");
    while (got.size() < 3) co_await a_moment();
    co_await turns(3);
    EXPECT_EQ(got, "abc");
    theirs.send("d");
    while (got.size() < 4) co_await a_moment();
    EXPECT_TRUE(loop().remove_reader(ours.fileno()));
    EXPECT_FALSE(loop().remove_reader(ours.fileno()));
    theirs.send("e");
    co_await until_something_waits(ours.fileno());
    co_await turns(3);
    EXPECT_EQ(got, "abcd");
  };
  run(main());
}

TEST_P(contract, a_reader_that_does_not_read_is_called_once_a_turn) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    theirs.send("x");
    co_await until_something_waits(ours.fileno());
    int calls = 0;
    loop().add_reader(ours.fileno(), [&] { ++calls; });
    co_await turns(3);
    const int before = calls;
    co_await turns(20);
    EXPECT_EQ(calls - before, 20);
    // What is registered while there is something to read hears of it, too.
    loop().remove_reader(ours.fileno());
    calls = 0;
    loop().add_reader(ours.fileno(), [&] { ++calls; });
    co_await turns(3);
    EXPECT_GT(calls, 0);
  };
  run(main());
}

TEST_P(contract, a_loop_closes_although_a_reader_is_about_to_be_called) {
  std::optional<std::pair<PlainSocket, PlainSocket>> sockets;
  int calls = 0;
  auto main = [&]() -> Coro<> {
    sockets.emplace(PlainSocket::socketpair(SOCK_STREAM));
    sockets->second.send("x");
    co_await until_something_waits(sockets->first.fileno());
    loop().add_reader(sockets->first.fileno(), [&] { ++calls; });
    co_await turns(3);
  };
  run(main());
  const int before = calls;
  EXPECT_GT(before, 0);
  loop().close();
  EXPECT_EQ(calls, before);
}

TEST_P(contract, a_writer_is_called_while_there_is_room_and_again_when_there_is_some) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    int calls = 0;
    loop().add_writer(ours.fileno(), [&] { ++calls; });
    co_await turns(5);
    EXPECT_GE(calls, 3);
    loop().remove_writer(ours.fileno());
    const std::string block(50'000, 'x');
    while (thrown_by([&, &to = ours] { return to.send(block); }) == "nothing") co_await a_moment();
    calls = 0;
    loop().add_writer(ours.fileno(), [&, &to = ours] {
      ++calls;
      EXPECT_TRUE(loop().remove_writer(to.fileno()));
    });
    co_await turns(10);
    EXPECT_EQ(calls, 0) << "it is full";
    while (calls == 0) {
      (void)thrown_by([&, &from = theirs] { return from.recv(1'000'000); });
      co_await a_moment();
    }
    co_await turns(5);
    EXPECT_EQ(calls, 1);
  };
  run(main());
}

// CPython: test_selector_events::BaseSelectorEventLoopTests::test_add_reader_existing
TEST_P(contract, a_second_reader_replaces_the_first_which_is_not_called_again) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    std::vector<std::string> called;
    theirs.send("x");
    co_await until_something_waits(ours.fileno());
    loop().add_reader(ours.fileno(), [&] { called.emplace_back("first"); });
    co_await turns(3);
    EXPECT_FALSE(called.empty());
    called.clear();
    loop().add_reader(ours.fileno(), [&, &from = ours] {
      called.push_back(from.recv(10));
      loop().remove_reader(from.fileno());
    });
    co_await turns(5);
    EXPECT_THAT(called, ElementsAre("x"));
  };
  run(main());
}

TEST_P(contract, a_reader_that_another_callback_removes_in_the_same_turn_is_not_called) {
  auto main = [&]() -> Coro<> {
    auto [a, b] = PlainSocket::socketpair(SOCK_STREAM);
    auto [c, d] = PlainSocket::socketpair(SOCK_STREAM);
    b.send("x");
    d.send("x");
    co_await until_something_waits(a.fileno());
    co_await until_something_waits(c.fileno());
    std::vector<int> called;
    const std::array<int, 2> fds{a.fileno(), c.fileno()};
    for (const int fd : fds) {
      loop().add_reader(fd, [&, fd] {
        called.push_back(fd);
        for (const int each : fds) loop().remove_reader(each);
      });
    }
    co_await turns(5);
    EXPECT_EQ(called.size(), 1U);
  };
  run(main());
}

ContextVar<std::string> who{"who", "nobody"};

TEST_P(contract, a_reader_runs_in_the_context_of_its_registration_and_may_fail) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    std::vector<std::string> seen;
    loop().set_exception_handler([&](EventLoop&, const ExceptionContext& context) {
      seen.push_back(context.message + ": " + describe(context.exception));
    });
    who.set("me");
    Context other = copy_context();
    other.run([] { who.set("other"); });
    loop().add_reader(ours.fileno(), [&, &from = ours] {
      seen.push_back(who.get() + from.recv(1));
      if (seen.size() == 1) throw ValueError("no");
      loop().remove_reader(from.fileno());
    });
    who.set("changed");
    co_await loop().sock_sendall(theirs, "12");
    while (seen.size() < 3) co_await a_moment();
    EXPECT_THAT(seen, ElementsAre("me1", "Exception in callback: ValueError: no", "me2"));
    loop().add_writer(ours.fileno(),
                      [&, &from = ours] {
                        seen.push_back(who.get());
                        loop().remove_writer(from.fileno());
                      },
                      {.context = &other});
    while (seen.size() < 4) co_await a_moment();
    EXPECT_EQ(seen.back(), "other");
    loop().set_exception_handler(nullptr);
  };
  run(main());
}

TEST_P(contract, an_end_calls_the_reader) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    Future<std::string> got = loop().create_future<std::string>();
    loop().add_reader(ours.fileno(), [&, &from = ours] {
      if (!got.done()) got.set_result("<" + from.recv(10) + ">");
    });
    theirs.close();
    EXPECT_EQ(co_await got, "<>");
  };
  run(main());
}

// CPython: test_selector_events::BaseSelectorEventLoopTests::test_remove_reader_unknown
// CPython: test_selector_events::BaseSelectorEventLoopTests::test_add_reader_closed
TEST_P(contract, a_descriptor_that_is_not_for_callbacks_is_refused) {
  auto main = [&]() -> Coro<> {
    EXPECT_EQ(thrown_by([&] { loop().add_reader(-1, [] {}); }),
              "ValueError: Invalid file descriptor: -1");
    EXPECT_EQ(thrown_by([&] { loop().remove_writer(-1); }),
              "ValueError: Invalid file descriptor: -1");
    EXPECT_THAT(thrown_by([&] { loop().add_reader(987654, [] {}); }),
                StartsWith("OSError: add_reader file descriptor 987654: bad file descriptor"));
    EXPECT_FALSE(loop().remove_reader(987654));
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    const int fd = ours.fileno();
    StreamPair streams = co_await open_connection(std::move(ours));
    const std::string taken =
        "RuntimeError: File descriptor " + std::to_string(fd) + " is used by transport";
    EXPECT_EQ(thrown_by([&] { loop().add_reader(fd, [] {}); }), taken);
    EXPECT_EQ(thrown_by([&] { loop().add_writer(fd, [] {}); }), taken);
    EXPECT_EQ(thrown_by([&] { loop().remove_reader(fd); }), taken);
  };
  run(main());
  loop().close();
  EXPECT_FALSE(loop().remove_reader(5));
  EXPECT_EQ(thrown_by([&] { loop().add_reader(5, [] {}); }), "RuntimeError: Event loop is closed");
}

TEST_P(contract, two_may_not_watch_one_descriptor) {
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(backend().socket_pair(SOCK_STREAM, ends), 0);
  Descriptor one;
  Descriptor two;
  one.fd = two.fd = ends[0];
  EXPECT_EQ(backend().watch(one), 0);
  EXPECT_EQ(backend().watch(two), -EEXIST);
  backend().unwatch(one);
  EXPECT_EQ(backend().watch(two), 0);
  backend().unwatch(two);
  for (const int end : ends) backend().close(end);
}

// Fault L15
TEST_P(contract, a_descriptor_that_is_closed_while_it_has_a_reader_never_leads_to_another_file) {
  auto main = [&]() -> Coro<> {
    std::array<int, 2> old{-1, -1};
    EXPECT_EQ(backend().socket_pair(SOCK_STREAM, old), 0);
    int old_calls = 0;
    backend().send(old[1], std::as_bytes(std::span("x", 1)));
    co_await until_something_waits(old[0]);
    loop().add_reader(old[0], [&] { ++old_calls; });
    co_await turns(3);
    EXPECT_GT(old_calls, 0);
    // It is ready, and would be called in the next turn.
    backend().close(old[0]);
    std::array<int, 2> next{-1, -1};
    EXPECT_EQ(backend().socket_pair(SOCK_STREAM, next), 0);
    EXPECT_EQ(next[0], old[0]) << "the number was not used again";
    backend().send(next[1], std::as_bytes(std::span("y", 1)));
    old_calls = 0;
    co_await until_something_waits(next[0]);
    co_await turns(5);
    EXPECT_EQ(old_calls, 0);
    int new_calls = 0;
    loop().add_reader(next[0], [&] { ++new_calls; });
    co_await turns(5);
    EXPECT_GT(new_calls, 0);
    EXPECT_TRUE(loop().remove_reader(next[0]));
    backend().close(old[1]);
    for (const int end : next) backend().close(end);
  };
  run(main());
}

// --- sock_* -------------------------------------------------------------------------------------

PlainSocket listening() {
  PlainSocket listener(AF_INET, SOCK_STREAM);
  listener.bind("127.0.0.1", 0);
  listener.listen();
  return listener;
}

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sock_client_ops
// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sock_accept
TEST_P(contract, sockets_connect_accept_send_and_receive) {
  auto main = [&]() -> Coro<> {
    PlainSocket listener = listening();
    PlainSocket client(AF_INET, SOCK_STREAM);
    auto connecting = create_task(loop().sock_connect(client, listener.getsockname()));
    auto [connection, peer] = co_await loop().sock_accept(listener);
    co_await connecting;
    EXPECT_EQ(peer, client.getsockname());
    EXPECT_EQ(client.getpeername(), listener.getsockname());
    EXPECT_FALSE(connection.getblocking());
    co_await loop().sock_sendall(client, "question");
    std::string asked;
    while (asked.size() < 8) asked += co_await loop().sock_recv(connection, 5);
    EXPECT_EQ(asked, "question");
    co_await loop().sock_sendall(connection, "yes");
    connection.shutdown_write();
    std::array<std::byte, 2> buffer{};
    std::string answer;
    for (;;) {
      const std::size_t count = co_await loop().sock_recv_into(client, buffer);
      if (count == 0) break;
      answer.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    EXPECT_EQ(answer, "yes");
    EXPECT_THAT(client.repr(), HasSubstr(" raddr=127.0.0.1:"));
  };
  run(main());
}

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sock_client_fail
TEST_P(contract, a_socket_connects_to_a_name_or_is_refused) {
  auto main = [&]() -> Coro<> {
    PlainSocket listener = listening();
    const int port = listener.getsockname().port();
    PlainSocket client(AF_INET, SOCK_STREAM);
    co_await loop().sock_connect(client, "localhost", port);
    EXPECT_EQ(client.getpeername(), listener.getsockname());
    listener.close();
    PlainSocket other(AF_INET, SOCK_STREAM);
    Result<void> refused = co_await try_(loop().sock_connect(other, "127.0.0.1", port));
    EXPECT_EQ(describe(refused.exception()), "ConnectionRefusedError: connect 127.0.0.1:" +
                                                 std::to_string(port) + ": connection refused");
  };
  run(main());
}

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_cancel_sock_accept
TEST_P(contract, an_accept_that_is_cancelled_takes_no_connection_and_leaves_no_listener) {
  auto main = [&]() -> Coro<> {
    PlainSocket listener = listening();
    std::vector<PlainSocket> clients;
    for (int count = 0; count < 6; ++count) {
      auto accepting = create_task(loop().sock_accept(listener));
      co_await sleep(0s);
      PlainSocket& client = clients.emplace_back(AF_INET, SOCK_STREAM);
      co_await loop().sock_connect(client, listener.getsockname());
      co_await turns(count);
      accepting.cancel();
      std::vector<AnyTask> both(1, AnyTask(accepting));
      co_await wait(both);
      if (accepting.cancelled()) {
        auto [connection, peer] = co_await loop().sock_accept(listener);
        EXPECT_EQ(peer, client.getsockname());
      } else {
        EXPECT_EQ((co_await std::move(accepting)).second, client.getsockname());
      }
    }
  };
  run(main());
}

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sock_recv_racing
TEST_P(contract, a_receive_that_is_cancelled_loses_no_byte) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    std::string all;
    for (int count = 0; count < 20; ++count) {
      auto receiving = create_task(loop().sock_recv(ours, 100));
      co_await sleep(0s);
      theirs.send("x");
      co_await turns(count % 5);
      receiving.cancel();
      std::vector<AnyTask> both(1, AnyTask(receiving));
      co_await wait(both);
      if (!receiving.cancelled()) all += receiving.result();
    }
    while (all.size() < 20) all += co_await loop().sock_recv(ours, 100);
    EXPECT_EQ(all, std::string(20, 'x'));
  };
  run(main());
}

TEST_P(contract, two_tasks_cannot_receive_from_one_socket) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto first = create_task(loop().sock_recv(ours, 10));
    co_await sleep(0s);
    Result<std::string> second = co_await try_(loop().sock_recv(ours, 10));
    EXPECT_EQ(describe(second.exception()),
              "RuntimeError: sock_recv(): another task is already waiting to read from this "
              "socket");
    EXPECT_THAT(thrown_by([&, &of = ours] { loop().add_reader(of.fileno(), [] {}); }),
                HasSubstr("is awaited by a task"));
    theirs.send("m");
    EXPECT_EQ(co_await first, "m");
  };
  run(main());
}

TEST_P(contract, closing_a_socket_ends_the_waits_on_it) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto receiving = create_task(loop().sock_recv(ours, 10));
    co_await sleep(0s);
    ours.close();
    Result<std::string> result = co_await try_(receiving);
    EXPECT_EQ(describe(result.exception()), "OSError: recv: bad file descriptor");
    Result<void> late = co_await try_(loop().sock_sendall(ours, "x"));
    EXPECT_EQ(describe(late.exception()), "OSError: sendall: bad file descriptor");
    EXPECT_EQ(ours.fileno(), -1);
    EXPECT_EQ(ours.repr(), "<PlainSocket [closed]>");
  };
  run(main());
}

TEST_P(contract, much_is_sent_to_a_slow_reader) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    std::string data(3'000'000, 'a');
    for (std::size_t i = 0; i < data.size(); i += 1000) data[i] = static_cast<char>('a' + i % 26);
    auto send = [](EventLoop& on, const PlainSocket& to, const std::string& all) -> Coro<> {
      co_await on.sock_sendall(to, all);
    };
    auto sending = create_task(send(loop(), ours, data));
    std::string got;
    while (got.size() < data.size()) {
      got += co_await loop().sock_recv(theirs, 100'000);
      co_await sleep(0s);
    }
    co_await sending;
    EXPECT_TRUE(got == data);
  };
  run(main());
}

TEST_P(contract, a_socket_that_blocks_cannot_be_awaited) {
  if (is_simulated()) GTEST_SKIP() << "a simulated world cannot block";
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    ours.setblocking(true);
    EXPECT_TRUE(ours.getblocking());
    EXPECT_EQ(thrown_by([&, &of = ours] { (void)loop().sock_recv(of, 10); }),
              "ValueError: the socket must be non-blocking");
    co_return;
  };
  run(main());
}

TEST_P(contract, options_names_and_ownership_of_a_socket) {
  auto main = [&]() -> Coro<> {
    PlainSocket one(AF_INET, SOCK_STREAM);
    EXPECT_EQ(one.getsockopt(SOL_SOCKET, SO_TYPE), SOCK_STREAM);
    one.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
    EXPECT_NE(one.getsockopt(SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(thrown_by([&] { one.bind("localhost", 0); }),
              "ValueError: the address must be numeric: localhost");
    EXPECT_EQ(thrown_by([&] { one.bind("", 70000); }),
              "ValueError: port must be 0-65535, not 70000");
    EXPECT_THAT(thrown_by([&] { (void)one.getpeername(); }), StartsWith("OSError: getpeername"));
    const int fd = one.fileno();
    PlainSocket moved = std::move(one);
    EXPECT_EQ(moved.fileno(), fd);
    EXPECT_EQ(one.fileno(), -1);
    EXPECT_EQ(moved.detach(), fd);
    PlainSocket again = PlainSocket::from_fd(fd);
    EXPECT_THAT(thrown_by([&] { (void)again.accept(); }), StartsWith("OSError: accept"));
    EXPECT_THAT(thrown_by([] { (void)PlainSocket::from_fd(987654); }), StartsWith("OSError"));
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    EXPECT_THAT(thrown_by([&, &from = ours] { (void)from.recv(1); }),
                StartsWith("BlockingIOError: recv"));
    co_return;
  };
  run(main());
}

// --- datagrams ----------------------------------------------------------------------------------

// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_recvfrom
// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_recvfrom_into
// CPython: test_sock_lowlevel::BaseSockTestsMixin::test_sendto_blocking
TEST_P(contract, datagrams_are_sent_and_received_with_their_addresses) {
  const int probe = backend().socket(AF_INET, SOCK_DGRAM, 0);
  if (probe < 0) GTEST_SKIP() << "this world has no datagrams";
  backend().close(probe);
  auto main = [&]() -> Coro<> {
    PlainSocket server(AF_INET, SOCK_DGRAM);
    server.bind("127.0.0.1", 0);
    PlainSocket client(AF_INET, SOCK_DGRAM);
    client.bind("127.0.0.1", 0);
    auto receiving = create_task(loop().sock_recvfrom(server, 100));
    co_await sleep(0s);
    EXPECT_EQ(co_await loop().sock_sendto(client, "hello", server.getsockname()), 5U);
    const Datagram got = co_await receiving;
    EXPECT_EQ(got.data, "hello");
    EXPECT_EQ(got.address, client.getsockname());
    co_await loop().sock_sendto(client, "second", server.getsockname());
    std::array<std::byte, 16> buffer{};
    const auto [count, from] = co_await loop().sock_recvfrom_into(server, buffer, 3);
    EXPECT_EQ(count, 3U) << "the rest of a datagram is lost";
    EXPECT_EQ(from, client.getsockname());
    EXPECT_EQ(thrown_by([&] { (void)loop().sock_recvfrom_into(server, buffer, 17); }),
              "ValueError: nbytes is greater than the length of the buffer");
    Result<StreamPair> streams = co_await try_(open_connection(std::move(client)));
    EXPECT_THAT(describe(streams.exception()),
                StartsWith("ValueError: A Stream Socket was expected, got <PlainSocket fd="));
  };
  run(main());
}

// --- sendfile -----------------------------------------------------------------------------------

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) : file_(std::tmpfile()) {
    std::fwrite(content.data(), 1, content.size(), file_);
    std::fflush(file_);
    ::lseek(fileno(), 0, SEEK_SET);
  }
  ~TemporaryFile() { std::fclose(file_); }
  [[nodiscard]] int fileno() const { return ::fileno(file_); }
  [[nodiscard]] long position() const { return ::lseek(fileno(), 0, SEEK_CUR); }

 private:
  std::FILE* file_;
};

Coro<std::string> receive_all(EventLoop& loop, PlainSocket from) {
  std::string all;
  for (;;) {
    std::string part = co_await loop.sock_recv(from, 100'000);
    if (part.empty()) break;
    all += part;
  }
  co_return all;
}

// CPython: test_sendfile::SockSendfileMixin::test_sock_sendfile_success
// CPython: test_sendfile::SockSendfileMixin::test_sock_sendfile_with_offset_and_count
// CPython: test_sendfile::SockSendfileMixin::test_sock_sendfile_zero_size
TEST_P(contract, a_file_is_sent_over_a_socket_whole_and_in_part) {
  auto main = [&]() -> Coro<> {
    std::string content;
    for (int i = 0; content.size() < 1'000'000; ++i) content += std::to_string(i) + "\n";
    const TemporaryFile file(content);
    const TemporaryFile empty("");
    for (const bool whole : {true, false}) {
      auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
      auto receiving = create_task(receive_all(loop(), std::move(theirs)));
      SendfileOptions part;
      if (!whole) part = {.offset = 1000, .count = 400'000};
      const std::size_t wanted = whole ? content.size() : 400'000;
      EXPECT_EQ(co_await loop().sock_sendfile(ours, file.fileno(), part), wanted);
      EXPECT_EQ(file.position(), static_cast<long>(wanted) + part.offset);
      EXPECT_EQ(co_await loop().sock_sendfile(ours, empty.fileno()), 0U);
      ours.close();
      const std::string got = co_await receiving;
      EXPECT_TRUE(got == content.substr(static_cast<std::size_t>(part.offset), wanted));
    }
  };
  run(main());
}

// CPython: test_sendfile::SockSendfileMixin::test_sock_sendfile_mix_with_regular_send
TEST_P(contract, a_file_and_what_is_sent_around_it_come_in_order) {
  auto main = [&]() -> Coro<> {
    std::string content;
    for (int i = 0; content.size() < 1'000'000; ++i) content += std::to_string(i) + "\n";
    const TemporaryFile file(content);
    const std::string before(300'000, 'b');
    const std::string after(300'000, 'a');
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto receiving = create_task(receive_all(loop(), std::move(theirs)));
    co_await loop().sock_sendall(ours, before);
    EXPECT_EQ(co_await loop().sock_sendfile(ours, file.fileno()), content.size());
    co_await loop().sock_sendall(ours, after);
    ours.close();
    const std::string got = co_await receiving;
    EXPECT_TRUE(got == before + content + after) << got.size();
    EXPECT_EQ(file.position(), static_cast<long>(content.size()));
  };
  run(main());
}

// CPython: test_unix_events::SelectorEventLoopUnixSockSendfileTests::test_sock_sendfile_not_available
TEST_P(contract, what_the_kernel_cannot_send_is_read_and_sent_unless_that_is_off) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    // The kernel sends no directory; nobody can read one either. A terminal or socket would wait.
    const int folder = ::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    Result<std::size_t> refused =
        co_await try_(loop().sock_sendfile(ours, folder, {.fallback = false}));
    EXPECT_EQ(describe(refused.exception()),
              "SendfileNotAvailableError: the kernel cannot send file descriptor " +
                  std::to_string(folder) + " to this socket");
    Result<std::size_t> tried = co_await try_(loop().sock_sendfile(ours, folder));
    EXPECT_EQ(describe(tried.exception()), "IsADirectoryError: read: is a directory");
    ::close(folder);
    Result<std::size_t> nothing = co_await try_(loop().sock_sendfile(ours, 0, {.count = 0}));
    EXPECT_EQ(describe(nothing.exception()),
              "ValueError: count must be a positive integer (got 0)");
    Result<std::size_t> before = co_await try_(loop().sock_sendfile(ours, 0, {.offset = -1}));
    EXPECT_EQ(describe(before.exception()),
              "ValueError: offset must be a non-negative integer (got -1)");
  };
  run(main());
}

TEST_P(contract, a_peer_that_goes_ends_a_file_with_an_error_and_the_file_stands_where_it_was) {
  auto main = [&]() -> Coro<> {
    const TemporaryFile file(std::string(5'000'000, 'x'));
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto sending = create_task(loop().sock_sendfile(ours, file.fileno()));
    std::string some;
    while (some.size() < 50'000) some += co_await loop().sock_recv(theirs, 50'000);
    theirs.close();
    Result<std::size_t> sent = co_await try_(sending);
    EXPECT_THAT(describe(sent.exception()),
                ::testing::AnyOf(StartsWith("BrokenPipeError: send"),
                                 StartsWith("ConnectionResetError: send")));
    // What we read and send ourselves counts block by block.
    if (!is_simulated()) {
      EXPECT_GT(file.position(), 0);
    }
    EXPECT_LT(file.position(), 5'000'000);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
