// Whether this is a build with the thread sanitizer. It holds signal handlers back until a call it
// knows, and knows none made by number: a sleep in one of those must end by itself now and then.
#pragma once

#include <chrono>

#include "asyncio/base/delay.hpp"

#if defined(__SANITIZE_THREAD__)
#define ASYNCIO_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ASYNCIO_THREAD_SANITIZER 1
#endif
#endif

namespace asyncio::detail {

#if ASYNCIO_THREAD_SANITIZER
inline constexpr bool kRawSleepsAreShort = true;
#else
inline constexpr bool kRawSleepsAreShort = false;
#endif
inline constexpr Nanoseconds kShortSleep = std::chrono::milliseconds(10);

}  // namespace asyncio::detail
