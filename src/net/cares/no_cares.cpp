// A build without c-ares.
#include "net/name_source.hpp"

namespace asyncio::detail {

bool has_async_source() noexcept { return false; }

std::shared_ptr<NameSource> make_async_source(Scheduler& /*scheduler*/,
                                              const AsyncResolver& /*options*/, std::string& why) {
  why = "the library was built without it";
  return nullptr;
}

}  // namespace asyncio::detail
