// alloc_torture: the k-th allocation fails.
#include <new>

#include "asyncio/base/error.hpp"
#include "asyncio/base/pool.hpp"
#include "testing/torture_run.hpp"

namespace asyncio::testing {

TortureReport alloc_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "alloc", options);
  return session.take();
}

}  // namespace asyncio::testing
