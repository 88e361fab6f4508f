// Three blocking calls of a second each take three seconds.
// Article 002, "If we were to do this sequentially": time.sleep(1), without asyncio.
// Run: build/dev/examples/articles/002_sequential
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

std::string return_something() {
  std::this_thread::sleep_for(1s);
  return "hello!";
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
  std::vector<std::string> result;
  for (int i = 0; i < 3; ++i) result.push_back(return_something());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - s;

  print(result);
  std::printf("Executed in %.2f seconds.\n", elapsed.count());
}
