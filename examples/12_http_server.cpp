// An HTTP server with two routes, on the given port (8080), until Ctrl-C; requests that are under
// way may then finish.
// Run: build/dev/examples/12_http_server        try it: curl http://127.0.0.1:8080/hello/you
#include <asyncio/http.hpp>
#include <cstdio>
#include <cstdlib>

namespace http = asyncio::http;

asyncio::Coro<http::Response> hello(http::Request& request) {
  co_return http::Response("Hello, " + request.match_info("name") + "!\n");
}

asyncio::Coro<http::Response> echo(http::Request& request) {
  std::string body = co_await request.read();
  co_return http::Response(body, 201);
}

asyncio::Coro<> main_task(int port) {
  http::Application app;
  app.add_get("/hello/{name}", hello);
  app.add_post("/echo", echo);

  auto server = co_await http::start_server(std::move(app), "127.0.0.1", port);
  std::printf("Serving on http://127.0.0.1:%d\n", server.port());
  std::fflush(stdout);
  co_await server.serve_forever();
}

int main(int argc, char** argv) {
  try {
    asyncio::run(main_task(argc > 1 ? std::atoi(argv[1]) : 8080));
  } catch (const asyncio::KeyboardInterrupt&) {
    std::puts("stopped");
  }
}
