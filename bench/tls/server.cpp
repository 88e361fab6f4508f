// Our server over TLS, as a user writes it: `PROGRAM PEM` answers GET /page with 13,000 bytes
// and GET / with two.
#include <asyncio/asyncio.hpp>
#include <asyncio/http.hpp>
#include <asyncio/ssl.hpp>
#include <cstdio>

namespace {

using asyncio::Coro;
using asyncio::http::Request;
using asyncio::http::Response;

Coro<Response> page(Request&) {
  static const auto text = std::make_shared<const std::string>(13'000, 'x');
  co_return Response(text, "text/plain; charset=utf-8");
}

Coro<Response> word(Request&) { co_return Response("ok"); }

Coro<> main_task(std::string certificate) {
  asyncio::ssl::SSLContext context =
      asyncio::ssl::create_default_context(asyncio::ssl::Purpose::CLIENT_AUTH);
  context.load_cert_chain(certificate);
  asyncio::http::Application app;
  app.add_get("/", word);
  app.add_get("/page", page);
  asyncio::http::ServerOptions options;
  options.ssl = &context;
  auto server = co_await asyncio::http::start_server(std::move(app), "127.0.0.1", 0, options);
  std::printf("listening %d\n", server.port());
  std::fflush(stdout);
  co_await server.serve_forever();
}

}  // namespace

int main(int, char** argv) { asyncio::run(main_task(argv[1])); }
