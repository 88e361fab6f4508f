// Four sites at once with a client that awaits: together they take as long as the slowest.
// Article 000, its program mended: requests.get would block (000_blocking_call.cpp). The sites are
// pages of a server in this program, which answers after 100, 200, 300 and 400 ms.
// Run: build/dev/examples/articles/000_get_response
#include <asyncio/http.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = asyncio::http;

const std::vector<std::string> kSites = {"www.google.com", "www.linkedin.com", "www.quora.com",
                                         "www.facebook.com"};

http::Application sites() {
  http::Application app;
  auto delay = 0ms;
  for (const auto& site : kSites) {
    delay += 100ms;
    // The application keeps the handler, so the captures are there while it waits.
    app.add_get("/" + site, [delay](http::Request&) -> asyncio::Coro<http::Response> {
      co_await asyncio::sleep(delay);
      co_return http::Response("<html></html>", "text/html");
    });
  }
  return app;
}

asyncio::Coro<http::ClientResponse> get_response(http::ClientSession& session, std::string site) {
  co_return co_await session.get(site);
}

asyncio::Coro<> main_task() {
  auto server = co_await http::start_server(sites(), "127.0.0.1", 0);
  http::ClientSession session;

  std::vector<asyncio::Task<http::ClientResponse>> tasks;
  for (const auto& site : kSites) {
    auto url = "http://127.0.0.1:" + std::to_string(server.port()) + "/" + site;
    tasks.push_back(asyncio::ensure_future(get_response(session, url)));
  }
  auto responses = co_await asyncio::gather(tasks);
  for (const auto& response : responses) {
    std::printf("%s %d\n", response.url().to_string().c_str(), response.status());
  }
  co_await server.shutdown(0s);
}

int main() {
  const auto start_time = std::chrono::steady_clock::now();
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  loop.run_until_complete(main_task());
  loop.close();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_time;
  std::printf("Time taken for asyncio %.1f\n", taken.count());
}
