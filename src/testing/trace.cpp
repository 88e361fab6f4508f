#include "asyncio/testing/trace.hpp"

#include <cstdio>

namespace asyncio::testing {

std::string EventTrace::text() const {
  std::string all;
  for (const Event& event : events_) {
    char line[128];
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(event.time);
    std::snprintf(line, sizeof line, "+%lld.%09lld %s %lld = %lld\n",
                  static_cast<long long>(seconds.count()),
                  static_cast<long long>((event.time - seconds).count()), event.name,
                  static_cast<long long>(event.subject), static_cast<long long>(event.result));
    all += line;
  }
  return all;
}

}  // namespace asyncio::testing
