// Three pages at once: all requests begin before the first answer, and the results come in the
// order of the URLs although the first page is the slowest. Article 001, "Async and Aiohttp Example
// in Asyncio"; its site is a server in this program. Run:
// build/dev/examples/articles/001_scrape_page
#include <asyncio/http.hpp>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = asyncio::http;

http::Application superdataminer() {
  http::Application app;
  const auto add_post = [&app](const char* id, int length, asyncio::Delay delay) {
    app.add_get(std::string("/posts/") + id, [=](http::Request&) -> asyncio::Coro<http::Response> {
      co_await asyncio::sleep(delay);
      co_return http::Response(std::string(length, 'x'), "text/html");
    });
  };
  add_post("66cff907ce8e", 12873, 150ms);
  add_post("f21878c9897", 12809, 100ms);
  add_post("b24dec228c43", 12920, 50ms);
  return app;
}

asyncio::Coro<std::size_t> scrape_page(http::ClientSession& session, std::string url) {
  std::printf("Scraping %s\n", url.c_str());
  auto resp = co_await session.get(url);
  std::string text = co_await resp.text();
  co_return text.size();
}

asyncio::Coro<> main_task() {
  auto server = co_await http::start_server(superdataminer(), "127.0.0.1", 0);
  std::vector<std::string> urls;
  for (const char* id : {"66cff907ce8e", "f21878c9897", "b24dec228c43"}) {
    urls.push_back("http://127.0.0.1:" + std::to_string(server.port()) + "/posts/" + id);
  }

  http::ClientSession session;
  std::vector<asyncio::Coro<std::size_t>> coro_objs;
  for (const auto& url : urls) coro_objs.push_back(scrape_page(session, url));
  std::vector<std::size_t> results = co_await asyncio::gather(std::move(coro_objs));

  for (std::size_t i = 0; i < urls.size(); ++i) {
    std::printf("%s -> %zu\n", urls[i].c_str(), results[i]);
  }
}

int main() { asyncio::run(main_task()); }
