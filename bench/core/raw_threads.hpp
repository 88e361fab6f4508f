// The yardstick of the thread items: two threads that wake each other, by hand.
#pragma once

#include <cstddef>

#include "bench/core/meter.hpp"

namespace bench {

/// Two threads that sleep in epoll_wait, each until the other one writes to its eventfd.
WallAndCpu raw_round_trips(std::size_t n);

}  // namespace bench
