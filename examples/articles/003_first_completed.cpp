// Three servers, and the second is slow: its answer is waited for last, not in the middle.
// Article 003, "What asynchronous means", scaled: 1 second stands for the article's 10.
// Run: build/dev/examples/articles/003_first_completed
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<std::string> request(std::string server, asyncio::Delay answers_after) {
  co_await asyncio::sleep(answers_after);
  co_return "data of " + server;
}

asyncio::Coro<> main_task() {
  const auto start = std::chrono::steady_clock::now();
  std::vector<asyncio::Task<std::string>> pending;
  pending.push_back(asyncio::create_task(request("server 1", 100ms)));
  pending.push_back(asyncio::create_task(request("server 2", 1s)));
  pending.push_back(asyncio::create_task(request("server 3", 200ms)));

  while (!pending.empty()) {
    auto outcome = co_await asyncio::wait(pending, {.return_when = asyncio::FIRST_COMPLETED});
    for (const auto& task : outcome.done) std::puts(task.result().c_str());
    pending = outcome.pending;
  }
  const std::chrono::duration<double> total = std::chrono::steady_clock::now() - start;
  std::printf("Total time: %.2f\n", total.count());
}

int main() { asyncio::run(main_task()); }
