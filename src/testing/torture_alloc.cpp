// alloc_torture: the k-th allocation fails.
#include <new>

#include "asyncio/base/error.hpp"
#include "asyncio/base/pool.hpp"
#include "testing/torture_run.hpp"

namespace asyncio::testing {
namespace {

bool is_out_of_memory(const std::exception_ptr& error) {
  return base::exception_is<std::bad_alloc>(error) || is_world_error(error);
}

// Allocations until one fails, in this thread.
constinit thread_local std::int64_t left = -1;

[[maybe_unused]] void count_down() {
  if (left >= 0 && left-- == 0) throw std::bad_alloc();
}

}  // namespace

TortureReport alloc_torture(const Scenario& scenario, const TortureOptions& options) {
  TortureSession session(scenario, "alloc", options);
  RunSetup setup;
  setup.seed = options.seed;
  setup.may_fail_with = &is_out_of_memory;
  // A coroutine for which there is no task goes unrun, a future that was to be awaited next is
  // dropped, and a server says that it turned a client away.
  setup.tolerated = {"bad_alloc", "was never awaited", "exception was never retrieved",
                     "out of memory for a new connection"};
  if (!session.run_clean(setup)) return session.take();
#if ASYNCIO_DCHECK
  constexpr std::int64_t kMost = 100'000;
  bool hit = true;
  setup.main_ended = [&hit] {
    hit = left < 0;
    left = -1;
  };
  for (std::int64_t index = 0; hit && index < kMost && !session.enough(); ++index) {
    setup.prepare = [index](SimulatedBackend&) { left = index; };
    hit = !options.replay.empty();
    base::Pool::before_allocate = &count_down;
    session.run(setup, [&] { return "allocation=" + std::to_string(index); });
    base::Pool::before_allocate = nullptr;
    left = -1;
  }
#endif
  return session.take();
}

}  // namespace asyncio::testing
