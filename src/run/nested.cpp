#include "asyncio/run/nested.hpp"

namespace asyncio::nest_asyncio {

void apply(EventLoop& loop) { loop.scheduler().allow_nesting(); }

}  // namespace asyncio::nest_asyncio
