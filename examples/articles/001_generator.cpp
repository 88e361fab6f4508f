// Generators, "which can be entered and exited many times"; coroutines are their kin.
// Article 001, "What Is a Coroutine in Asyncio?" and its gen_func().
// Run: build/dev/examples/articles/001_generator
#include <asyncio/asyncio.hpp>
#include <cstdio>
#include <string>

asyncio::Generator<std::string> gen_func() { co_yield "Hello, generator!"; }

asyncio::Generator<int> countdown(int from) {
  for (int i = from; i > 0; --i) co_yield i;
}

int main() {
  auto generator = gen_func();
  std::puts(asyncio::next(generator).c_str());
  try {
    asyncio::next(generator);
  } catch (const asyncio::StopIteration& end) {
    std::puts(end.what());
  }

  for (int number : countdown(3)) std::printf("%d\n", number);
}
