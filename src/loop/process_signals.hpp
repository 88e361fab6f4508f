// The signals of this process, each with at most one listener.
#pragma once

#include "asyncio/loop/backend.hpp"

namespace asyncio::detail {

/// As Backend::catch_signal and release_signal.
int catch_process_signal(int number, SignalListener& listener) noexcept;
void release_process_signal(int number, SignalListener& listener) noexcept;

}  // namespace asyncio::detail
