// A loop in a simulated world: where a test of a program begins.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/drive.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/testing/simulated_backend.hpp"

namespace asyncio::testing {

/// The number in the environment variable ASYNCIO_SEED, else `otherwise`. Nothing reads it unasked:
/// `Simulation sim{{.seed = seed_from_environment()}};`
[[nodiscard]] std::uint64_t seed_from_environment(std::uint64_t otherwise = 0);

/// Runs programs in a simulated world. The same seed gives the same run, event for event. When a
/// run fails, how to have it again is logged: "replay with ASYNCIO_SEED=7".
///
///   asyncio::testing::Simulation sim{{.seed = 7}};
///   sim.network().add_host("shop", "10.0.0.2");
///   sim.run(buy("http://shop/"));
class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options = {});
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  /// Cancels what still runs, waits for its end and closes the loop, as run() does.
  ~Simulation();

  /// Runs the awaitable as the main task and gives its result. Throws what it fails with; Deadlock
  /// when nothing can ever run again; Livelock. May be called again.
  template <class A>
  auto run(A&& main) {
    auto task = asyncio::detail::spawn_any(scheduler_, std::forward<A>(main), TaskOptions());
    drive(task);
    return std::move(task).result();
  }
  /// Cancels what still runs, waits for its end and closes the loop; the destructor's work, where a
  /// test wants to see what it throws.
  void close();

  [[nodiscard]] SimulatedBackend& backend() noexcept { return backend_; }
  [[nodiscard]] Network& network() noexcept { return backend_.network(); }
  [[nodiscard]] Scheduler& scheduler() noexcept { return scheduler_; }
  /// Since the start.
  [[nodiscard]] Nanoseconds elapsed() const noexcept { return backend_.elapsed(); }
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return backend_.trace().hash(); }

 private:
  explicit Simulation(std::unique_ptr<SimulatedBackend> backend);
  void drive(const AnyTask& task);
  void announce() noexcept;

  SimulatedBackend& backend_;
  Scheduler scheduler_;
};

}  // namespace asyncio::testing
