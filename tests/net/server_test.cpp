// Servers and connections to them. The ids are CPython 3.15's tests of the same rule.
#include "asyncio/net/server.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include "asyncio/net/tcp.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/task/wait.hpp"
#include "asyncio/testing/simulation.hpp"
#include "support/simulated_test.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

const std::string kTooManyOpen =
    ": too many open files (raise the limit with ulimit -n, or keep fewer open)";

using namespace std::chrono_literals;
using test::thrown_by;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Coro<> echo(StreamReader reader, StreamWriter writer) {
  for (;;) {
    std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
}

// Says hello and keeps the connection until the peer closes.
Coro<> hold(StreamReader reader, StreamWriter writer) {
  writer.write("hello\n");
  co_await reader.read();
  writer.close();
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

template <class T>
Coro<bool> is_cancelled(Task<T> task) {
  std::vector<Task<T>> tasks(1, task);
  co_await wait(tasks);
  co_return task.cancelled();
}

class server : public test::SocketTest {};
class server_in_time : public test::SimulatedTest {};

TEST_F(server, keep_alive_is_an_option_of_every_connection_it_accepts) {
  for (const bool wanted : {false, true}) {
    auto main = [&]() -> Coro<std::string> {
      auto tell = [](StreamReader, StreamWriter writer) {
        writer.write(std::to_string(writer.getsockopt(SOL_SOCKET, SO_KEEPALIVE)) + "\n");
        writer.close();
      };
      Server serving = co_await start_server(tell, "127.0.0.1", 0, {.keep_alive = wanted});
      co_return co_await ask(port_of(serving), "?");
    };
    EXPECT_EQ(run(main()), wanted ? "1\n" : "0\n");
  }
}

TEST_F(server, shows_where_it_listens) {
  auto main = []() -> Coro<> {
    Server serving = co_await start_server(echo, "127.0.0.1", 0);
    EXPECT_EQ(serving.repr(),
              "<Server sockets=(127.0.0.1:" + std::to_string(port_of(serving)) + ")>");
    serving.close();
    EXPECT_EQ(serving.repr(), "<Server sockets=()>");
  };
  run(main());
}

// CPython: test_events::EventLoopTestsMixin::test_create_server
TEST_F(server, serves_many_clients_at_once) {
  auto main = [&]() -> Coro<> {
    ServerOptions options;
    options.backlog = 400;  // else the kernel drops some, and they come again a second later
    Server serving = co_await start_server(echo, "127.0.0.1", 0, options);
    std::vector<Coro<std::string>> clients;
    for (int i = 0; i < 300; ++i) {
      clients.push_back(ask(port_of(serving), "line " + std::to_string(i) + "\n"));
    }
    const std::vector<std::string> answers = co_await gather(std::move(clients));
    for (int i = 0; i < 300; ++i) {
      EXPECT_EQ(answers[static_cast<std::size_t>(i)], "line " + std::to_string(i) + "\n");
    }
    serving.close();
    co_await serving.wait_closed();
  };
  run(main());
}

TEST_F(server, a_plain_function_may_handle_connections) {
  auto main = [&]() -> Coro<std::string> {
    auto greet = [](const StreamReader&, StreamWriter writer) { writer.write("hi\n"); };
    const Server serving = co_await start_server(greet, "127.0.0.1", 0);
    co_return co_await ask(port_of(serving), "");
  };
  EXPECT_EQ(run(main()), "hi\n");
}

TEST_F(server, what_a_callback_has_captured_lives_as_long_as_its_tasks) {
  auto main = [&]() -> Coro<std::string> {
    StreamPair client = co_await [](std::string greeting) -> Coro<StreamPair> {
      Future<> accepted = create_future();
      auto callback = [greeting, accepted](StreamReader reader, StreamWriter writer) -> Coro<> {
        accepted.set_result();
        co_await reader.readline();
        writer.write(greeting);
      };
      Server serving = co_await start_server(callback, "127.0.0.1", 0);
      StreamPair pair = co_await open_connection("127.0.0.1", port_of(serving));
      co_await accepted;
      co_return pair;
    }("a greeting that is too long for a small string\n");
    client.second.write("the server and its callback are gone\n");
    co_return co_await client.first.readline();
  };
  EXPECT_EQ(run(main()), "a greeting that is too long for a small string\n");
}

// CPython: test_streams::StreamTests::test_unhandled_exceptions
// CPython: test_streams::StreamTests::test_unhandled_exception_sync_callback
TEST_F(server, an_exception_of_a_handler_is_reported_and_its_connection_closed) {
  std::vector<std::string> seen;
  scheduler().set_exception_handler([&](Scheduler&, const ExceptionContext& context) {
    seen.push_back(context.message + ": " + base::describe(context.exception));
  });
  auto main = [&]() -> Coro<> {
    auto failing = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.readline();
      writer.write("half");
      throw ValueError("handler");
    };
    auto plain = [](const StreamReader&, const StreamWriter&) { throw ValueError("plain"); };
    const Server one = co_await start_server(failing, "127.0.0.1", 0);
    const Server two = co_await start_server(plain, "127.0.0.1", 0);
    EXPECT_EQ(co_await ask(port_of(one), "x\n"), "half");
    EXPECT_EQ(co_await ask(port_of(two), ""), "");
  };
  run(main());
  EXPECT_THAT(seen, ElementsAre("Unhandled exception in client_connected_cb: ValueError: handler",
                                "Unhandled exception in client_connected_cb: ValueError: plain"));
}

// Rule 2.50
// CPython: test_server::TestServer2::test_wait_closed_basic
TEST_F(server_in_time, close_leaves_clients_and_wait_closed_waits_for_them) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hold, "127.0.0.1", 0);
    StreamPair client = co_await open_connection("127.0.0.1", port_of(serving));
    co_await client.first.readline();
    auto before_close = create_task(serving.wait_closed());
    co_await sleep(0s);
    EXPECT_FALSE(before_close.done());
    serving.close();
    serving.close();  // again: no effect
    EXPECT_FALSE(serving.is_serving());
    EXPECT_THAT(serving.sockets(), IsEmpty());
    auto after_close = create_task(serving.wait_closed());
    co_await sleep(1h);
    EXPECT_FALSE(before_close.done());
    EXPECT_FALSE(after_close.done());
    client.second.close();
    co_await before_close;
    co_await after_close;
    co_await serving.wait_closed();
  };
  run(main());
}

// Rule 2.50
// CPython: test_server::TestServer2::test_wait_closed_race
TEST_F(server_in_time, wait_closed_also_ends_when_the_clients_go_first) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo, "127.0.0.1", 0);
    co_await ask(port_of(serving), "x\n");
    auto closed = create_task(serving.wait_closed());
    co_await sleep(1h);
    EXPECT_FALSE(closed.done());
    serving.close();
    co_await closed;
  };
  run(main());
}

// Rule 2.50
// CPython: test_server::TestServer2::test_close_with_hanging_client
TEST_F(server, cancelling_serve_forever_ends_although_a_client_hangs) {
  auto main = [&]() -> Coro<> {
    Future<> accepted = create_future();
    auto hang = [accepted](const StreamReader&, const StreamWriter&) { accepted.set_result(); };
    Server serving = co_await start_server(hang, "127.0.0.1", 0);
    auto forever = create_task(serving.serve_forever());
    co_await sleep(0s);
    const StreamPair silent = co_await open_connection("127.0.0.1", port_of(serving));
    co_await accepted;
    forever.cancel();
    EXPECT_TRUE(co_await is_cancelled(forever));
  };
  run(main());
}

// Rule 2.50
// CPython: test_server::TestServer2::test_close_clients
// CPython: test_server::TestServer2::test_abort_clients
TEST_F(server, clients_can_be_closed_and_aborted) {
  for (const bool gently : {true, false}) {
    auto main = [&]() -> Coro<> {
      Server serving = co_await start_server(hold, "127.0.0.1", 0);
      StreamPair client = co_await open_connection("127.0.0.1", port_of(serving));
      co_await client.first.readline();
      serving.close();
      if (gently) {
        serving.close_clients();
      } else {
        serving.abort_clients();
      }
      co_await serving.wait_closed();
      const std::string rest = co_await client.first.read();
      EXPECT_EQ(rest, "");
    };
    run(main());
  }
}

// Rule 2.50
// serve_forever is the one that is cancelled.
TEST_F(server, cancelling_serve_forever_closes_the_server_and_its_clients) {
  auto main = [&]() -> Coro<> {
    ServerOptions options;
    options.start_serving = false;
    Server serving = co_await start_server(hold, "127.0.0.1", 0, options);
    EXPECT_FALSE(serving.is_serving());
    const int port = port_of(serving);
    auto forever = create_task(serving.serve_forever());
    co_await sleep(0s);
    EXPECT_TRUE(serving.is_serving());
    Result<void> second = co_await try_(serving.serve_forever());
    EXPECT_EQ(test::describe(second.exception()),
              "RuntimeError: server is already being awaited on serve_forever()");
    StreamPair client = co_await open_connection("127.0.0.1", port);
    co_await client.first.readline();
    forever.cancel();
    EXPECT_TRUE(co_await is_cancelled(forever));
    EXPECT_EQ(co_await client.first.read(), "");
    Result<void> third = co_await try_(serving.serve_forever());
    EXPECT_EQ(test::describe(third.exception()), "RuntimeError: server is closed");
    EXPECT_EQ(thrown_by([&] { serving.start_serving(); }), "RuntimeError: server is closed");
  };
  run(main());
}

TEST_F(server, closing_a_server_ends_its_serve_forever_with_cancelled_error) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(hold, "127.0.0.1", 0);
    auto forever = create_task(serving.serve_forever());
    StreamPair client = co_await open_connection("127.0.0.1", port_of(serving));
    co_await client.first.readline();
    serving.close();
    EXPECT_TRUE(co_await is_cancelled(forever));
  };
  run(main());
}

TEST_F(server, the_last_handle_that_goes_stops_listening) {
  auto main = [&]() -> Coro<> {
    int port = 0;
    {
      const Server serving = co_await start_server(echo, "127.0.0.1", 0);
      const Server copy = serving;
      port = port_of(copy);
    }
    Result<std::string> refused = co_await try_(ask(port, "x\n"));
    EXPECT_TRUE(base::exception_is<ConnectionRefusedError>(refused.exception()));
  };
  run(main());
}

TEST_F(server, a_port_that_is_taken_is_an_error_that_names_it) {
  auto main = [&]() -> Coro<std::string> {
    const Server first = co_await start_server(echo, "127.0.0.1", 0);
    const int port = port_of(first);
    Result<Server> second = co_await try_(start_server(echo, "127.0.0.1", port));
    EXPECT_EQ(test::describe(second.exception()),
              "OSError: bind 127.0.0.1:" + std::to_string(port) + ": address already in use");
    co_return "";
  };
  run(main());
}

TEST_F(server, an_empty_host_listens_on_all_interfaces) {
  auto main = [&]() -> Coro<> {
    const Server serving = co_await start_server(echo, "", 0);
    for (const SocketAddress& address : serving.sockets()) {
      EXPECT_TRUE(address.host() == "0.0.0.0" || address.host() == "::") << address.to_string();
      EXPECT_NE(address.port(), 0);
    }
  };
  run(main());
}

TEST_F(server, a_handler_that_is_cancelled_closes_its_connection) {
  auto main = [&]() -> Coro<std::string> {
    auto suicidal = [](const StreamReader&, StreamWriter writer) -> Coro<> {
      writer.write("bye");
      current_task().cancel();
      co_await sleep(1h);
    };
    const Server serving = co_await start_server(suicidal, "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(serving));
    co_return co_await reader.read();
  };
  EXPECT_EQ(run(main()), "bye");
}

// Leaves room for `spare` more descriptors while it lives.
class FewDescriptors {
 public:
  explicit FewDescriptors(int spare) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);  // the lowest free number
    ::close(next);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(next + spare);
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// The undefined-behaviour sanitizer needs two descriptors whenever it looks at an object's type,
// and takes it for damaged when it gets none.
#if ASYNCIO_ADDRESS_SANITIZER
#define ASYNCIO_SKIP_WITHOUT_DESCRIPTORS() GTEST_SKIP() << "the sanitizer needs descriptors itself"
#else
#define ASYNCIO_SKIP_WITHOUT_DESCRIPTORS() (void)0
#endif

// Rule 2.58
TEST_F(server_in_time, out_of_descriptors_it_pauses_says_so_once_a_second_and_goes_on) {
  testing::Simulation few({.descriptor_limit = 4});
  std::vector<std::string> seen;
  few.scheduler().set_exception_handler([&](Scheduler&, const ExceptionContext& context) {
    seen.push_back(context.message + ": " + base::describe(context.exception));
  });
  auto main = [&]() -> Coro<std::string> {
    const Server serving = co_await start_server(hold, "127.0.0.1", 0);
    const std::string where = serving.sockets()[0].to_string();
    std::array<Socket, 2> others{Socket(few.scheduler()), Socket(few.scheduler())};
    for (Socket& other : others) EXPECT_EQ(other.open(AF_INET, SOCK_STREAM), 0);
    StreamPair client = co_await open_connection("127.0.0.1", port_of(serving));
    const std::uint64_t turns = few.scheduler().turns();
    co_await sleep(900ms);
    EXPECT_LT(few.scheduler().turns() - turns, 10U) << "it spins";
    EXPECT_THAT(seen, ElementsAre("socket.accept() out of system resource; accepting goes on in 1 "
                                  "s: OSError: accept " +
                                  where + kTooManyOpen));
    co_await sleep(1s);
    EXPECT_THAT(seen, ::testing::SizeIs(2));
    for (Socket& other : others) other.close();
    co_return co_await client.first.readline();
  };
  EXPECT_EQ(few.run(main()), "hello\n");
  EXPECT_LT(few.elapsed(), 3s);
  EXPECT_THAT(seen, ::testing::SizeIs(2));
}

TEST_F(server, out_of_descriptors_a_client_gets_an_error_and_nothing_leaks) {
  ASYNCIO_SKIP_WITHOUT_DESCRIPTORS();
  auto main = [&]() -> Coro<std::string> {
    const FewDescriptors none(0);
    Result<StreamPair> result = co_await try_(open_connection("127.0.0.1", 1));
    co_return test::describe(result.exception());
  };
  EXPECT_EQ(run(main()), "OSError: socket" + kTooManyOpen);
}

class client : public test::SocketTest {};
class client_in_time : public test::SimulatedTest {};

TEST_F(client, a_refused_connection_names_the_address) {
  EXPECT_EQ(thrown_by([&] { run(open_connection("127.0.0.1", 1)); }),
            "ConnectionRefusedError: connect 127.0.0.1:1: connection refused");
}

// CPython: test_base_events::BaseEventLoopWithSelectorTests::test_create_connection_multiple_errors
TEST_F(client, what_all_addresses_failed_with_becomes_one_error) {
  std::vector<SocketAddress> addresses(2);
  SocketAddress::parse("127.0.0.1", 1, addresses[0]);
  SocketAddress::parse("127.0.0.1", 2, addresses[1]);
  EXPECT_EQ(thrown_by([&] { run(detail::connect_any(addresses, {}, kStreamLimit)); }),
            "OSError: Multiple exceptions: connect 127.0.0.1:1: connection refused, connect "
            "127.0.0.1:2: connection refused");
  addresses[1] = addresses[0];
  EXPECT_EQ(thrown_by([&] { run(detail::connect_any(addresses, {}, kStreamLimit)); }),
            "ConnectionRefusedError: connect 127.0.0.1:1: connection refused");
}

TEST_F(client, the_next_address_is_tried_when_one_fails) {
  auto main = [&]() -> Coro<std::string> {
    const Server serving = co_await start_server(hold, "127.0.0.1", 0);
    std::vector<SocketAddress> addresses(2);
    SocketAddress::parse("127.0.0.1", 1, addresses[0]);
    addresses[1] = serving.sockets()[0];
    auto [reader, writer] = co_await detail::connect_any(addresses, SocketAddress(), kStreamLimit);
    EXPECT_EQ(writer.peername(), addresses[1]);
    co_return co_await reader.readline();
  };
  EXPECT_EQ(run(main()), "hello\n");
}

TEST_F(client, can_choose_where_it_connects_from) {
  auto main = [&]() -> Coro<> {
    const Server serving = co_await start_server(hold, "127.0.0.1", 0);
    ConnectOptions options;
    options.local_host = "127.0.0.2";
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(serving), options);
    EXPECT_EQ(writer.sockname().host(), "127.0.0.2");
    co_await reader.readline();
    options.local_host = "192.0.2.1";  // nobody's
    Result<StreamPair> failed =
        co_await try_(open_connection("127.0.0.1", port_of(serving), options));
    EXPECT_EQ(test::describe(failed.exception()),
              "OSError: bind 192.0.2.1:0: cannot assign requested address");
    options.local_host = "some.name";
    Result<StreamPair> named =
        co_await try_(open_connection("127.0.0.1", port_of(serving), options));
    EXPECT_EQ(test::describe(named.exception()),
              "ValueError: the local address must be numeric: some.name");
  };
  run(main());
}

TEST_F(client_in_time, a_cancelled_connect_leaves_no_descriptor) {
  auto main = [&]() -> Coro<> {
    // A queue for one connection, and nobody who accepts: further ones get no answer.
    Socket deaf(scheduler());
    SocketAddress address;
    SocketAddress::parse("127.0.0.1", 0, address);
    EXPECT_EQ(deaf.open(AF_INET, SOCK_STREAM), 0);
    EXPECT_EQ(deaf.bind(address), 0);
    EXPECT_EQ(deaf.listen(0), 0);
    address = deaf.local_address();
    std::vector<StreamPair> in_queue;
    bool stuck = false;
    while (!stuck) {
      Result<StreamPair> pair = co_await try_(wait_for(open_connection(address), 1s));
      stuck = base::exception_is<TimeoutError>(pair.exception());
      if (pair.ok()) in_queue.push_back(std::move(pair).value());
      EXPECT_LT(in_queue.size(), 10U);
    }
  };
  run(main());  // and the fixture counts
}

TEST_F(client, a_server_that_resets_in_mid_answer_is_an_error_after_what_came) {
  auto main = [&]() -> Coro<> {
    auto cruel = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      writer.write("first\nsec");
      co_await reader.readline();
      const linger hard{1, 0};
      ::setsockopt(writer.fileno(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
      writer.abort();
    };
    const Server serving = co_await start_server(cruel, "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", port_of(serving));
    std::string line = co_await reader.readline();
    EXPECT_EQ(line, "first\n");
    writer.write("go on\n");
    Result<std::string> rest = co_await try_(reader.readline());
    EXPECT_THAT(test::describe(rest.exception()),
                HasSubstr("ConnectionResetError: recv 127.0.0.1:"));
  };
  run(main());
}

}  // namespace
}  // namespace asyncio
