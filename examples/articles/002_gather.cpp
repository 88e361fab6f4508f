// The article's three steps: an asynchronous function, a second one that gathers many calls of it,
// and something that runs the second. Three seconds become one.
// Article 002, "How can we rewrite this code using Asyncio?".
// Run: build/dev/examples/articles/002_gather
#include <asyncio/asyncio.hpp>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace std::chrono_literals;

asyncio::Coro<std::string> return_something() {
  co_await asyncio::sleep(1s);
  co_return "hello!";
}

asyncio::Coro<std::vector<std::string>> run_multiple_times() {
  std::vector<asyncio::Coro<std::string>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(return_something());
  co_return co_await asyncio::gather(std::move(tasks));
}

void print(const std::vector<std::string>& list) {
  const char* separator = "[";
  for (const auto& text : list) {
    std::printf("%s'%s'", separator, text.c_str());
    separator = ", ";
  }
  std::puts("]");
}

int main() {
  const auto s = std::chrono::steady_clock::now();
  std::vector<std::string> result = asyncio::run(run_multiple_times());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - s;

  print(result);
  std::printf("Executed in %.2f seconds.\n", elapsed.count());
}
