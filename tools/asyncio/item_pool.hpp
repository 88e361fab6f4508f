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

/// job.arm.workers threads over one atomic index.
ArmResult run_in_threads(const ArmJob& job, const MakeWorker& make_worker);

/// job.arm.workers forked processes over one atomic index in shared memory; each reports every item
/// through a pipe. A worker that dies costs its item (a failure), never a hang.
ArmResult run_in_processes(const ArmJob& job, const MakeWorker& make_worker);

/// Whichever of the three job.arm names.
ArmResult run_blocking(const ArmJob& job, const MakeWorker& make_worker);

}  // namespace asyncio::tool
