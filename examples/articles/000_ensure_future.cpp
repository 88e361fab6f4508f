// ensure_future() "takes in a coroutine and returns the future version of it"; given a future it
// returns that one. Article 000, step 2, with a sleep where the article calls requests.get.
// Run: build/dev/examples/articles/000_ensure_future
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<std::string> get_response(std::string site) {
  co_await asyncio::sleep(200ms);
  co_return "<html>" + site + "</html>";
}

asyncio::Coro<> main_task() {
  std::vector<std::string> sites = {"http://www.google.com", "http://www.linkedin.com",
                                    "http://www.quora.com", "http://www.facebook.com"};
  std::vector<asyncio::Task<std::string>> tasks;
  for (const auto& site : sites) {
    tasks.push_back(asyncio::ensure_future(get_response(site)));
  }

  auto same = asyncio::ensure_future(tasks[0]);
  std::printf("the same future: %s\n", same == tasks[0] ? "True" : "False");

  std::vector<std::string> responses = co_await asyncio::gather(tasks);
  for (const auto& response : responses) std::puts(response.c_str());
}

int main() {
  const auto start_time = std::chrono::steady_clock::now();
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  loop.run_until_complete(main_task());
  loop.close();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_time;
  std::printf("Time taken for asyncio %.2f\n", taken.count());
}
