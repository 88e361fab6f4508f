// The hidden command `asyncio __arm`: reads a job, runs the arm it names, reports. See measure.hpp.
#pragma once

namespace asyncio::tool {

/// Returns the exit code.
int run_arm_process();

}  // namespace asyncio::tool
