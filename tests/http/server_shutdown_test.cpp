// Ending a server in order: idle connections at once, busy ones within the grace, the rest
// cancelled.
#include "asyncio/sync/event.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class server_shutdown : public SimulatedHttpTest {};

/// Handlers wait until the test says go.
struct Busy {
  int begun = 0;
  int cancelled = 0;
  Event go;

  Application app() {
    Application app;
    app.add_get("/quick", [](Request&) -> Coro<Response> { co_return Response("quick"); });
    app.add_get("/busy", [this](Request&) -> Coro<Response> {
      ++begun;
      Result<bool> waited = co_await try_(go.wait());
      if (!waited.ok()) {
        ++cancelled;
        co_await raise(waited.exception());
      }
      co_return Response("finished");
    });
    return app;
  }
};

std::string url_of(int port, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(port) + path;
}

TEST_F(server_shutdown, idle_connections_are_closed_at_once) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    auto [silent, silent_writer] = co_await open_connection("127.0.0.1", serving.port());
    auto [begun, begun_writer] = co_await open_connection("127.0.0.1", serving.port());
    begun_writer.write("GET / HT");
    Session session;
    EXPECT_EQ(co_await fetch(session.get(url_of(serving.port(), "/quick"))), "quick");
    co_await sleep(1ms);
    co_await serving.shutdown(60s);
    EXPECT_EQ(co_await silent.read(), "");
    const std::string failure = co_await failure_of(begun.read());
    EXPECT_THAT(failure, ::testing::AnyOf("nothing", StartsWith("ConnectionResetError")));
    const bool dropped = co_await until([&] { return session.connections_idle() == 0; });
    EXPECT_TRUE(dropped);
    EXPECT_EQ(all_tasks().size(), 1U);
  };
  run(main());
}

TEST_F(server_shutdown, busy_requests_finish_within_the_grace) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    const int port = serving.port();
    auto answer = create_task(
        talk(port, "GET /busy HTTP/1.1\r\nHost: h\r\n\r\nGET /quick HTTP/1.1\r\nHost: h\r\n\r\n"));
    const bool begun = co_await until([&] { return busy.begun == 1; });
    EXPECT_TRUE(begun);
    auto ending = create_task(serving.shutdown(60s));
    co_await sleep(1ms);
    EXPECT_FALSE(ending.done());
    // No new ones meanwhile.
    EXPECT_THAT(co_await failure_of(open_connection("127.0.0.1", port)),
                StartsWith("ConnectionRefusedError"));
    busy.go.set();
    co_await ending;
    const std::string text = co_await answer;
    EXPECT_THAT(text, HasSubstr("finished"));
    EXPECT_EQ(field(text, "Connection"), "close");
    EXPECT_THAT(text, Not(HasSubstr("quick")));
    EXPECT_EQ(busy.cancelled, 0);
  };
  run(main());
}

TEST_F(server_shutdown, beyond_the_grace_handlers_are_cancelled) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    std::vector<Task<std::string>> answers;
    for (int i = 0; i < 5; ++i) {
      answers.push_back(create_task(talk(serving.port(), "GET /busy HTTP/1.1\r\nHost: h\r\n\r\n")));
    }
    const bool begun = co_await until([&] { return busy.begun == 5; });
    EXPECT_TRUE(begun);
    co_await serving.shutdown(2ms);
    EXPECT_EQ(busy.cancelled, 5);
    for (const std::string& answer : co_await gather(std::move(answers))) EXPECT_EQ(answer, "");
    EXPECT_EQ(all_tasks().size(), 1U);
  };
  run(main());
}

TEST_F(server_shutdown, the_port_is_free_again) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server first = co_await start_server(busy.app(), "127.0.0.1", 0);
    const int port = first.port();
    co_await talk(port, "GET /quick HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    co_await first.shutdown();
    Server second = co_await start_server(busy.app(), "127.0.0.1", port);
    EXPECT_EQ(second.port(), port);
    EXPECT_THAT(co_await failure_of(start_server(busy.app(), "127.0.0.1", port)),
                StartsWith("OSError: bind 127.0.0.1:" + std::to_string(port) + ": "));
    co_await second.shutdown();
  };
  run(main());
}

TEST_F(server_shutdown, may_be_called_twice_and_without_connections) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    co_await serving.shutdown();
    co_await serving.shutdown();
    EXPECT_THAT(serving.sockets(), IsEmpty());
    EXPECT_EQ(serving.port(), 0);
  };
  run(main());
}

TEST_F(server_shutdown, ends_serve_forever) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    auto forever = create_task(serving.serve_forever());
    co_await sleep(0s);
    EXPECT_FALSE(forever.done());
    co_await serving.shutdown();
    co_await forever;
    auto again = create_task(serving.serve_forever());
    co_await again;
  };
  run(main());
}

TEST_F(server_shutdown, cancelling_serve_forever_leaves_the_connections_to_shutdown) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
    auto forever = create_task(serving.serve_forever());
    auto answer = create_task(talk(serving.port(), "GET /busy HTTP/1.1\r\nHost: h\r\n\r\n"));
    const bool begun = co_await until([&] { return busy.begun == 1; });
    EXPECT_TRUE(begun);
    forever.cancel();
    EXPECT_EQ(co_await failure_of(std::move(forever)), "CancelledError");
    busy.go.set();
    co_await serving.shutdown();
    EXPECT_THAT(co_await answer, HasSubstr("finished"));
  };
  run(main());
}

TEST_F(server_shutdown, dropping_the_last_handle_stops_listening) {
  auto main = [&]() -> Coro<> {
    Busy busy;
    int port = 0;
    Task<std::string> answer;
    {
      const Server serving = co_await start_server(busy.app(), "127.0.0.1", 0);
      port = serving.port();
      answer =
          create_task(talk(port, "GET /busy HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
      const bool begun = co_await until([&] { return busy.begun == 1; });
      EXPECT_TRUE(begun);
    }
    EXPECT_THAT(co_await failure_of(open_connection("127.0.0.1", port)),
                StartsWith("ConnectionRefusedError"));
    busy.go.set();
    EXPECT_THAT(co_await answer, HasSubstr("finished"));
  };
  run(main());
}

TEST_F(server_shutdown, a_stream_beyond_the_grace_has_no_clean_end) {
  auto main = [&]() -> Coro<> {
    Application app;
    app.add_get("/", [](Request&) -> Coro<Response> {
      auto body = [](BodyWriter& out) -> Coro<> {
        for (;;) {
          co_await out.write("tick");
          co_await sleep(100us);
        }
      };
      co_return Response::stream(body, "text/plain");
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    auto answer = create_task(talk(serving.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    co_await sleep(2ms);
    co_await serving.shutdown(1ms);
    const std::string text = co_await answer;
    EXPECT_THAT(text, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(text, Not(HasSubstr("0\r\n\r\n")));
  };
  run(main());
}

TEST_F(server_shutdown, answers_on_their_way_still_arrive) {
  auto main = [&]() -> Coro<> {
    const auto large = std::make_shared<const std::string>(20'000'000, 'l');
    Application app;
    app.add_get("/", [&](Request&) -> Coro<Response> { co_return Response(large, "text/plain"); });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0);
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    auto answer = create_task(read_message(reader));
    co_await sleep(0s);
    co_await sleep(1ms);
    co_await serving.shutdown();
    EXPECT_EQ((co_await answer).second.size(), large->size());
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
