#include "asyncio/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace asyncio::base {

void check_failed(const char* file, int line, const char* condition, const char* message) noexcept {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s (%s)\n", file, line, condition, message);
  std::abort();
}

}  // namespace asyncio::base
