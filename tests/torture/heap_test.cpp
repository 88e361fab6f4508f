// The heap of this program is part of what alloc_torture fails. Also: that it finds what it should.
#include <cstdlib>
#include <new>

#include "torture/torture.hpp"

// Not under ThreadSanitizer, whose own operator new is linked in whole.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HEAP_TEST_REPLACES_NEW 0
#endif
#endif
#ifndef HEAP_TEST_REPLACES_NEW
#define HEAP_TEST_REPLACES_NEW 1
void* operator new(std::size_t size) {
  asyncio::testing::before_heap_allocation();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace asyncio::torture {
namespace {

// Counts first, and forgets that the second step may fail.
Coro<> forgets(int& open, std::string& wrong) {
  ++open;
  auto text = std::make_unique<std::string>(100, 'x');
  co_await sleep(0s);
  --open;
  if (text->size() != 100) wrong = "another text";
}

TEST(torture, finds_what_a_failing_heap_allocation_breaks) {
  if (HEAP_TEST_REPLACES_NEW == 0) GTEST_SKIP() << "the heap is not ours";
  int open = 0;
  std::string wrong;
  Scenario scenario("forgets", [&] {
    open = 0;
    return forgets(open, wrong);
  });
  scenario.check([&] { return open == 0 ? wrong : "still open"; });
  const TortureReport report = alloc_torture(scenario);
  total_runs += report.runs;
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.failures[0].find("forgets: still open"), std::string::npos);
  EXPECT_NE(report.failures[0].find("replay with ASYNCIO_TORTURE='forgets alloc allocation="),
            std::string::npos)
      << report.failures[0];
}

}  // namespace
}  // namespace asyncio::torture
