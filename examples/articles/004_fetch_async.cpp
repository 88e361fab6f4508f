// 1, 10, 50, 100 and 500 requests for one page that takes 100 ms, over at most 100 connections.
// Article 004, the second program of its comparison, with the lost lines put back. The first one, a
// pool of processes, is an arm of `asyncio compare`.
// Run: build/dev/examples/articles/004_fetch_async
#include <asyncio/http.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = asyncio::http;

http::Application page() {
  http::Application app;
  app.add_get("/", [](http::Request&) -> asyncio::Coro<http::Response> {
    co_await asyncio::sleep(100ms);
    co_return http::Response(std::string(13'000, 'x'), "text/html");
  });
  return app;
}

asyncio::Coro<std::string> fetch_url_data(http::ClientSession& session, std::string url) {
  try {
    auto response = co_await session.get(url).timeout(60s);
    response.raise_for_status();
    co_return co_await response.read();
  } catch (const http::ClientResponseError& error) {
    std::printf("%d from %s\n", error.status(), url.c_str());
  }
  co_return "";
}

asyncio::Coro<std::vector<std::string>> fetch_async(int r, std::string url) {
  http::ClientSession session;
  std::vector<asyncio::Task<std::string>> tasks;
  for (int i = 0; i < r; ++i) {
    tasks.push_back(asyncio::ensure_future(fetch_url_data(session, url)));
  }
  co_return co_await asyncio::gather(tasks);
}

int main() {
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  auto server = loop.run_until_complete(http::start_server(page(), "127.0.0.1", 0));
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  for (int ntimes : {1, 10, 50, 100, 500}) {
    const auto start_time = std::chrono::steady_clock::now();
    auto future = asyncio::ensure_future(fetch_async(ntimes, url));
    loop.run_until_complete(future);
    auto responses = future.result();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start_time;
    std::printf("Retrieved %zu query results in %.1f seconds\n", responses.size(), time.count());
  }
  loop.run_until_complete(server.shutdown(0s));
}
