// Counts the calls of operator new in this thread. It replaces operator new, so one file of a test
// program includes it. Not under ThreadSanitizer, whose own operator new is linked in whole.
#pragma once

#include <cstdlib>
#include <new>

// g++ with a sanitizer sees new inlined beside a free() that is not, and takes them for strangers.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

#define TEST_COUNTS_HEAP_CALLS 1
#if defined(__SANITIZE_THREAD__)
#undef TEST_COUNTS_HEAP_CALLS
#define TEST_COUNTS_HEAP_CALLS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#undef TEST_COUNTS_HEAP_CALLS
#define TEST_COUNTS_HEAP_CALLS 0
#endif
#endif

namespace asyncio::test {

inline thread_local long heap_calls = 0;

}  // namespace asyncio::test

#if TEST_COUNTS_HEAP_CALLS
void* operator new(std::size_t size) {
  ++asyncio::test::heap_calls;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif
