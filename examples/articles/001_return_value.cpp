// `await` gives what the coroutine returns. Article 001, "How to Return a Value in a Coroutine
// Function in Asyncio", whose own program returns nothing.
// Run: build/dev/examples/articles/001_return_value
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <memory>
#include <string>

asyncio::Coro<std::string> greeting() { co_return "Hello, asyncio!"; }

asyncio::Coro<std::unique_ptr<int>> answer() { co_return std::make_unique<int>(42); }

asyncio::Coro<int> main_task() {
  std::string text = co_await greeting();
  std::puts(text.c_str());

  std::unique_ptr<int> number = co_await answer();  // any type that can be moved
  co_return *number;
}

int main() { std::printf("%d\n", asyncio::run(main_task())); }
