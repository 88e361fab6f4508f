// How the kernel's calls are made here: their result, or -errno.
#pragma once

#include <cerrno>

namespace asyncio::detail {

/// A call that a signal has interrupted is made again.
template <class Call>
auto checked(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(call())>(-errno);
  }
}

}  // namespace asyncio::detail
