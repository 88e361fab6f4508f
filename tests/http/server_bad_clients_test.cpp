// Clients that break the rules, dawdle or vanish: one clear answer at most, then the connection
// closes, and everybody else is served meanwhile.
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

const std::string kClose = "Connection: close\r\n";

Application echo_app() {
  Application app;
  app.add_get("/", [](Request&) -> Coro<Response> { co_return Response("fine"); });
  app.add_post("/", [](Request& request) -> Coro<Response> {
    std::string body = co_await request.read();
    co_return Response("got " + std::to_string(body.size()));
  });
  return app;
}

class server_bad_clients : public SimulatedHttpTest {
 protected:
  std::string answer_to(std::string bytes, ServerOptions options = {}) {
    auto main = [&]() -> Coro<std::string> {
      Server serving = co_await start_server(echo_app(), "127.0.0.1", 0, options);
      std::string answer = co_await talk(serving.port(), bytes);
      const std::string good =
          co_await talk(serving.port(), "GET / HTTP/1.1\r\nHost: h\r\n" + kClose + "\r\n");
      EXPECT_THAT(good, HasSubstr("fine")) << "the server does not serve any more";
      co_await serving.shutdown();
      co_return answer;
    };
    return run(main());
  }
  /// The status of the answer; the good request behind the bad one must not be answered.
  std::string status_of(const std::string& bytes, ServerOptions options = {}) {
    const std::string answer = answer_to(bytes + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", options);
    EXPECT_EQ(answer.find("fine"), std::string::npos) << "answered what came after an error";
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << "two answers";
    if (!answer.empty()) {
      EXPECT_EQ(field(answer, "Connection"), "close");
    }
    return answer.substr(0, 12);
  }
};

std::string request(const std::string& line, const std::string& fields) {
  return line + "\r\n" + fields + "\r\n";
}

TEST_F(server_bad_clients, malformed_requests_are_400_and_the_end) {
  const std::string host = "Host: h\r\n";
  for (const std::string& bytes :
       {request("GET / HTTP/1.1", ""), request("GET / HTTP/1.1", host + host),
        request("GET / HTTP/1.1", "Host: a b\r\n"), request("GET  / HTTP/1.1", host),
        request("GET /\x01 HTTP/1.1", host), request("GET / HTTP/2.7", host),
        request("G@T / HTTP/1.1", host), request("GET / HTTP/1.1", host + "Bad Name: x\r\n"),
        request("GET / HTTP/1.1", host + " folded: x\r\n"),
        request("GET / HTTP/1.1", host + "X: a\rb\r\n"),
        request("POST / HTTP/1.1", host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
        request("POST / HTTP/1.1", host + "Content-Length: 4\r\nContent-Length: 5\r\n"),
        request("POST / HTTP/1.1", host + "Content-Length: +4\r\n"),
        request("POST / HTTP/1.1", host + "Content-Length: 99999999999999999999\r\n"),
        request("POST / HTTP/1.1", host + "Transfer-Encoding: chunked, chunked\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("garbage\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)}) {
    const std::string status = status_of(bytes);
    EXPECT_TRUE(status.starts_with("HTTP/1.1 4") || status.starts_with("HTTP/1.1 5"))
        << ::testing::PrintToString(bytes) << " gave " << status;
  }
}

TEST_F(server_bad_clients, broken_chunks_are_400_and_the_end) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* chunks :
       {"zz\r\nx", "-1\r\nx", "fffffffffffffffff\r\nx", "4\r\ndataX\r\n0\r\n\r\n",
        "4;"
        "x=\x01\r\ndata\r\n0\r\n\r\n"}) {
    EXPECT_EQ(status_of(head + chunks), "HTTP/1.1 400") << chunks;
  }
}

TEST_F(server_bad_clients, sizes_have_limits_with_a_status_of_their_own) {
  const std::string host = "Host: h\r\n";
  EXPECT_EQ(status_of(request("GET / HTTP/1.1", host + "X: " + std::string(40'000, 'x') + "\r\n")),
            "HTTP/1.1 431");
  std::string many = host;
  for (int i = 0; i < 200; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(status_of(request("GET / HTTP/1.1", many)), "HTTP/1.1 431");
  EXPECT_EQ(status_of(request("GET /" + std::string(20'000, 'x') + " HTTP/1.1", host)),
            "HTTP/1.1 414");
  EXPECT_EQ(status_of(request("GET / HTTP/1.1", host + "X: " + std::string(600, 'x') + "\r\n"),
                      {.max_head_bytes = 512}),
            "HTTP/1.1 431");
}

TEST_F(server_bad_clients, bodies_over_client_max_size_are_413) {
  const ServerOptions small{.client_max_size = 1000};
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(status_of(post + "Content-Length: 200000\r\n\r\n" + std::string(200'000, 'x'), small),
            "HTTP/1.1 413");
  std::string chunks;
  for (int i = 0; i < 2000; ++i) chunks += "64\r\n" + std::string(100, 'c') + "\r\n";
  EXPECT_EQ(status_of(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks, small), "HTTP/1.1 413");
  const std::string fits =
      answer_to(post + kClose + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'x'), small);
  EXPECT_THAT(fits, HasSubstr("got 1000"));
}

// The client learns why, although it was still sending: no reset overtakes the answer.
TEST_F(server_bad_clients, an_answer_to_a_large_upload_arrives) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0, {.client_max_size = 1000});
    Session session;
    const std::string url = "http://127.0.0.1:" + std::to_string(serving.port()) + "/";
    for (int i = 0; i < 5; ++i) {
      const ClientResponse response = co_await session.post(url).data(std::string(9'000'000, 'u'));
      EXPECT_EQ(response.status(), 413);
      EXPECT_EQ(co_await response.text(), "413: the body is larger than 1000 bytes\n");
    }
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, error_answers_show_control_bytes_as_text) {
  const std::string answer = answer_to("GET / HTTP/1.1\r\nHost: h\r\nX\x1b[31m\x07: y\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 400"));
  for (const char c : answer) {
    const auto byte = static_cast<unsigned char>(c);
    EXPECT_TRUE(byte >= 0x20 || c == '\r' || c == '\n') << static_cast<int>(byte);
    EXPECT_LT(byte, 0x7f);
  }
}

TEST_F(server_bad_clients, a_head_that_drips_is_cut_off_with_408_while_others_are_served) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0, {.header_timeout = 20ms});
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    auto drip = create_task([](StreamWriter out) -> Coro<> {
      for (const char c : "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(10'000, 'x')) {
        if (out.peer_closed()) co_return;
        out.write(std::string_view(&c, 1));
        co_await sleep(1ms);
      }
    }(writer));
    Session session;
    const std::string url = "http://127.0.0.1:" + std::to_string(serving.port()) + "/";
    for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await fetch(session.get(url)), "fine");
    const std::string answer = co_await reader.read();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(answer, HasSubstr("408: the request head did not arrive in time\n"));
    co_await drip;
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, a_connection_that_says_nothing_is_closed_in_silence) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0, {.keepalive_timeout = 5ms});
    EXPECT_EQ(co_await talk(serving.port(), ""), "");
    const std::string kept = co_await talk(serving.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_THAT(kept, HasSubstr("fine"));
    EXPECT_THAT(kept, Not(HasSubstr("408")));
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, a_body_that_stops_or_drips_is_408) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0, {.body_timeout = 20ms});
    const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n";
    EXPECT_THAT(co_await talk(serving.port(), head + "some"), StartsWith("HTTP/1.1 408 "));
    // Each byte in time, but all of them would take ten seconds.
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write(head);
    auto drip = create_task([](StreamWriter out) -> Coro<> {
      for (int i = 0; i < 1000 && !out.peer_closed(); ++i) {
        out.write("x");
        co_await sleep(10ms);
      }
    }(writer));
    EXPECT_THAT((co_await read_message(reader)).first, StartsWith("HTTP/1.1 408 "));
    writer.close();
    co_await drip;
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, a_client_that_does_not_read_is_cut_off) {
  auto main = [&]() -> Coro<> {
    bool ended = false;
    Application app;
    app.add_get("/", [&](Request&) -> Coro<Response> {
      auto body = [&](BodyWriter& out) -> Coro<> {
        const std::string piece(100'000, 'p');
        for (;;) {
          Result<void> written = co_await try_(out.write(piece));
          if (written.ok()) continue;
          ended = true;
          co_await raise(written.exception());
        }
      };
      co_return Response::stream(body, "text/plain");
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0, {.write_timeout = 10ms});
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const bool soon = co_await until([&] { return ended; });
    EXPECT_TRUE(soon);
    writer.abort();
    co_await serving.shutdown();
  };
  run(main());
}

// What the kernel does not take must not keep a closed connection for ever.
TEST_F(server_bad_clients, the_rest_of_an_answer_that_is_not_read_is_given_up) {
  auto main = [&]() -> Coro<> {
    const auto large = std::make_shared<const std::string>(30'000'000, 'l');
    Application app;
    app.add_get("/", [&](Request&) -> Coro<Response> {
      Response response(large, "text/plain");
      response.force_close();
      co_return response;
    });
    Server serving = co_await start_server(std::move(app), "127.0.0.1", 0, {.write_timeout = 10ms});
    auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
    writer.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    const bool begun = co_await until([&] { return all_tasks().size() == 2; });
    EXPECT_TRUE(begun);
    const bool gone = co_await until([&] { return all_tasks().size() == 1; });
    EXPECT_TRUE(gone);
    writer.abort();
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, a_client_that_goes_at_any_byte_leaves_nothing_behind) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0);
    const std::string whole =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n";
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      for (const bool hard : {false, true}) {
        auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
        writer.write(whole.substr(0, size));
        co_await sleep(0s);
        if (hard) reset_at_close(writer);
        writer.close();
      }
    }
    const bool gone = co_await until([] { return all_tasks().size() == 1; });
    EXPECT_TRUE(gone);
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, a_request_cut_anywhere_into_pieces_has_the_same_answer) {
  auto main = [&]() -> Coro<> {
    Server serving = co_await start_server(echo_app(), "127.0.0.1", 0);
    const std::string whole = "POST / HTTP/1.1\r\nHost: h\r\n" + kClose +
                              "Transfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n0\r\n\r\n";
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      auto [reader, writer] = co_await open_connection("127.0.0.1", serving.port());
      writer.write(whole.substr(0, cut));
      co_await sleep(0s);
      co_await sleep(0s);
      writer.write(whole.substr(cut));
      EXPECT_EQ((co_await read_message(reader)).second, "got 4") << cut;
    }
    co_await serving.shutdown();
  };
  run(main());
}

TEST_F(server_bad_clients, two_hundred_thousand_chunks_of_one_byte_are_taken) {
  std::string chunks;
  for (int i = 0; i < 200'000; ++i) chunks += "1\r\nx\r\n";
  EXPECT_THAT(answer_to("POST / HTTP/1.1\r\nHost: h\r\n" + kClose +
                        "Transfer-Encoding: chunked\r\n\r\n" + chunks + "0\r\n\r\n"),
              HasSubstr("got 200000"));
}

TEST_F(server_bad_clients, an_upgrade_nobody_offers_is_answered_plainly_and_ends) {
  const std::string answer = answer_to(
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET / "
      "HTTP/1.1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(field(answer, "Connection"), "close");
}

}  // namespace
}  // namespace asyncio::http
