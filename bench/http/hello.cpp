// Our server, as a user writes it: `PROGRAM PORT` answers GET / with 13 bytes and GET /page with
// 13,000.
#include <asyncio/http.hpp>
#include <cstdlib>

namespace {

using asyncio::Coro;
using asyncio::http::Request;
using asyncio::http::Response;

Coro<Response> hello(Request&) { co_return Response("Hello, World!"); }

Coro<Response> page(Request&) {
  static const auto text = std::make_shared<const std::string>(13'000, 'x');
  co_return Response(text, "text/plain; charset=utf-8");
}

Coro<> main_task(int port) {
  asyncio::http::Application app;
  app.add_get("/", hello);
  app.add_get("/page", page);
  auto server = co_await asyncio::http::start_server(std::move(app), "127.0.0.1", port);
  co_await server.serve_forever();
}

}  // namespace

int main(int, char** argv) { asyncio::run(main_task(std::atoi(argv[1]))); }
