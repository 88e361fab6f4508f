// Requests and responses between our client and a server that behaves.
#include "asyncio/http/client_session.hpp"

#include <array>

#include "http/base64.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class client_session : public HttpTest {};

TEST_F(client_session, a_get_gives_status_fields_and_body) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply {
      return {ok("hello", "Content-Type: Text/HTML; charset=\"UTF-8\"\r\nX-A: 1\r\nX-A: 2\r\n")};
    });
    Session session;
    const ClientResponse response = co_await session.get(server->url("/x?y=1"));
    EXPECT_EQ(response.status(), 200);
    EXPECT_TRUE(response.ok());
    EXPECT_EQ(response.reason(), "OK");
    EXPECT_EQ(response.method(), "GET");
    EXPECT_EQ(response.url().to_string(), server->url("/x?y=1"));
    EXPECT_EQ(response.content_type(), "text/html");
    EXPECT_EQ(response.charset(), "utf-8");
    EXPECT_EQ(response.content_length(), 5U);
    EXPECT_THAT(response.headers().get_all("x-a"), ElementsAre("1", "2"));
    EXPECT_EQ(co_await response.text(), "hello");
    const std::string& head = server->seen.at(0).head;
    EXPECT_THAT(head, StartsWith("GET /x?y=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT_EQ(field(head, "User-Agent"), "asyncio-cpp/0.1");
    EXPECT_EQ(field(head, "Accept"), "*/*");
    EXPECT_EQ(field(head, "Accept-Encoding"), "gzip, deflate");
  };
  run(main());
}

TEST_F(client_session, many_requests_share_one_connection) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve(
        [](const Seen& seen) -> Reply { return {ok(std::to_string(seen.request))}; });
    Session session;
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(co_await fetch(session.get(server->url())), std::to_string(i));
    }
    EXPECT_EQ(server->connections, 1);
    EXPECT_EQ(session.connections_idle(), 1U);
  };
  run(main());
}

TEST_F(client_session, connection_close_is_respected) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve(
        [](const Seen&) -> Reply { return {ok("x", "Connection: close\r\n"), Then::close}; });
    Session session;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await fetch(session.get(server->url())), "x");
    EXPECT_EQ(server->connections, 3);
    EXPECT_EQ(session.connections_idle(), 0U);
  };
  run(main());
}

TEST_F(client_session, methods_and_bodies_go_out_as_asked) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply { return {ok(seen.body)}; });
    Session session;
    const std::string big(300'000, 'b');
    EXPECT_EQ(co_await fetch(session.post(server->url()).data("form=1")), "form=1");
    EXPECT_EQ(co_await fetch(session.put(server->url()).data(big)), big);
    EXPECT_EQ(co_await fetch(session.patch(server->url())), "");
    EXPECT_EQ(co_await fetch(session.delete_(server->url())), "");
    EXPECT_EQ(co_await fetch(session.request("BREW", server->url()).header("X-Pot", "1")), "");
    EXPECT_EQ(server->seen.size(), 5U);
    if (server->seen.size() != 5) co_return;
    EXPECT_THAT(server->seen[0].head, StartsWith("POST / "));
    EXPECT_EQ(field(server->seen[1].head, "Content-Length"), "300000");
    EXPECT_EQ(field(server->seen[2].head, "Content-Length"), "0");
    EXPECT_THAT(server->seen[3].head, StartsWith("DELETE / "));
    EXPECT_THAT(server->seen[4].head, StartsWith("BREW / "));
    EXPECT_EQ(field(server->seen[4].head, "X-Pot"), "1");
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

TEST_F(client_session, bodies_of_all_framings_are_read_whole) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /chunked")) {
        return {
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "4;x=1\r\nwiki\r\n5\r\npedia\r\n0\r\nTrailer: 1\r\n\r\n"};
      }
      if (seen.head.starts_with("GET /close")) {
        return {"HTTP/1.0 200 OK\r\n\r\nuntil the end", Then::close};
      }
      return {ok("")};
    });
    Session session;
    EXPECT_EQ(co_await fetch(session.get(server->url("/chunked"))), "wikipedia");
    EXPECT_EQ(co_await fetch(session.get(server->url("/empty"))), "");
    EXPECT_EQ(session.connections_idle(), 1U);
    EXPECT_EQ(co_await fetch(session.get(server->url("/close"))), "until the end");
    EXPECT_EQ(session.connections_idle(), 0U);
  };
  run(main());
}

TEST_F(client_session, answers_without_a_body_leave_the_connection_usable) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("HEAD")) return {"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"};
      if (seen.head.starts_with("GET /204")) return {"HTTP/1.1 204 No Content\r\n\r\n"};
      if (seen.head.starts_with("GET /304")) {
        return {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"};
      }
      return {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
              ok("after hints")};
    });
    Session session;
    const ClientResponse head = co_await session.head(server->url());
    EXPECT_EQ(head.content_length(), 99U);
    EXPECT_EQ(co_await head.text(), "");
    EXPECT_EQ(co_await fetch(session.get(server->url("/204"))), "");
    EXPECT_EQ(co_await fetch(session.get(server->url("/304"))), "");
    EXPECT_EQ(co_await fetch(session.get(server->url("/hints"))), "after hints");
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

TEST_F(client_session, compressed_bodies_are_unpacked) {
  auto main = [&]() -> Coro<> {
    const std::string text(50'000, 'z');
    auto server = co_await serve([&](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /deflate")) {
        return {ok(compressed(text, 15), "Content-Encoding: deflate\r\n")};
      }
      return {ok(gzip(text), "Content-Encoding: gzip\r\n")};
    });
    Session session;
    EXPECT_EQ(co_await fetch(session.get(server->url("/gzip"))), text);
    EXPECT_EQ(co_await fetch(session.get(server->url("/deflate"))), text);
    EXPECT_EQ(co_await fetch(session.get(server->url("/gzip")).auto_decompress(false)), gzip(text));
    EXPECT_EQ(field(server->seen[2].head, "Accept-Encoding"), "");
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

TEST_F(client_session, text_is_converted_from_its_charset) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      const std::string path = seen.head.substr(5, seen.head.find(' ', 5) - 5);
      const std::string type = "Content-Type: text/plain; charset=" + path + "\r\n";
      if (path == "utf-8") return {ok("\xEF\xBB\xBF\xC3\xA9", type)};
      return {ok(path == "utf-16" ? "odd" : "\xE9\x80", type)};
    });
    Session session;
    EXPECT_EQ(co_await fetch(session.get(server->url("/utf-8"))), "\xC3\xA9");
    EXPECT_EQ(co_await fetch(session.get(server->url("/iso-8859-1"))), "\xC3\xA9\xE2\x82\xAC");
    EXPECT_EQ(co_await fetch(session.get(server->url("/windows-1252"))), "\xC3\xA9\xE2\x82\xAC");
    EXPECT_EQ(co_await fetch(session.get(server->url("/latin1"))), "\xC3\xA9\xE2\x82\xAC");
    EXPECT_EQ(co_await failure_of(fetch(session.get(server->url("/klingon")))),
              "ValueError: unknown charset 'klingon': use read() for the bytes");
    EXPECT_EQ(co_await failure_of(fetch(session.get(server->url("/utf-16")))),
              "ValueError: the body is not text in utf-16 at byte 2");
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

TEST_F(client_session, read_may_be_called_again_and_by_copies) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("kept")}; });
    Session session;
    const ClientResponse response = co_await session.get(server->url());
    const ClientResponse copy = response;
    EXPECT_EQ(co_await response.read(), "kept");
    EXPECT_EQ(co_await copy.read(), "kept");
    EXPECT_EQ(co_await response.text(), "kept");
  };
  run(main());
}

TEST_F(client_session, readany_streams_a_body_in_pieces) {
  auto main = [&]() -> Coro<> {
    const std::string big(1'000'000, 's');
    auto server = co_await serve([&](const Seen& seen) -> Reply {
      const bool zipped = seen.head.starts_with("GET /gzip");
      return {zipped ? ok(gzip(big), "Content-Encoding: gzip\r\n") : ok(big)};
    });
    Session session;
    for (const char* path : {"/plain", "/gzip"}) {
      const ClientResponse response = co_await session.get(server->url(path));
      std::size_t size = 0;
      std::size_t pieces = 0;
      for (;;) {
        const std::string piece = co_await response.readany();
        if (piece.empty()) break;
        size += piece.size();
        ++pieces;
      }
      EXPECT_EQ(size, big.size());
      if (path == std::string("/plain")) {
        EXPECT_GT(pieces, 1U);
      }
    }
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

TEST_F(client_session, read_gives_what_readany_has_left) {
  auto main = [&]() -> Coro<> {
    const std::string big = std::string(400'000, 'a') + std::string(400'000, 'b');
    auto server = co_await serve([&](const Seen&) -> Reply { return {ok(big)}; });
    Session session;
    const ClientResponse response = co_await session.get(server->url());
    const std::string first = co_await response.readany();
    EXPECT_FALSE(first.empty());
    EXPECT_EQ(first + co_await response.read(), big);
  };
  run(main());
}

TEST_F(client_session, a_second_reader_at_the_same_time_is_refused) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply {
      return {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::hang};
    });
    Session session;
    const ClientResponse response = co_await session.get(server->url());
    auto reading = create_task(response.read());
    co_await sleep(0s);
    EXPECT_EQ(co_await failure_of(response.read()),
              "RuntimeError: another task is reading this response already");
    reading.cancel();
    EXPECT_EQ(co_await failure_of(std::move(reading)), "CancelledError");
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_session, dropping_a_response_unread_closes_its_connection) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply {
      return {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", Then::hang};
    });
    Session session({.limit = 1});
    for (int i = 0; i < 5; ++i) {
      const ClientResponse response = co_await session.get(server->url());
      EXPECT_EQ(session.connections_in_use(), 1U);
    }
    EXPECT_EQ(session.connections_in_use(), 0U);
    EXPECT_EQ(server->connections, 5);
  };
  run(main());
}

TEST_F(client_session, close_of_a_response_ends_the_task_that_reads_it) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      // Until close: its end must not look like the end of the body.
      const bool length = seen.connection == 0;
      return {length ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
                     : "HTTP/1.1 200 OK\r\n\r\nhalf",
              Then::hang};
    });
    Session session;
    for (int i = 0; i < 2; ++i) {
      const ClientResponse response = co_await session.get(server->url());
      auto reading = create_task(response.read());
      co_await sleep(0s);
      response.close();
      EXPECT_EQ(co_await failure_of(std::move(reading)),
                "ClientPayloadError: GET " + server->url() +
                    ": the connection was closed before the body was read");
      EXPECT_EQ(session.connections_in_use(), 0U);
      EXPECT_THAT(co_await failure_of(response.read()), StartsWith("ClientPayloadError"));
    }
  };
  run(main());
}

TEST_F(client_session, requests_go_into_gather_and_create_task) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("g")}; });
    Session session;
    auto both = co_await gather(session.get(server->url()), session.get(server->url()));
    EXPECT_EQ(std::get<0>(both).status() + std::get<1>(both).status(), 400);
    auto task = create_task(session.get(server->url()));
    const ClientResponse response = co_await task;
    EXPECT_EQ(co_await response.text(), "g");
    std::vector<Coro<ClientResponse>> many;
    for (int i = 0; i < 20; ++i) many.push_back(session.get(server->url()));
    const auto responses = co_await gather(std::move(many));
    EXPECT_EQ(responses.size(), 20U);
  };
  run(main());
}

TEST_F(client_session, relative_urls_are_resolved_against_base_url) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("")}; });
    const std::string base = server->url("/api/v1/");
    Session session({.base_url = base, .user_agent = ""});
    session.header("X-Default", "session");
    co_await fetch(session.get("items?x=1"));
    co_await fetch(session.get("/root").header("X-Default", "own"));
    EXPECT_THAT(server->seen[0].head, StartsWith("GET /api/v1/items?x=1 "));
    EXPECT_EQ(field(server->seen[0].head, "X-Default"), "session");
    EXPECT_EQ(field(server->seen[0].head, "User-Agent"), "");
    EXPECT_THAT(server->seen[1].head, StartsWith("GET /root "));
    EXPECT_EQ(field(server->seen[1].head, "X-Default"), "own");
  };
  run(main());
}

TEST_F(client_session, base64_is_that_of_rfc_4648) {
  // The vectors of its section 10.
  const std::array<std::pair<const char*, const char*>, 7> vectors{{{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : vectors) EXPECT_EQ(base64(plain), encoded);
  EXPECT_EQ(base64("\xFF\xFE\xFD"), "//79");
}

TEST_F(client_session, credentials_in_a_url_become_basic_authorization) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("")}; });
    Session session;
    const std::string rest = "@127.0.0.1:" + std::to_string(server->port()) + "/";
    const ClientResponse response = co_await session.get("http://us%40er:p%3Aw" + rest);
    EXPECT_EQ(field(server->seen[0].head, "Authorization"), "Basic " + base64("us@er:p:w"));
    EXPECT_EQ(response.url().to_string(), server->url());
    EXPECT_THAT(
        co_await failure_of(fetch(session.get("http://u:p" + rest).header("Authorization", "x"))),
        StartsWith("ValueError: Cannot combine AUTHORIZATION header"));
  };
  run(main());
}

TEST_F(client_session, raise_for_status_tells_status_url_and_body) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply {
      return {"HTTP/1.1 404 Nope\r\nContent-Length: 4\r\n\r\ngone"};
    });
    Session session;
    const ClientResponse response = co_await session.get(server->url("/a"));
    EXPECT_FALSE(response.ok());
    try {
      response.raise_for_status();
      ADD_FAILURE();
    } catch (const ClientResponseError& error) {
      EXPECT_EQ(error.status(), 404);
      EXPECT_EQ(error.body(), "gone");
      EXPECT_EQ(std::string(error.what()), "404, message='Nope', url='" + server->url("/a") + "'");
    }
    EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()).raise_for_status())),
                StartsWith("ClientResponseError: 404"));
    Session strict({.raise_for_status = true});
    EXPECT_THAT(co_await failure_of(fetch(strict.get(server->url()))),
                StartsWith("ClientResponseError: 404"));
    EXPECT_EQ(co_await fetch(strict.get(server->url()).raise_for_status(false)), "gone");
  };
  run(main());
}

TEST_F(client_session, what_would_split_a_request_is_refused_before_a_byte_is_sent) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("")}; });
    Session session;
    const std::string url = server->url();
    EXPECT_THAT(test::thrown_by([&] { (void)session.get(url).header("X", "a\r\nB: c"); }),
                StartsWith("ValueError"));
    EXPECT_THAT(test::thrown_by([&] { (void)session.get(url).header("X\r\nY", "a"); }),
                StartsWith("ValueError"));
    EXPECT_THAT(test::thrown_by([&] { session.header("X", std::string_view("a\0b", 3)); }),
                StartsWith("ValueError"));
    EXPECT_THAT(test::thrown_by([] { ClientSession({.user_agent = "a\nb"}); }),
                StartsWith("ValueError"));
    EXPECT_THAT(co_await failure_of(fetch(session.request("GET / HTTP/1.1\r\nX: y", url))),
                StartsWith("ValueError"));
    EXPECT_THAT(co_await failure_of(fetch(session.get("http://127.0.0.1\r\nX: y/"))),
                StartsWith("InvalidURL"));
    EXPECT_THAT(co_await failure_of(fetch(session.get(url + "a\r\nX: y"))),
                StartsWith("InvalidURL"));
    EXPECT_EQ(server->connections, 0);
  };
  run(main());
}

TEST_F(client_session, bad_urls_and_names_are_told_apart) {
  auto main = [&]() -> Coro<> {
    Session session;
    EXPECT_THAT(co_await failure_of(fetch(session.get("nonsense"))), StartsWith("InvalidURL"));
    EXPECT_THAT(co_await failure_of(fetch(session.get("ftp://h/"))),
                StartsWith("NonHttpUrlClientError"));
    EXPECT_THAT(co_await failure_of(fetch(session.get("https://127.0.0.1:1/"))),
                StartsWith("ClientConnectorError: GET https://127.0.0.1:1/"));
    EXPECT_THAT(co_await failure_of(fetch(session.get("http://no-such-name.invalid/"))),
                StartsWith("ClientConnectorDNSError: GET http://no-such-name.invalid/: "));
    int port = 0;
    {
      auto server = co_await serve([](const Seen&) -> Reply { return {}; });
      port = server->port();
    }
    const std::string host = "127.0.0.1:" + std::to_string(port);
    EXPECT_EQ(
        co_await failure_of(fetch(session.get("http://" + host + "/"))),
        "ClientConnectorError: GET http://" + host + "/: connect " + host + ": connection refused");
  };
  run(main());
}

TEST_F(client_session, a_closed_session_refuses_requests) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x")}; });
    Session session;
    co_await fetch(session.get(server->url()));
    EXPECT_EQ(session.connections_idle(), 1U);
    const ClientResponse open = co_await session.get(server->url());
    session.close();
    EXPECT_TRUE(session.closed());
    EXPECT_EQ(session.connections_idle(), 0U);
    EXPECT_EQ(co_await failure_of(fetch(session.get(server->url()))),
              "RuntimeError: Session is closed");
    EXPECT_EQ(co_await open.text(), "x");
  };
  run(main());
}

TEST_F(client_session, requests_under_way_outlive_their_session) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      return {seen.head.starts_with("GET /to") ? ok("there") : redirect(302, "/to")};
    });
    auto session = std::make_unique<ClientSession>();
    auto task = create_task(fetch(session->get(server->url())));
    co_await sleep(0s);
    session.reset();
    EXPECT_EQ(co_await task, "there");
  };
  run(main());
}

TEST_F(client_session, a_session_belongs_to_one_loop) {
  Session session;
  auto main = [&]() -> Coro<std::string> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x")}; });
    co_return co_await failure_of(fetch(session.get(server->url())));
  };
  EXPECT_EQ(run(main()), "nothing");
  const char* const refused =
      "RuntimeError: this ClientSession belongs to another event loop: make one for each loop";
  {
    EventLoop other;
    EXPECT_EQ(other.run_until_complete(main()), refused);
    asyncio::detail::cancel_and_join_all(other.scheduler());
  }
  // Also when its loop has gone, and another one has taken its place.
  asyncio::detail::cancel_and_join_all(scheduler());
  loop().close();
  EXPECT_EQ(session.connections_idle(), 0U);
  EventLoop later;
  EXPECT_EQ(later.run_until_complete(main()), refused);
  asyncio::detail::cancel_and_join_all(later.scheduler());
}

Coro<int> count_pages(ClientSession& session, std::string url, int left) {
  if (left == 0) co_return 0;
  const ClientResponse response = co_await session.get(url);
  co_await response.read();
  co_return 1 + co_await count_pages(session, url, left - 1);
}

TEST_F(client_session, a_session_is_passed_down_to_nested_functions) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {ok("x")}; });
    Session session;
    EXPECT_EQ(co_await count_pages(session, server->url(), 20), 20);
    EXPECT_EQ(server->connections, 1);
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
