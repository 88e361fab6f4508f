// The life of a server: the same in every world (contract.hpp).
#include <netinet/in.h>

#include "asyncio/base/contextvars.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/socket.hpp"
#include "asyncio/task/wait.hpp"
#include "testing/contract.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::a_moment;
using test::contract;
using test::describe;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Coro<> say_hello(StreamReader reader, StreamWriter writer) {
  writer.write("hello\n");
  co_await reader.read();
  writer.close();
}

Coro<std::string> greeting_of(SocketAddress address) {
  auto [reader, writer] = co_await open_connection(address);
  co_return co_await reader.readline();
}

TEST_P(contract, a_server_listens_on_several_hosts_each_once) {
  auto main = [&]() -> Coro<> {
    const std::vector<std::string> hosts{"127.0.0.1", "127.0.0.2", "127.0.0.1"};
    const Server server = co_await start_server(say_hello, hosts, 0);
    EXPECT_EQ(server.sockets().size(), 2U);
    for (const SocketAddress& address : server.sockets()) {
      EXPECT_EQ(co_await greeting_of(address), "hello\n") << address.to_string();
    }
    Result<Server> nowhere = co_await try_(start_server(say_hello, std::vector<std::string>(), 0));
    EXPECT_EQ(describe(nowhere.exception()), "ValueError: there is no host to listen on");
  };
  run(main());
}

TEST_P(contract, a_server_takes_over_a_socket_that_is_bound) {
  auto main = [&]() -> Coro<> {
    PlainSocket sock(AF_INET, SOCK_STREAM);
    sock.bind("127.0.0.1", 0);
    const SocketAddress address = sock.getsockname();
    const Server server = co_await start_server(say_hello, std::move(sock));
    EXPECT_EQ(sock.fileno(), -1);
    EXPECT_EQ(server.sockets().at(0), address);
    EXPECT_EQ(co_await greeting_of(address), "hello\n");
  };
  run(main());
}

ContextVar<std::string> var{"var", "unset"};

// Rule 2.50
// CPython: test_server_context::ServerContextvarsTestCase::test_start_server1
// CPython: test_server_context::ServerContextvarsTestCase::test_gh140947
TEST_P(contract, each_handler_runs_in_a_copy_of_the_context_that_made_the_server) {
  auto main = [&]() -> Coro<> {
    std::vector<std::string> seen;
    auto handler = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      seen.push_back(var.get());
      var.set("set by a handler");
      co_await reader.read();
      writer.close();
    };
    var.set("of the server");
    const Server server = co_await start_server(handler, "127.0.0.1", 0);
    var.set("later");
    for (int i = 0; i < 2; ++i) {
      auto [reader, writer] = co_await open_connection(server.sockets().at(0));
      writer.write_eof();
      co_await reader.read();
    }
    EXPECT_THAT(seen, ElementsAre("of the server", "of the server"));
    EXPECT_EQ(var.get(), "later");
  };
  run(main());
}

// CPython: test_server::SelectorStartServerTests::test_start_server_1
TEST_P(contract, a_server_knows_its_loop_and_can_be_a_block) {
  auto main = [&]() -> Coro<> {
    ServerOptions later;
    later.start_serving = false;
    Server server = co_await start_server(say_hello, "127.0.0.1", 0, later);
    EXPECT_EQ(&server.get_loop(), &loop());
    EXPECT_FALSE(server.is_serving());
    co_await server.start_serving();
    co_await server.start_serving();
    EXPECT_TRUE(server.is_serving());
    auto body = [](Server& inside) -> Coro<std::string> {
      co_return co_await greeting_of(inside.sockets().at(0));
    };
    EXPECT_EQ(co_await with(server, body), "hello\n");
    EXPECT_FALSE(server.is_serving());
    EXPECT_TRUE(server.sockets().empty());
    co_await server.wait_closed();
  };
  run(main());
}

// Fault S12
TEST_P(contract, connections_that_are_reset_before_anybody_has_looked_leave_nothing) {
  auto main = [&]() -> Coro<> {
    int handled = 0;
    auto count = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
      ++handled;
      (void)co_await try_(reader.read());
      writer.close();
    };
    Server server = co_await start_server(count, "127.0.0.1", 0);
    for (int i = 0; i < 20; ++i) {
      PlainSocket client(AF_INET, SOCK_STREAM);
      co_await loop().sock_connect(client, server.sockets().at(0));
      co_await loop().sock_sendall(client, "x");
      if (is_simulated()) {
        static_cast<testing::SimulatedBackend&>(backend()).network().reset_at_close(
            client.fileno());
      } else {
        const linger hard{1, 0};
        ::setsockopt(client.fileno(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      }
    }
    while (handled < 20) co_await a_moment();
    server.close();
    co_await server.wait_closed();
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
