// Unix sockets: the same in every world (contract.hpp).
#include <cerrno>
#include <csignal>

#include "asyncio/io/plain_socket.hpp"
#include "asyncio/net/existing_sockets.hpp"
#include "asyncio/net/unix.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/wait.hpp"
#include "testing/contract.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::a_moment;
using test::contract;
using test::describe;
using test::until_something_waits;
using ::testing::ElementsAre;
using ::testing::StartsWith;

Coro<> echo_all(StreamReader reader, StreamWriter writer) {
  writer.write("got " + co_await reader.read());
  writer.close();
}

Coro<std::string> ask_at(std::string path, std::string question) {
  auto [reader, writer] = co_await open_unix_connection(path);
  writer.write(question);
  writer.write_eof();
  std::string answer = co_await reader.read();
  writer.close();
  co_await writer.wait_closed();
  co_return answer;
}

// A socket that is bound to the path and was left: its file is still there.
void leave_stale_socket(const std::string& path) {
  PlainSocket dead(AF_UNIX, SOCK_STREAM);
  dead.bind(SocketAddress::unix_path(path));
  dead.listen();
}

bool exists(Backend& backend, const std::string& path) {
  FileIdentity identity;
  return backend.identify_file(path, identity) == 0;
}

// CPython: test_streams::StreamTests::test_open_unix_connection
// CPython: test_streams::StreamTests::test_start_unix_server
TEST_P(contract, a_server_at_a_path_is_reached_by_it_and_half_a_connection_can_end) {
  auto main = [&](std::string at) -> Coro<> {
    Server server = co_await start_unix_server(echo_all, at);
    EXPECT_EQ(server.sockets().at(0).to_string(), at);
    std::vector<Coro<std::string>> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(ask_at(at, std::to_string(i)));
    const std::vector<std::string> answers = co_await gather(std::move(clients));
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(answers[i], "got " + std::to_string(i));
    auto [reader, writer] = co_await open_unix_connection(at);
    EXPECT_EQ(writer.peername().to_string(), at);
    EXPECT_EQ(writer.sockname().to_string(), "") << "it has no path of its own";
    writer.write_eof();
    EXPECT_EQ(co_await reader.read(), "got ");
    server.close();
    co_await server.wait_closed();
    EXPECT_FALSE(exists(backend(), at));
    Result<StreamPair> late = co_await try_(open_unix_connection(at));
    EXPECT_EQ(describe(late.exception()),
              "FileNotFoundError: connect " + at + ": no such file or directory");
  };
  run(main(path("served")));
}

// Fault S13
// CPython: test_unix_events::SelectorEventLoopUnixSocketTests::test_create_unix_server_existing_path_sock
TEST_P(contract, the_file_that_a_dead_server_has_left_is_replaced) {
  auto main = [&](std::string at) -> Coro<> {
    leave_stale_socket(at);
    EXPECT_TRUE(exists(backend(), at));
    Result<StreamPair> nobody = co_await try_(open_unix_connection(at));
    EXPECT_EQ(describe(nobody.exception()),
              "ConnectionRefusedError: connect " + at + ": connection refused");
    const Server server = co_await start_unix_server(echo_all, at);
    EXPECT_EQ(co_await ask_at(at, "me?"), "got me?");
  };
  run(main(path("stale")));
}

// Fault S13
TEST_P(contract, the_path_of_a_server_that_lives_is_in_use_and_the_server_notices_nothing) {
  auto main = [&](std::string at) -> Coro<> {
    int connections = 0;
    auto count = [&](StreamReader, StreamWriter) { ++connections; };
    Server first = co_await start_unix_server(count, at);
    Result<Server> second = co_await try_(start_unix_server(echo_all, at));
    EXPECT_EQ(describe(second.exception()), "OSError: bind " + at + ": address already in use");
    for (int i = 0; i < 10; ++i) co_await a_moment();
    EXPECT_EQ(connections, 0);
    EXPECT_TRUE(exists(backend(), at));
    // Bound and not listening yet is alive, too.
    first.close();
    PlainSocket bound(AF_UNIX, SOCK_STREAM);
    bound.bind(SocketAddress::unix_path(at));
    Result<Server> third = co_await try_(start_unix_server(echo_all, at));
    EXPECT_EQ(describe(third.exception()), "OSError: bind " + at + ": address already in use");
    backend().unlink(at);
  };
  run(main(path("alive")));
}

// Rule 2.50
// CPython: test_server::UnixServerCleanupTests::test_unix_server_addr_cleanup
// CPython: test_server::UnixServerCleanupTests::test_unix_server_sock_cleanup
// CPython: test_server::UnixServerCleanupTests::test_unix_server_cleanup_gone
// CPython: test_server::UnixServerCleanupTests::test_unix_server_cleanup_replaced
// CPython: test_server::UnixServerCleanupTests::test_unix_server_cleanup_prevented
TEST_P(contract, closing_a_server_removes_its_own_file_and_no_other) {
  auto main = [&](std::string at) -> Coro<> {
    Server own = co_await start_unix_server(echo_all, at);
    own.close();
    EXPECT_FALSE(exists(backend(), at));

    Server gone = co_await start_unix_server(echo_all, at);
    backend().unlink(at);
    gone.close();

    Server replaced = co_await start_unix_server(echo_all, at);
    backend().unlink(at);
    leave_stale_socket(at);
    replaced.close();
    EXPECT_TRUE(exists(backend(), at));

    UnixServerOptions keep;
    keep.cleanup_socket = false;
    Server kept = co_await start_unix_server(echo_all, at, keep);
    kept.close();
    EXPECT_TRUE(exists(backend(), at));
    backend().unlink(at);
  };
  run(main(path("cleaned")));
}

TEST_P(contract, a_server_whose_start_is_cancelled_leaves_no_file) {
  auto main = [&](std::string at) -> Coro<> {
    auto starting = create_task(start_unix_server(echo_all, at));
    co_await sleep(0s);
    EXPECT_TRUE(exists(backend(), at));
    starting.cancel();
    std::vector<AnyTask> both(1, AnyTask(starting));
    co_await wait(both);
    EXPECT_FALSE(exists(backend(), at));
  };
  run(main(path("cancelled")));
}

TEST_P(contract, an_abstract_name_has_no_file_and_goes_with_its_server) {
  auto main = [&]() -> Coro<> {
    const std::string name = std::string("\0contract-", 10) + GetParam();
    Server server = co_await start_unix_server(echo_all, name);
    EXPECT_EQ(server.sockets().at(0).to_string(), "@" + name.substr(1));
    EXPECT_EQ(co_await ask_at(name, "x"), "got x");
    Result<Server> second = co_await try_(start_unix_server(echo_all, name));
    EXPECT_THAT(describe(second.exception()), StartsWith("OSError: bind @contract-"));
    server.close();
    co_await server.wait_closed();
    Result<StreamPair> late = co_await try_(open_unix_connection(name));
    EXPECT_THAT(describe(late.exception()), StartsWith("ConnectionRefusedError: connect @"));
  };
  run(main());
}

// Fault S13
TEST_P(contract, a_path_that_cannot_be_is_an_error_before_anything_happens) {
  auto main = [&](std::string at) -> Coro<> {
    const std::string endless(108, 'x');
    Result<StreamPair> too_long = co_await try_(open_unix_connection(endless));
    EXPECT_EQ(describe(too_long.exception()),
              "OSError: AF_UNIX path too long: " + endless + ": file name too long");
    Result<Server> server_too_long = co_await try_(start_unix_server(echo_all, endless));
    EXPECT_THAT(describe(server_too_long.exception()),
                StartsWith("OSError: AF_UNIX path too long"));
    const std::string nul("a\0b", 3);
    Result<StreamPair> with_nul = co_await try_(open_unix_connection(nul));
    EXPECT_EQ(describe(with_nul.exception()),
              "ValueError: embedded null character in the path of a Unix socket");
    Result<Server> empty = co_await try_(start_unix_server(echo_all, ""));
    EXPECT_EQ(describe(empty.exception()), "ValueError: the path of a Unix socket is empty");
    (void)at;
  };
  run(main({}));
}

TEST_P(contract, a_server_whose_queue_is_full_says_so_at_once) {
  auto main = [&](std::string at) -> Coro<> {
    PlainSocket deaf(AF_UNIX, SOCK_STREAM);
    deaf.bind(SocketAddress::unix_path(at));
    deaf.listen(1);
    std::vector<StreamPair> in_queue;
    std::string error;
    while (error.empty() && in_queue.size() < 10) {
      Result<StreamPair> next = co_await try_(open_unix_connection(at));
      if (next.ok()) {
        in_queue.push_back(std::move(next).value());
      } else {
        error = describe(next.exception());
      }
    }
    EXPECT_THAT(error, StartsWith("BlockingIOError: connect " + at));
    backend().unlink(at);
  };
  run(main(path("deaf")));
}

// Fault S3
TEST_P(contract, a_slow_reader_holds_the_writer_at_a_path_up_and_loses_nothing) {
  auto main = [&](std::string at) -> Coro<> {
    const std::string data(4'000'000, 'd');
    bool waited = false;
    auto handler = [&](StreamReader, StreamWriter writer) -> Coro<> {
      writer.write(data);
      waited = !writer.drain().await_ready();
      co_await writer.drain();
      EXPECT_LE(writer.get_write_buffer_size(), 16384U);
      writer.close();
    };
    const Server server = co_await start_unix_server(handler, at);
    auto [reader, writer] = co_await open_unix_connection(at);
    std::size_t received = 0;
    for (;;) {
      std::string part = co_await reader.read(70'000);
      if (part.empty()) break;
      received += part.size();
      co_await sleep(0s);
    }
    EXPECT_EQ(received, data.size());
    EXPECT_TRUE(waited);
  };
  run(main(path("slow")));
}

TEST_P(contract, closing_an_end_with_unread_data_resets_the_other) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto [reader, writer] = co_await open_connection(std::move(ours));
    writer.write("nobody reads this");
    co_await until_something_waits(theirs.fileno());
    theirs.close();
    Result<std::string> result = co_await try_(reader.read());
    EXPECT_THAT(describe(result.exception()), StartsWith("ConnectionResetError: recv"));
  };
  run(main());
}

// Fault L17
TEST_P(contract, writing_to_an_end_that_has_gone_is_a_broken_pipe_and_no_signal) {
  auto main = [&]() -> Coro<> {
    auto [ours, theirs] = PlainSocket::socketpair(SOCK_STREAM);
    auto [reader, writer] = co_await open_connection(std::move(ours));
    theirs.close();
    co_await reader.read();
    writer.write("into the void");
    Result<void> drained = co_await try_(writer.drain());
    EXPECT_THAT(describe(drained.exception()), StartsWith("BrokenPipeError: send"));
    struct sigaction now{};
    ::sigaction(SIGPIPE, nullptr, &now);
    EXPECT_EQ(now.sa_handler, SIG_DFL) << "what a program does with SIGPIPE is its own affair";
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
