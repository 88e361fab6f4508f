// The threads that nobody joins. The process must not tear down its globals under them, so it ends
// after them, as Python's does.
#pragma once

#include <cstddef>

namespace asyncio::detail {

void add_strays(std::size_t threads);
/// By each of them, as its last act.
void remove_stray() noexcept;

}  // namespace asyncio::detail
