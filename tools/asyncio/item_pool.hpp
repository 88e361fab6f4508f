// How work is shared among blocking workers: each takes the next item until none is left. The same
// for fetching pages and for computing; only what a worker does with an item differs.
#pragma once

#include <functional>
#include <string>

#include "tools/asyncio/arm.hpp"

namespace asyncio::tool {

/// Does one item; returns "" or what went wrong. Made once per worker, in that worker.
using DoItem = std::function<std::string(std::size_t item)>;
using MakeWorker = std::function<DoItem()>;

/// One after another in this thread; stops after the item during which job.bound passed.
ArmResult run_sequentially(const ArmJob& job, const MakeWorker& make_worker);

/// On a ThreadPoolExecutor of job.arm.workers threads.
ArmResult run_in_threads(const ArmJob& job, const MakeWorker& make_worker);

/// In a ProcessPoolExecutor of job.arm.workers processes. A worker that dies costs its item (a
/// failure), never a hang. Call it while this process has one thread.
ArmResult run_in_processes(const ArmJob& job, const MakeWorker& make_worker);

/// Whichever of the three job.arm names.
ArmResult run_blocking(const ArmJob& job, const MakeWorker& make_worker);

}  // namespace asyncio::tool
