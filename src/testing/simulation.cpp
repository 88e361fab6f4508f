#include "asyncio/testing/simulation.hpp"

#include <cstdlib>
#include <string>

#include "asyncio/base/log.hpp"

namespace asyncio::testing {

std::uint64_t seed_from_environment(std::uint64_t otherwise) {
  const char* text = std::getenv("ASYNCIO_SEED");
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 0);
}

Simulation::Simulation(const SimulationOptions& options)
    : Simulation(std::make_unique<SimulatedBackend>(options)) {}

Simulation::Simulation(std::unique_ptr<SimulatedBackend> backend)
    : backend_(*backend), scheduler_(std::move(backend)) {
  if (backend_.options().hostile) {
    scheduler_.shuffle_equal_deadlines(Random(backend_.options().seed).next());
  }
}

Simulation::~Simulation() {
  try {
    close();
  } catch (...) {
    log(LogLevel::error,
        "simulation: the shutdown failed: " + base::describe(std::current_exception()));
    announce();
  }
}

void Simulation::close() {
  if (scheduler_.is_closed()) return;
  struct CloseLoop {
    Scheduler& scheduler;
    ~CloseLoop() { scheduler.close(); }
  } const at_last{scheduler_};
  asyncio::detail::cancel_and_join_all(scheduler_);
}

void Simulation::drive(const AnyTask& task) {
  task.task_block()->expect_pending();
  try {
    asyncio::detail::run_until_done(scheduler_, task);
  } catch (...) {
    announce();
    throw;
  }
  if (!task.cancelled() && task.task_block()->error()) announce();
}

void Simulation::announce() noexcept {
  log(LogLevel::info,
      "simulation failed after " +
          std::to_string(std::chrono::duration<double>(elapsed()).count()) +
          " virtual seconds; replay with ASYNCIO_SEED=" + std::to_string(backend_.options().seed));
}

}  // namespace asyncio::testing
