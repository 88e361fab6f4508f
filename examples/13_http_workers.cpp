// An HTTP server on several cores: each worker is a loop in a thread of its own, and the kernel
// spreads the connections. Ctrl-C or SIGTERM ends it: requests that are under way may finish.
// Run: build/dev/examples/13_http_workers       try it: curl http://127.0.0.1:8080/
#include <asyncio/http.hpp>
#include <cstdio>
#include <cstdlib>

namespace http = asyncio::http;

// Made once in each worker's thread, so what it keeps needs no lock.
http::Application make_app(std::size_t worker) {
  http::Application app;
  app.add_get("/", [worker, answered = 0](http::Request&) mutable -> asyncio::Coro<http::Response> {
    co_return http::Response("answer " + std::to_string(++answered) + " of worker " +
                             std::to_string(worker) + "\n");
  });
  return app;
}

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8080;
  asyncio::run(http::serve(&make_app, "127.0.0.1", port, {.workers = 2}));
  std::puts("every worker has ended");
}
