// The workload with nothing to wait for: about 5 ms of arithmetic per item. It shows where an event
// loop does not help: one thread computes at the speed of one thread.
#pragma once

#include <string>

#include "tools/asyncio/arm.hpp"

namespace asyncio::tool {

/// Does one item of the cpu workload; returns "" or, should the sum be wrong, an error.
/// The asyncio arm runs the same function inside its tasks.
std::string compute_item(std::size_t item);

/// The arms sequential, threads:K and processes:K of the cpu workload.
ArmResult run_cpu_arm(const ArmJob& job);

}  // namespace asyncio::tool
