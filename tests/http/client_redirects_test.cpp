// Where redirects lead, and what goes along. Source: RFC 9110 section 15.4; aiohttp's rules.
#include "http/base64.hpp"
#include "http/http_fixture.hpp"

namespace asyncio::http {
namespace {

using namespace testing;

class client_redirects : public HttpTest {};

TEST_F(client_redirects, method_and_body_follow_the_rules_of_each_status) {
  struct Row {
    int status;
    const char* method;
    const char* then;
    bool body;
  };
  const std::array<Row, 12> rows{{{301, "POST", "GET", false},
                                  {302, "POST", "GET", false},
                                  {303, "POST", "GET", false},
                                  {307, "POST", "POST", true},
                                  {308, "POST", "POST", true},
                                  {301, "PUT", "PUT", true},
                                  {302, "PUT", "PUT", true},
                                  {303, "PUT", "GET", false},
                                  {301, "GET", "GET", false},
                                  {303, "HEAD", "HEAD", false},
                                  {302, "HEAD", "HEAD", false},
                                  {303, "DELETE", "GET", false}}};
  auto main = [&]() -> Coro<> {
    for (const Row& row : rows) {
      auto server = co_await serve([&](const Seen& seen) -> Reply {
        if (seen.head.find(" /to ") != std::string::npos) {
          return {seen.head.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\n\r\n" : ok("")};
        }
        return {redirect(row.status, "/to")};
      });
      Session session;
      auto request = session.request(row.method, server->url("/from"));
      if (row.body || *row.method == 'P') {
        request.data("the body").header("Content-Type", "text/x");
      }
      const ClientResponse response = co_await std::move(request);
      const std::string what = std::to_string(row.status) + " " + row.method;
      EXPECT_EQ(server->seen.size(), 2U) << what;
      EXPECT_THAT(server->seen.back().head, StartsWith(std::string(row.then) + " /to ")) << what;
      EXPECT_EQ(server->seen.back().body, row.body ? "the body" : "") << what;
      EXPECT_EQ(field(server->seen.back().head, "Content-Type"), row.body ? "text/x" : "") << what;
      EXPECT_EQ(response.method(), row.then);
      EXPECT_EQ(response.history().size(), 1U);
      EXPECT_EQ(response.history().at(0).status(), row.status);
      EXPECT_EQ(server->connections, 1) << what;
    }
  };
  run(main());
}

TEST_F(client_redirects, relative_locations_are_resolved_and_fragments_do_not_go_out) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /a/b ")) return {redirect(302, "../c?x=1#part")};
      if (seen.head.starts_with("GET /c?x=1 ")) return {redirect(307, "?y=2")};
      return {ok("end")};
    });
    Session session;
    const ClientResponse response = co_await session.get(server->url("/a/b"));
    EXPECT_EQ(response.url().to_string(), server->url("/c?y=2"));
    EXPECT_EQ(response.history().size(), 2U);
    EXPECT_EQ(response.history().at(0).url().to_string(), server->url("/a/b"));
    EXPECT_EQ(co_await response.text(), "end");
  };
  run(main());
}

TEST_F(client_redirects, a_loop_ends_in_too_many_redirects) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen&) -> Reply { return {redirect(302, "/")}; });
    Session session;
    EXPECT_EQ(
        co_await failure_of(fetch(session.get(server->url()))),
        "TooManyRedirects: 302, message='more than 10 redirects', url='" + server->url() + "'");
    EXPECT_EQ(server->seen.size(), 11U);
    EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()).max_redirects(0))),
                StartsWith("TooManyRedirects"));
    EXPECT_EQ(server->seen.size(), 12U);
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_redirects, a_redirect_is_the_answer_when_asked_for_or_without_location) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /bare")) {
        return {"HTTP/1.1 302 Found\r\nContent-Length: 4\r\n\r\nbare"};
      }
      return {redirect(302, "/x")};
    });
    Session session;
    const ClientResponse asked = co_await session.get(server->url()).allow_redirects(false);
    EXPECT_EQ(asked.status(), 302);
    const ClientResponse head = co_await session.head(server->url());
    EXPECT_EQ(head.status(), 302);
    EXPECT_EQ(co_await fetch(session.get(server->url("/bare"))), "bare");
  };
  run(main());
}

TEST_F(client_redirects, secrets_stay_with_the_origin_they_were_meant_for) {
  auto main = [&]() -> Coro<> {
    auto other = co_await serve([](const Seen&) -> Reply { return {ok("other")}; });
    auto server = co_await serve([&](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET /same")) return {ok("same")};
      return {redirect(302, seen.head.starts_with("GET /stay") ? "/same" : other->url())};
    });
    Session session;
    session.header("Authorization", "of the session");
    session.header("X-Harmless", "1");
    for (const char* path : {"/stay", "/go"}) {
      co_await fetch(session.get(server->url(path)).header("Cookie", "a=b"));
    }
    EXPECT_EQ(field(server->seen[1].head, "Authorization"), "of the session");
    EXPECT_EQ(field(server->seen[1].head, "Cookie"), "a=b");
    const std::string& head = other->seen.at(0).head;
    EXPECT_EQ(field(head, "Authorization"), "");
    EXPECT_EQ(field(head, "Cookie"), "");
    EXPECT_EQ(field(head, "X-Harmless"), "1");
    EXPECT_EQ(field(head, "Host"), "127.0.0.1:" + std::to_string(other->port()));
  };
  run(main());
}

TEST_F(client_redirects, credentials_of_a_url_are_kept_on_its_origin_only) {
  auto main = [&]() -> Coro<> {
    auto other = co_await serve([](const Seen&) -> Reply { return {ok("other")}; });
    auto server = co_await serve([&](const Seen& seen) -> Reply {
      const std::string port = std::to_string(other->port());
      if (seen.head.starts_with("GET /1 ")) return {redirect(302, "/2")};
      if (seen.head.starts_with("GET /2 ")) return {redirect(302, "http://x:y@127.0.0.1:" + port)};
      return {ok("")};
    });
    Session session;
    const std::string url = "http://u:p@127.0.0.1:" + std::to_string(server->port());
    const ClientResponse response = co_await session.get(url + "/1");
    EXPECT_EQ(field(server->seen[1].head, "Authorization"), "Basic " + base64("u:p"));
    EXPECT_EQ(field(other->seen.at(0).head, "Authorization"), "");
    EXPECT_THAT(response.url().to_string(), Not(HasSubstr("@")));
  };
  run(main());
}

TEST_F(client_redirects, other_schemes_and_bad_locations_are_refused) {
  auto main = [&]() -> Coro<> {
    std::string location;
    auto server = co_await serve([&](const Seen&) -> Reply { return {redirect(302, location)}; });
    Session session;
    for (const char* bad : {"file:///etc/passwd", "ftp://h/", "javascript:alert(1)", "data:,x"}) {
      location = bad;
      EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()))),
                  StartsWith("NonHttpUrlRedirectClientError"))
          << bad;
    }
    for (const char* bad :
         {"http://", "http://a:b:c/", "http://[::1/", "http://h:99999/", "http://a b/", "//"}) {
      location = bad;
      EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()))),
                  StartsWith("InvalidUrlRedirectClientError"))
          << bad;
    }
    location = "https://127.0.0.1/";
    EXPECT_THAT(co_await failure_of(fetch(session.get(server->url()))),
                StartsWith("ClientConnectorError: GET https://127.0.0.1/: connect 127.0.0.1:443"));
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

TEST_F(client_redirects, an_encoded_line_end_in_a_location_stays_encoded) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      if (seen.head.starts_with("GET / ")) return {redirect(302, "/%0d%0aX-Injected:%201")};
      return {ok("")};
    });
    Session session;
    co_await fetch(session.get(server->url()));
    EXPECT_THAT(server->seen.at(1).head, StartsWith("GET /%0d%0aX-Injected:%201 HTTP/1.1\r\n"));
  };
  run(main());
}

TEST_F(client_redirects, the_body_of_a_redirect_is_skipped_however_it_comes) {
  auto main = [&]() -> Coro<> {
    auto server = co_await serve([](const Seen& seen) -> Reply {
      const std::string head = "HTTP/1.1 302 Found\r\nLocation: /end\r\n";
      const std::string& path = seen.head;
      if (path.starts_with("GET /short")) return {head + "Content-Length: 5\r\n\r\nmoved"};
      if (path.starts_with("GET /long")) {
        return {head + "Content-Length: 900000\r\n\r\nthe rest never comes", Then::hang};
      }
      if (path.starts_with("GET /chunks")) {
        return {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nmoved\r\n0\r\n\r\n"};
      }
      if (path.starts_with("GET /broken")) {
        return {head + "Content-Length: 50\r\n\r\nmoved", Then::close};
      }
      return {ok("end")};
    });
    Session session;
    for (const char* path : {"/short", "/long", "/chunks", "/broken"}) {
      EXPECT_EQ(co_await fetch(session.get(server->url(path))), "end") << path;
    }
    EXPECT_EQ(session.connections_in_use(), 0U);
  };
  run(main());
}

class client_filter : public SimulatedHttpTest {
 protected:
  // Answers every request with `reply`, and hangs up.
  Coro<asyncio::Server> answer(std::string_view name, std::string_view host, std::string reply) {
    network().add_host(name, host);
    auto handle = [reply](StreamReader reader, StreamWriter writer) -> Coro<> {
      return reply_once(std::move(reader), std::move(writer), reply);
    };
    co_return co_await asyncio::start_server(handle, host, 80);
  }

 private:
  static Coro<> reply_once(StreamReader reader, StreamWriter writer, std::string reply) {
    co_await reader.readuntil("\r\n\r\n");
    writer.write(reply);
    writer.close();
  }
};

// Each hop is looked at, by the address that its name leads to.
TEST_F(client_filter, a_redirect_does_not_lead_where_the_session_may_not_connect) {
  auto main = [&]() -> Coro<> {
    const std::string close = "Connection: close\r\nContent-Length: 0\r\n\r\n";
    asyncio::Server inner =
        co_await answer("inner.test", "10.0.0.9", "HTTP/1.1 200 OK\r\n" + close);
    const auto to = [&](const std::string& url) {
      return "HTTP/1.1 302 Found\r\nLocation: " + url + "\r\n" + close;
    };
    asyncio::Server one = co_await answer("one.test", "8.8.8.8", to("http://inner.test/secret"));
    asyncio::Server two =
        co_await answer("two.test", "8.8.4.4", to("http://169.254.169.254/latest"));
    Session open;
    EXPECT_EQ((co_await open.get("http://one.test/")).status(), 200);
    const std::size_t before = network().connections();
    Session session({.connect_filter = is_global});
    auto first = co_await try_(session.get("http://one.test/"));
    EXPECT_THAT(describe(first.exception()),
                HasSubstr("ClientConnectorError: GET http://inner.test/secret: connect "
                          "10.0.0.9:80 (refused by connect_filter)"));
    auto second = co_await try_(session.get("http://two.test/"));
    EXPECT_THAT(describe(second.exception()),
                HasSubstr("connect 169.254.169.254:80 (refused by connect_filter)"));
    EXPECT_EQ(network().connections(), before + 2) << "to the first hops only";
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
