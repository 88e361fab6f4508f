// alloc_torture: the k-th allocation fails.
#include <new>

#include "asyncio/base/error.hpp"
#include "asyncio/base/pool.hpp"
#include "testing/allocation_faults.hpp"
#include "testing/torture_run.hpp"

namespace asyncio::testing {

// --- AllocationFaults
// -----------------------------------------------------------------------------

void AllocationFaults::arm(std::uint64_t index, bool all) noexcept {
  left_ = index;
  all_ = all;
  failed_ = false;
  armed_ = true;
}

bool AllocationFaults::disarm() noexcept {
  armed_ = false;
  return failed_;
}

void AllocationFaults::count() {
  if (!armed_ || spared_ > 0) return;
  if (left_ > 0) {
    --left_;
    return;
  }
  failed_ = true;
  armed_ = all_;
  throw std::bad_alloc();
}

void before_heap_allocation() { AllocationFaults::count(); }

// --- alloc_torture
// --------------------------------------------------------------------------------

namespace {

bool is_out_of_memory(const std::exception_ptr& error) {
  return base::exception_is<std::bad_alloc>(error) || is_world_error(error);
}

#if ASYNCIO_DCHECK
/// Counts what is pooled too, while it lives.
class PoolHook {
 public:
  PoolHook() noexcept {
    base::Pool::before_allocate = [](std::size_t) { AllocationFaults::count(); };
  }
  PoolHook(const PoolHook&) = delete;
  ~PoolHook() { base::Pool::before_allocate = nullptr; }
};
#else
struct PoolHook {
  PoolHook() noexcept {}
};
#endif

// Until one run is over without that so many allocations were made.
void fail_each(TortureSession& session, RunSetup setup, bool all, bool replaying) {
  constexpr std::uint64_t kMost = 100'000;
  bool hit = true;
  setup.main_ended = [&hit] { hit = AllocationFaults::disarm(); };
  for (std::uint64_t index = 0; hit && index < kMost && !session.enough(); ++index) {
    setup.main_begins = [index, all] { AllocationFaults::arm(index, all); };
    hit = replaying;  // which skips runs
    const PoolHook hook;
    session.run(setup, [&] {
      return std::string(all ? "allocations_from=" : "allocation=") + std::to_string(index);
    });
    AllocationFaults::disarm();
  }
}

}  // namespace

TortureReport alloc_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "alloc", options);
  RunSetup setup;
  setup.seed = options.seed;
  setup.may_fail_with = &is_out_of_memory;
  // A coroutine for which there is no task goes unrun, a future that was to be awaited next is
  // dropped, and a server says that it turned a client away.
  // So are its reports when there is no memory for the reason.
  setup.tolerated = {"bad_alloc",
                     "was never awaited",
                     "exception was never retrieved",
                     "out of memory for a new connection",
                     "No memory for the errors of a TaskGroup",
                     "was not propagated because the TaskGroup body",
                     "Exception in callback",
                     "Unhandled exception in client_connected_cb",
                     "exception calling callback"};
  if (!session.run_clean(setup)) return session.take();
  for (const bool all : {false, true}) fail_each(session, setup, all, !options.replay.empty());
  return session.take();
}

}  // namespace asyncio::testing
