// "This library can come in handy when you are dealing with APIs that are implemented with a
// polling mechanism": 20 jobs of one second each, asked for every 100 ms until they are done.
// Article 000, the first and the last paragraph. The API is a server in this program: 202 while a
// job runs, then 200.
// Run: build/dev/examples/articles/000_polling
#include <asyncio/http.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace http = asyncio::http;
using Clock = std::chrono::steady_clock;

http::Application job_api() {
  http::Application app;
  app.add_get(
      "/jobs/{id}",
      [started = std::map<std::string, Clock::time_point>()](
          http::Request& request) mutable -> asyncio::Coro<http::Response> {
        const auto [job, is_new] = started.try_emplace(request.match_info("id"), Clock::now());
        const bool done = Clock::now() - job->second >= 1s;
        co_return http::Response(done ? "result of " + job->first : "wait", done ? 200 : 202);
      });
  return app;
}

asyncio::Coro<std::string> poll(http::ClientSession& session, std::string url) {
  while (true) {
    auto response = co_await session.get(url);
    std::string text = co_await response.text();
    if (response.status() == 200) co_return text;
    co_await asyncio::sleep(100ms);
  }
}

asyncio::Coro<> main_task() {
  auto server = co_await http::start_server(job_api(), "127.0.0.1", 0);
  http::ClientSession session;
  const auto start = Clock::now();

  std::vector<asyncio::Coro<std::string>> jobs;
  for (int i = 1; i <= 20; ++i) {
    auto url = "http://127.0.0.1:" + std::to_string(server.port()) + "/jobs/" + std::to_string(i);
    jobs.push_back(poll(session, url));
  }
  auto results = co_await asyncio::gather(std::move(jobs));

  const std::chrono::duration<double> taken = Clock::now() - start;
  std::printf("%s ... %s\n", results.front().c_str(), results.back().c_str());
  std::printf("20 jobs of 1 second took %.1f seconds.\n", taken.count());
}

int main() { asyncio::run(main_task()); }
