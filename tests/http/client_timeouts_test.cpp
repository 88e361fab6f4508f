// Each limit of ClientTimeout fires by itself, at its time, with its own error and text.
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class client_timeouts : public SimulatedHttpTest {
 protected:
  /// A host that gives no answer to whoever wants to connect.
  std::string host_of_nobody() {
    network().add_host("nobody", "10.0.0.9");
    network().drop_connects("10.0.0.9");
    return "10.0.0.9";
  }
  /// How much time the await takes, and what it fails with.
  template <class A>
  Coro<std::pair<Nanoseconds, std::string>> timed_failure(A awaitable) {
    const Nanoseconds before = now();
    std::string failure = co_await failure_of(std::move(awaitable));
    co_return std::pair(now() - before, failure);
  }
};

Reply silent(const Seen&) { return {"", Then::hang}; }

TEST_F(client_timeouts, total_covers_the_head) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve(silent);
    Session session;
    const auto [time, failure] =
        co_await timed_failure(fetch(session.get(server->url()).timeout(5s)));
    EXPECT_EQ(failure, "TimeoutError: GET " + server->url() + ": timeout after 5 s (total)");
    EXPECT_EQ(time, 5s);
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_timeouts, total_covers_the_body_however_slowly_it_drips) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await read_message(reader);
      writer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
      for (int i = 0; i < 1000 && !writer.peer_closed(); ++i) {
        writer.write("x");
        co_await sleep(1s);
      }
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url =
        "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port()) + "/";
    Session session({.timeout = {.total = 20s, .sock_read = 15s}});
    const Nanoseconds before = now();
    const ClientResponse response = co_await session.get(url);
    EXPECT_EQ(co_await failure_of(response.read()),
              "TimeoutError: GET " + url + ": timeout after 20 s (total)");
    EXPECT_EQ(now() - before, 20s);
    EXPECT_EQ(session.connections_in_use(), 0U);
    EXPECT_THAT(co_await failure_of(response.read()), HasSubstr("was closed before the body"));
  };
  run(main());
}

TEST_F(client_timeouts, sock_read_is_the_time_between_two_pieces) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /head")) return {"HTTP/1.1 200 OK\r\n", Then::hang};
      return {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::hang};
    });
    Session session({.timeout = {.sock_read = 5s}});
    for (const char* path : {"/head", "/body"}) {
      const auto [time, failure] = co_await timed_failure(fetch(session.get(server->url(path))));
      EXPECT_EQ(failure,
                "SocketTimeoutError: GET " + server->url(path) + ": no data for 5 s (sock_read)");
      EXPECT_GE(time, 5s);
      EXPECT_LT(time, 5s + 1ms) << "the way there and back";
    }
  };
  run(main());
}

TEST_F(client_timeouts, sock_read_leaves_a_peer_alone_that_still_takes_the_body) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.readuntil("\r\n\r\n");
      std::size_t left = 40'000'000;
      while (left > 0) {
        co_await sleep(1s);
        const std::string piece = co_await reader.readexactly(4'000'000);
        left -= piece.size();
      }
      writer.write(ok("taken"));
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url =
        "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port()) + "/";
    Session session({.timeout = {.sock_read = 6s}});
    EXPECT_EQ(co_await fetch(session.post(url).data(std::string(40'000'000, 'u'))), "taken");
  };
  run(main());
}

TEST_F(client_timeouts, sock_connect_is_for_look_up_and_connect) {
  auto main = [&]() -> Coro<> {
    const std::string nobody = host_of_nobody();
    const std::string url = "http://" + nobody + "/";
    Session session({.timeout = {.sock_connect = 5s}});
    const auto [time, failure] = co_await timed_failure(fetch(session.get(url)));
    EXPECT_EQ(failure, "ConnectionTimeoutError: GET " + url + ": connect " + nobody +
                           ": no connection for 5 s (sock_connect)");
    EXPECT_EQ(time, 5s);
    // What ends first gives its name.
    EXPECT_EQ(co_await failure_of(fetch(session.get(url).timeout(1s))),
              "TimeoutError: GET " + url + ": timeout after 1 s (total)");
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_timeouts, connect_counts_the_queue_too) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve(silent);
    Session session({.limit = 1, .timeout = {.connect = 5s}});
    auto first = create_task(fetch(session.get(server->url())));
    co_await sleep(0s);
    EXPECT_EQ(co_await failure_of(fetch(session.get(server->url()))),
              "ConnectionTimeoutError: GET " + server->url() + ": no connection for 5 s (connect)");
    // Not counted once connected.
    EXPECT_FALSE(first.done());
    first.cancel();
    EXPECT_EQ(co_await failure_of(std::move(first)), "CancelledError");
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_timeouts, connect_and_total_are_told_apart) {
  auto main = [&]() -> Coro<> {
    const std::string url = "http://" + host_of_nobody() + "/";
    Session session;
    const ClientTimeout short_connect{.total = 10s, .connect = 3s};
    EXPECT_THAT(co_await failure_of(fetch(session.get(url).timeout(short_connect))),
                HasSubstr("no connection for 3 s (connect)"));
    const ClientTimeout short_total{.total = 3s, .connect = 10s};
    EXPECT_THAT(co_await failure_of(fetch(session.get(url).timeout(short_total))),
                HasSubstr("timeout after 3 s (total)"));
  };
  run(main());
}

TEST_F(client_timeouts, total_is_for_all_hops_of_a_redirect_together) {
  auto main = [&]() -> Coro<> {
    auto handler = [](StreamReader reader, StreamWriter writer) -> Coro<> {
      for (;;) {
        const auto message = co_await read_message(reader);
        if (message.first.empty()) co_return;
        co_await sleep(4s);
        writer.write(redirect(302, "/again"));
      }
    };
    const asyncio::Server server = co_await asyncio::start_server(handler, "127.0.0.1", 0);
    const std::string url =
        "http://127.0.0.1:" + std::to_string(server.sockets().at(0).port()) + "/";
    Session session({.max_redirects = 100});
    EXPECT_EQ(co_await failure_of(fetch(session.get(url).timeout(30s))),
              "TimeoutError: GET " + url + "again: timeout after 30 s (total)");
  };
  run(main());
}

TEST_F(client_timeouts, a_slot_freed_by_a_timeout_serves_the_next_request) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /slow")) return {"", Then::hang};
      return {ok("served")};
    });
    Session session({.limit = 2});
    std::vector<Coro<std::string>> slow;
    for (int i = 0; i < 6; ++i) {
      slow.push_back(failure_of(fetch(session.get(server->url("/slow")).timeout(3s))));
    }
    auto all = gather(std::move(slow));
    EXPECT_EQ(co_await fetch(session.get(server->url("/quick"))), "served");
    for (const std::string& failure : co_await all)
      EXPECT_THAT(failure, StartsWith("TimeoutError"));
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
