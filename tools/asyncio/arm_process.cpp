#include "tools/asyncio/arm_process.hpp"

#include "tools/asyncio/asyncio_arms.hpp"
#include "tools/asyncio/blocking_arms.hpp"
#include "tools/asyncio/cpu_arms.hpp"
#include "tools/asyncio/measure.hpp"

namespace asyncio::tool {

int run_arm_process() {
  return measure_here([](const ArmJob& job) {
    if (job.arm.kind == ArmKind::asyncio) return run_asyncio_arm(job);
    return job.workload == Workload::cpu ? run_cpu_arm(job) : run_blocking_arm(job);
  });
}

}  // namespace asyncio::tool
