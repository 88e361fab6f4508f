// The arm "asyncio": one thread, one event loop, this library.
#pragma once

#include "tools/asyncio/arm.hpp"

namespace asyncio::tool {

/// io: all items at once as tasks over one http::ClientSession with job.limit connections (0: no
/// limit); body length and status are checked as in blocking_arms.hpp. cpu: the same number of
/// tasks, each calling compute_item() (cpu_arms.hpp). Each finished item is counted in the result
/// and told to job.progress.
ArmResult run_asyncio_arm(const ArmJob& job);

}  // namespace asyncio::tool
