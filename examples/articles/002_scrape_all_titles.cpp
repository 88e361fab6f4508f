// The pages of 57 films on one thread: about as long as one page, which takes 100 ms here.
// Article 002, "Asyncio (Concurrency)"; its site is a server in this program. The race against
// threads and processes, for 50 to 450 films, is `asyncio compare --sizes 50:450:50`.
// Run: build/dev/examples/articles/002_scrape_all_titles
#include <asyncio/http.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "movies_list.hpp"

using namespace std::chrono_literals;
namespace http = asyncio::http;

http::Application imdb() {
  http::Application app;
  app.add_get(
      "/title/{id}/fullcredits", [](http::Request& request) -> asyncio::Coro<http::Response> {
        co_await asyncio::sleep(100ms);
        co_return http::Response("<h1>Cast of " + request.match_info("id") + "</h1>", "text/html");
      });
  return app;
}

asyncio::Coro<std::string> get_html_by_movie_id_new(std::string url, http::ClientSession& session) {
  auto response = co_await session.request("GET", url);
  std::string html = co_await response.text();
  co_return html;
}

asyncio::Coro<std::vector<std::string>> scrape_all_titles(std::string site) {
  http::ClientSession session;
  std::vector<asyncio::Coro<std::string>> tasks;
  for (std::string_view movie_id : movies_list) {
    auto url = site + "/title/" + std::string(movie_id) + "/fullcredits";
    tasks.push_back(get_html_by_movie_id_new(url, session));
  }
  co_return co_await asyncio::gather(std::move(tasks));
}

asyncio::Coro<> main_task() {
  auto server = co_await http::start_server(imdb(), "127.0.0.1", 0);
  const auto s = std::chrono::steady_clock::now();
  auto result = co_await scrape_all_titles("http://127.0.0.1:" + std::to_string(server.port()));
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - s;

  std::printf("%zu pages, from %s to %s\n", result.size(), result.front().c_str(),
              result.back().c_str());
  std::printf("Executed in %.1f seconds.\n", elapsed.count());
}

int main() { asyncio::run(main_task()); }
