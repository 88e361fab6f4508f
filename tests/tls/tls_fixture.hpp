// What tests of TLS begin with: a simulated world, a certificate authority, contexts of both sides.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/ssl.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/task.hpp"
#include "support/certificates.hpp"
#include "support/simulated_test.hpp"

namespace asyncio::test {

/// Made once for all tests: keys cost time.
struct Authority {
  Certificate root{authority_options("test root")};
  Certificate server{{.common_name = "example.test",
                      .alternative_names = "DNS:example.test,DNS:localhost,IP:127.0.0.1"},
                     &root};
  Certificate client{{.common_name = "a client", .usage = "clientAuth"}, &root};

  static const Authority& get() {
    static const Authority authority;
    return authority;
  }
};

inline ssl::SSLContext server_context(const Certificate& certificate, std::string chain = {}) {
  ssl::SSLContext context = ssl::create_default_context(ssl::Purpose::CLIENT_AUTH);
  context.load_cert_chain_pem(certificate.pem() + chain, certificate.key_pem(),
                              {.allow_expired = true});
  return context;
}

inline ssl::SSLContext server_context() { return server_context(Authority::get().server); }

/// Trusts the authority alone.
inline ssl::SSLContext client_context() {
  return ssl::create_default_context(ssl::Purpose::SERVER_AUTH,
                                     {.cadata = Authority::get().root.pem()});
}

/// Sends back what it gets, line by line, until the end.
inline Coro<> echo_lines(StreamReader reader, StreamWriter writer) {
  while (true) {
    std::string line = co_await reader.readline();
    if (line.empty()) break;
    writer.write(line);
    co_await writer.drain();
  }
  writer.close();
}

/// Against a name of the certificate's, in a simulated world where localhost is 127.0.0.1.
class TlsTest : public SimulatedTest {
 protected:
  static ConnectOptions secure(const ssl::SSLContext& context,
                               std::string_view name = "example.test") {
    return {.ssl = &context, .server_hostname = name};
  }
  static ServerOptions serving(const ssl::SSLContext& context) { return {.ssl = &context}; }
  static int port_of(const Server& server) { return server.sockets().at(0).port(); }
};

inline std::string text_of(const std::exception_ptr& error) { return base::describe(error); }

/// With a context of each side, which trust each other.
class tls_connection : public TlsTest {
 protected:
  // One question over a connection of its own.
  static Coro<std::string> ask(int port, ConnectOptions options, std::string question) {
    auto [reader, writer] = co_await open_connection("127.0.0.1", port, options);
    writer.write(question);
    std::string answer = co_await reader.readline();
    writer.close();
    co_await writer.wait_closed();
    co_return answer;
  }
  Coro<std::string> ask(const Server& server, std::string question) {
    return ask(port_of(server), secure(theirs), std::move(question));
  }
  Coro<StreamPair> connect(const Server& server) {
    return open_connection("127.0.0.1", port_of(server), secure(theirs));
  }
  static Coro<StreamPair> connect_in_clear(const Server& server) {
    return open_connection("127.0.0.1", port_of(server));
  }
  Coro<Server> echo_server() { return start_server(echo_lines, "127.0.0.1", 0, serving(ours)); }

  ssl::SSLContext ours = server_context();
  ssl::SSLContext theirs = client_context();
};

}  // namespace asyncio::test
