// What article 000 runs into without saying so: its coroutine calls a blocking function, so four
// requests of 0.2 s take 0.8 s, one after another. Only `co_await` lets the others run.
// Run: build/dev/examples/articles/000_blocking_call
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::string requests_get(const std::string& site) {
  std::this_thread::sleep_for(200ms);
  return "<html>" + site + "</html>";
}

asyncio::Coro<std::string> get_response(std::string site) { co_return requests_get(site); }

asyncio::Coro<> main_task() {
  std::vector<std::string> sites = {"http://www.google.com", "http://www.linkedin.com",
                                    "http://www.quora.com", "http://www.facebook.com"};
  std::vector<asyncio::Task<std::string>> tasks;
  for (const auto& site : sites) {
    tasks.push_back(asyncio::ensure_future(get_response(site)));
  }
  co_await asyncio::gather(tasks);
}

int main() {
  const auto start_time = std::chrono::steady_clock::now();
  asyncio::EventLoop& loop = asyncio::get_event_loop();
  loop.run_until_complete(main_task());
  loop.close();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_time;
  std::printf("Time taken for asyncio %.2f\n", taken.count());
}
