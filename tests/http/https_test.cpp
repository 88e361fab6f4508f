// https: the client and the server over TLS, in the simulated world.
#include "asyncio/ssl.hpp"
#include "http/http_fixture.hpp"
#include "support/certificates.hpp"

namespace asyncio::http {
namespace {

using namespace testing;
using test::authority_options;
using test::Certificate;

// What all tests share: keys take their time to make.
struct Trust {
  Certificate authority{authority_options("test authority")};
  Certificate server = server_certificate("DNS:localhost,IP:127.0.0.1");

  [[nodiscard]] Certificate server_certificate(const std::string& names) const {
    test::CertificateOptions options;
    options.alternative_names = names;
    return Certificate(options, &authority);
  }
};
const Trust& trust() {
  static const Trust all;
  return all;
}

ssl::SSLContext server_context(const Certificate& certificate) {
  ssl::SSLContext context(ssl::PROTOCOL_TLS_SERVER);
  context.load_cert_chain_pem(certificate.pem(), certificate.key_pem());
  context.set_alpn_protocols({"http/1.1"});
  return context;
}

ssl::SSLContext client_context(const Certificate& authority) {
  ssl::SSLContext context(ssl::PROTOCOL_TLS_CLIENT);
  context.load_verify_locations({.cadata = authority.pem()});
  return context;
}

class https : public SimulatedHttpTest {
 protected:
  struct Told {
    std::string scheme;
    std::string alpn;
    std::string asked_for;
    std::string client;  // who its certificate says it is
    bool resumed = false;
  };

  // Notes of each request how it came.
  Application app() {
    Application app;
    app.add_route("*", "/{path:.*}", [this](Request& request) -> Coro<Response> {
      const SSLObject* tls = request.ssl_object();
      Told told;
      told.scheme = request.scheme();
      if (tls != nullptr) {
        told.alpn = tls->selected_alpn_protocol();
        told.asked_for = tls->server_hostname();
        told.resumed = tls->session_reused();
        const auto certificate = tls->getpeercert();
        if (certificate) told.client = certificate->subject.front().second;
      }
      told_.push_back(told);
      const std::string body = co_await request.read();
      if (request.path() == "/redirect") {
        Response answer("elsewhere", 302);
        answer.header("Location", redirect_to_);
        co_return answer;
      }
      co_return Response("you sent " + std::to_string(body.size()) + " bytes");
    });
    return app;
  }

  Coro<Server> serve(const ssl::SSLContext& context) {
    ServerOptions options;
    options.ssl = &context;
    return start_server(app(), "127.0.0.1", 0, options);
  }

  static ClientSessionOptions trusting(const ssl::SSLContext& context) {
    ClientSessionOptions options;
    options.ssl = &context;
    return options;
  }
  static std::string url_of(const Server& server, const std::string& path = "/") {
    return "https://127.0.0.1:" + std::to_string(server.port()) + path;
  }

  std::vector<Told> told_;
  std::string redirect_to_;
};

TEST_F(https, a_request_and_its_answer) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    Session session(trusting(client_context(trust().authority)));
    EXPECT_EQ(co_await fetch(session.get(url_of(server))), "you sent 0 bytes");
    EXPECT_EQ(told_.at(0).scheme, "https");
    EXPECT_EQ(told_.at(0).client, "");
  };
  run(main());
}

TEST_F(https, long_bodies_both_ways_and_connections_that_are_kept) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    Session session(trusting(client_context(trust().authority)));
    for (int i = 0; i < 3; ++i) {
      const std::string body(700'000, 'x');
      EXPECT_EQ(co_await fetch(session.post(url_of(server)).data(body)), "you sent 700000 bytes");
    }
    EXPECT_EQ(network().connections(), 1U);
  };
  run(main());
}

// Fault X1: as the client sees it; the matrix is in tests/tls.
TEST_F(https, a_certificate_that_is_not_trusted_is_an_error_that_says_so_and_nothing_is_sent) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    const Certificate stranger(authority_options("another authority"));
    Session session(trusting(client_context(stranger)));
    const std::string failure = co_await failure_of(fetch(session.get(url_of(server))));
    EXPECT_THAT(failure, StartsWith("ClientConnectorCertificateError: GET " + url_of(server)));
    EXPECT_THAT(failure, HasSubstr("CERTIFICATE_VERIFY_FAILED"));
    EXPECT_THAT(told_, IsEmpty());
    take_logs();  // the server tells of the handshake that failed
  };
  run(main());
}

TEST_F(https, a_certificate_for_another_host_is_refused_unless_that_host_is_asked_for) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server_certificate("DNS:example.com")));
    Session session(trusting(client_context(trust().authority)));
    EXPECT_THAT(co_await failure_of(fetch(session.get(url_of(server)))),
                StartsWith("ClientConnectorCertificateError: "));
    EXPECT_EQ(co_await fetch(session.get(url_of(server)).server_hostname("example.com")),
              "you sent 0 bytes");
    EXPECT_EQ(told_.at(0).asked_for, "example.com");
    take_logs();
  };
  run(main());
}

// Fault X7
TEST_F(https, to_a_server_of_http_is_an_error_that_names_the_mistake) {
  auto main = [&]() -> Coro<> {
    Server server = co_await start_server(app(), "127.0.0.1", 0);
    Session session(trusting(client_context(trust().authority)));
    const std::string failure = co_await failure_of(fetch(session.get(url_of(server))));
    EXPECT_THAT(failure, StartsWith("ClientConnectorSSLError: GET https://"));
    EXPECT_THAT(failure, HasSubstr("http"));
    EXPECT_THAT(told_, IsEmpty());
  };
  run(main());
}

// Fault X7
TEST_F(https, a_request_of_http_to_it_is_answered_in_http_which_names_the_mistake) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    for (const std::string method : {"GET", "OPTIONS", "MKCALENDAR"}) {
      auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", server.port());
      writer.write(method + " / HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const std::string answer = co_await reader.read();
      const std::size_t body = answer.find("\r\n\r\n") + 4;
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
      EXPECT_THAT(answer, HasSubstr("plain HTTP request was sent to HTTPS port"));
      EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(answer.size() - body)));
      writer.close();
      co_await sleep(2s);
      EXPECT_THAT(take_logs(), ElementsAre(HasSubstr("a client of plain http://")));
    }
    EXPECT_THAT(told_, IsEmpty());
  };
  run(main());
}

// Fault X7
TEST_F(https, who_speaks_neither_gets_no_answer_in_http) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    for (const std::string first : {"hello hello\n", "EH\r\nLO LO LO", "\x16\x09\x09 GET /\r\n"}) {
      auto [reader, writer] = co_await asyncio::open_connection("127.0.0.1", server.port());
      writer.write(first);
      EXPECT_THAT(co_await reader.read(), Not(HasSubstr("HTTP")));
      writer.close();
    }
    take_logs();
  };
  run(main());
}

// Fault X12
TEST_F(https, a_connection_serves_only_requests_with_the_same_context_and_name) {
  auto main = [&]() -> Coro<> {
    Server server =
        co_await serve(server_context(trust().server_certificate("DNS:example.com,IP:127.0.0.1")));
    Session session(trusting(client_context(trust().authority)));
    const ssl::SSLContext other = client_context(trust().authority);
    co_await fetch(session.get(url_of(server)));
    co_await fetch(session.get(url_of(server)));
    EXPECT_EQ(network().connections(), 1U);
    co_await fetch(session.get(url_of(server)).ssl(other));
    EXPECT_EQ(network().connections(), 2U);
    co_await fetch(session.get(url_of(server)).server_hostname("example.com"));
    EXPECT_EQ(network().connections(), 3U);
    co_await fetch(session.get(url_of(server)).ssl(other));
    co_await fetch(session.get(url_of(server)).server_hostname("example.com"));
    co_await fetch(session.get(url_of(server)));
    EXPECT_EQ(network().connections(), 3U);
    for (const Told& told : told_) EXPECT_FALSE(told.resumed && told.asked_for.empty());
  };
  run(main());
}

TEST_F(https, a_new_connection_resumes_the_session_of_the_one_before) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    const ssl::SSLContext context = client_context(trust().authority);
    for (int i = 0; i < 2; ++i) {
      Session session(trusting(context));
      co_await fetch(session.get(url_of(server)));
    }
    EXPECT_FALSE(told_.at(0).resumed);
    EXPECT_TRUE(told_.at(1).resumed);
  };
  run(main());
}

// Fault X14
TEST_F(https, a_server_may_ask_who_the_client_is) {
  auto main = [&]() -> Coro<> {
    ssl::SSLContext asking = server_context(trust().server);
    asking.load_verify_locations({.cadata = trust().authority.pem()});
    asking.set_verify_mode(ssl::CERT_REQUIRED);
    Server server = co_await serve(asking);
    test::CertificateOptions options;
    options.common_name = "a known client";
    options.usage = "clientAuth";
    const Certificate own(options, &trust().authority);
    ssl::SSLContext known = client_context(trust().authority);
    known.load_cert_chain_pem(own.pem(), own.key_pem());
    Session session(trusting(client_context(trust().authority)));
    EXPECT_EQ(co_await fetch(session.get(url_of(server)).ssl(known)), "you sent 0 bytes");
    EXPECT_EQ(told_.at(0).client, "a known client");
    const std::string failure = co_await failure_of(fetch(session.get(url_of(server))));
    EXPECT_NE(failure, "nothing");
    EXPECT_EQ(told_.size(), 1U);
    take_logs();
  };
  run(main());
}

TEST_F(https, redirects_between_http_and_https_are_followed) {
  auto main = [&]() -> Coro<> {
    Server plain = co_await start_server(app(), "127.0.0.1", 0);
    Server server = co_await serve(server_context(trust().server));
    redirect_to_ = url_of(server, "/there");
    Session session(trusting(client_context(trust().authority)));
    const std::string first = "http://127.0.0.1:" + std::to_string(plain.port()) + "/redirect";
    const ClientResponse response = co_await session.get(first);
    EXPECT_EQ(response.url().to_string(), redirect_to_);
    EXPECT_EQ(told_.at(0).scheme, "http");
    EXPECT_EQ(told_.at(1).scheme, "https");
  };
  run(main());
}

// Fault X6
TEST_F(https, a_client_that_stalls_in_its_handshake_is_sent_away_and_others_are_served) {
  auto main = [&]() -> Coro<> {
    const ssl::SSLContext context = server_context(trust().server);
    ServerOptions options;
    options.ssl = &context;
    options.ssl_handshake_timeout = Delay(5s);
    Server server = co_await start_server(app(), "127.0.0.1", 0, options);
    auto [reader, writer] = co_await open_connection("127.0.0.1", server.port());
    writer.write(std::string("\x16\x03\x01", 3));
    Session session(trusting(client_context(trust().authority)));
    EXPECT_EQ(co_await fetch(session.get(url_of(server))), "you sent 0 bytes");
    const Nanoseconds begun = loop().time();
    const Result<std::string> rest = co_await try_(reader.read());
    EXPECT_LE(loop().time() - begun, Nanoseconds(6s));
    take_logs();
  };
  run(main());
}

// Fault X4: the end of a body that is not told by its length could be anybody's work.
TEST_F(https, a_body_that_ends_without_a_farewell_is_incomplete) {
  auto main = [&]() -> Coro<> {
    const ssl::SSLContext context = server_context(trust().server);
    asyncio::ServerOptions options;
    options.ssl = &context;
    bool in_order = false;
    const auto answer = [&in_order](StreamReader reader, StreamWriter writer) -> Coro<> {
      co_await reader.readuntil("\r\n\r\n");
      writer.write("HTTP/1.0 200 OK\r\n\r\nall of it, or not");
      co_await writer.drain();
      if (in_order) {
        writer.close();
      } else {
        writer.abort();
      }
    };
    const asyncio::Server server = co_await asyncio::start_server(answer, "127.0.0.1", 0, options);
    const std::string url =
        "https://127.0.0.1:" + std::to_string(server.sockets().front().port()) + "/";
    Session session(trusting(client_context(trust().authority)));
    EXPECT_NE(co_await failure_of(fetch(session.get(url))), "nothing");
    in_order = true;
    EXPECT_EQ(co_await fetch(session.get(url)), "all of it, or not");
    take_logs();
  };
  run(main());
}

TEST_F(https, the_default_context_trusts_nobody_that_the_system_does_not) {
  auto main = [&]() -> Coro<> {
    Server server = co_await serve(server_context(trust().server));
    Session session;
    EXPECT_THAT(co_await failure_of(fetch(session.get(url_of(server)))),
                StartsWith("ClientConnectorCertificateError: "));
    take_logs();
  };
  run(main());
}

}  // namespace
}  // namespace asyncio::http
