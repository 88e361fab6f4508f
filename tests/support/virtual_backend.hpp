// The simulated world under the names that unit tests use.
#pragma once

#include <memory>

#include "asyncio/testing/simulated_backend.hpp"

namespace asyncio::test {

/// Thrown when nothing can ever happen: every task waits, and no timer is armed.
using Deadlock = testing::Deadlock;

/// Its clock stands still until every task waits, then jumps to the next deadline.
using VirtualBackend = testing::SimulatedBackend;

}  // namespace asyncio::test
