// TLS, whose every step goes wrong once. The bytes on the wire are the same in each run, since what
// OpenSSL draws is drawn from the simulated world's seed.
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/ssl.hpp"
#include "support/certificates.hpp"
#include "support/openssl_chance.hpp"
#include "torture/in_world.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

// Made once, of a seed of its own: a replay in another process has the same signatures.
struct Trust {
  test::OpensslChance chance{7};
  test::Certificate root{test::authority_options("test root")};
  test::Certificate server{{.common_name = "example.test", .alternative_names = "DNS:example.test"},
                           &root};

  static const test::Certificate& authority() { return get().first; }
  static const test::Certificate& of_server() { return get().second; }

 private:
  static const std::pair<test::Certificate, test::Certificate>& get() {
    static const std::pair<test::Certificate, test::Certificate> both = [] {
      const Trust made;
      return std::pair(made.root, made.server);
    }();
    return both;
  }
};

ssl::SSLContext server_context() {
  ssl::SSLContext context(ssl::PROTOCOL_TLS_SERVER);
  context.load_cert_chain_pem(Trust::of_server().pem(), Trust::of_server().key_pem());
  return context;
}
ssl::SSLContext client_context() {
  ssl::SSLContext context(ssl::PROTOCOL_TLS_CLIENT);
  context.load_verify_locations({.cadata = Trust::authority().pem()});
  return context;
}

Coro<> answer(StreamReader reader, StreamWriter writer) {
  auto talk = [](StreamReader from, StreamWriter to) -> Coro<> {
    const std::string question = co_await from.readline();
    to.write("answer to " + question);
    co_await to.drain();
  };
  Result<void> talked = co_await try_(talk(reader, writer));
  if (is_cancelled(talked.exception())) co_await raise(talked.exception());
  writer.close();
}

Coro<> ask(int port, const ssl::SSLContext& context, std::string& wrong) {
  ConnectOptions options;
  options.ssl = &context;
  options.server_hostname = "example.test";
  auto [reader, writer] = co_await wait_for(open_connection("127.0.0.1", port, options), 200s);
  writer.write("question\n");
  Result<std::string> got = co_await try_(wait_for(reader.read(), 5s));
  // With a farewell: whole, or nothing from a server that has failed itself.
  const bool whole = got.ok() && (got.value().empty() || got.value() == "answer to question\n");
  if (got.ok() && !whole) wrong = "it took " + got.value();
  if (!got.ok()) co_await raise(got.exception());
  writer.close();
  co_await wait_for(writer.wait_closed(), 50s);
}

// The second connection resumes the session of the first.
Coro<> talks(std::string& wrong, int connections) {
  const ssl::SSLContext ours = server_context();
  const ssl::SSLContext theirs = client_context();
  ServerOptions options;
  options.ssl = &ours;
  Server server = co_await start_server(answer, "127.0.0.1", 0, options);
  const int port = server.sockets().at(0).port();
  Result<void> asked;
  for (int i = 0; i < connections; ++i) {
    asked = co_await try_(ask(port, theirs, wrong));
    if (!asked.ok()) break;
  }
  server.close();
  server.close_clients();
  co_await wait_for(server.wait_closed(), 200s);
  if (!asked.ok()) co_await raise(asked.exception());
}

// As a whole program, because a connection in its farewell outlives main, with its deadline.
template <int kConnections>
void program(std::string& wrong, std::unique_ptr<Backend> world) {
  Trust::authority();
  const test::OpensslChance chance(world->random());
  const InWorld in(std::move(world));
  run(talks(wrong, kConnections), kSimulated);
}

Survives& over_tls(Survives& survives) {
  // A handshake that fails is told of by the server, and by the client's error.
  survives.scenario().tolerate("logged: client 127.0.0.1:").tolerate("main failed: ssl::");
  // Of run() without any memory.
  survives.scenario().tolerate("the shutdown failed, and there is no memory to say why");
  survives.scenario().tolerate("Task was destroyed but it is pending!");
  return survives.with_a_network();
}

TEST(torture, tls) {
  Survives survives("tls", &program<1>);
  over_tls(survives).cancels().failing_calls().failing_allocations();
}
// Fault S1
// Fault X6
TEST(torture, tls_that_is_cut) {
  Survives survives("tls_that_is_cut", &program<1>);
  over_tls(survives).cuts();
}
// Fault X8
TEST(torture, tls_in_pieces) {
  Survives survives("tls_in_pieces", &program<1>);
  over_tls(survives).splits();
}
TEST(torture, tls_session_that_is_resumed) {
  Survives survives("tls_session_that_is_resumed", &program<2>);
  over_tls(survives).cancels().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
