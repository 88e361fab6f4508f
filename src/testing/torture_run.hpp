// One run of a scenario, watched.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/observer.hpp"
#include "asyncio/task/task.hpp"
#include "asyncio/testing/torture.hpp"

namespace asyncio::testing {

/// Numbers the tasks of a run in the order in which they start, and counts their suspensions.
class TaskRecorder : public asyncio::detail::TaskObserver {
 public:
  struct Seen {
    asyncio::detail::TaskBase* task;
    std::uint32_t parks = 0;
  };
  static constexpr std::size_t kNone = ~std::size_t{0};

  [[nodiscard]] const std::vector<Seen>& seen() const noexcept { return seen_; }
  /// Over what the tasks did.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

  void on_start(asyncio::detail::TaskBase& task) noexcept override;
  void on_park(asyncio::detail::TaskBase& task, bool woken) noexcept override;
  void on_wake(asyncio::detail::TaskBase& task) noexcept override;
  void on_step_end() noexcept override {}

 protected:
  ~TaskRecorder() = default;
  [[nodiscard]] std::size_t number_of(const asyncio::detail::TaskBase& task) const noexcept;

 private:
  void mix(std::size_t event, std::size_t number) noexcept {
    hash_ = (hash_ ^ (event + number * 8)) * 0x100000001B3U;
  }
  std::vector<Seen> seen_;
  std::uint64_t hash_ = 0xCBF29CE484222325U;
};

/// What a driver may do in a run.
struct RunSetup {
  std::uint64_t seed = 0;
  TaskRecorder* recorder = nullptr;
  std::function<void(SimulatedBackend&)> prepare = {};
  std::function<void()> main_begins = {};
  std::function<void()> main_ended = {};                // before the others are cancelled
  std::function<void(SimulatedBackend&)> inspect = {};  // when all have ended
  std::vector<std::string_view> tolerated = {};         // beside what the scenario says
  bool (*may_fail_with)(const std::exception_ptr&) = nullptr;
  bool keep_events = false;
};

class TortureRun {
 public:
  TortureRun(const Scenario& scenario, const RunSetup& setup);
  /// What is wrong; empty when nothing is.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] std::uint64_t trace_hash() const noexcept { return hash_; }
  [[nodiscard]] const std::string& events() const noexcept { return events_; }

 private:
  void run(const RunSetup& setup);
  void run_main(std::unique_ptr<SimulatedBackend> world, const RunSetup& setup);
  void run_program(const SimulationOptions& options, const RunSetup& setup);
  void prepare(SimulatedBackend& world, const RunSetup& setup);
  void look_back(SimulatedBackend& world, const RunSetup& setup);
  void drive(Scheduler& scheduler, const RunSetup& setup);
  void judge(const std::exception_ptr& error, const RunSetup& setup);
  void complain(const std::string& what);

  std::vector<std::string_view> tolerated_;
  const Scenario* scenario_;
  std::string problem_;
  std::string events_;
  std::uint64_t hash_ = 0;
};

/// Collects a report: makes runs until there are enough failures.
class TortureSession {
 public:
  TortureSession(const Scenario& scenario, std::string_view driver, const TortureOptions& options)
      : scenario_(&scenario), driver_(driver), options_(&options) {}

  [[nodiscard]] bool enough() const noexcept {
    return report_.failures.size() >= options_->most_failures;
  }
  /// Makes one run, which `place()` ("task=1 at=3 mode=woken") tells from the others.
  void run(const RunSetup& setup, const std::function<std::string()>& place);
  /// A run in which nothing goes wrong, twice: it must not fail, and both must have the same trace.
  /// False when there is no use in going on.
  bool run_clean(RunSetup setup);
  [[nodiscard]] TortureReport take() { return std::move(report_); }

 private:
  [[nodiscard]] std::string line(const std::string& place, std::uint64_t seed) const;
  void fail(const std::string& problem, const std::string& replay);

  const Scenario* scenario_;
  std::string_view driver_;
  const TortureOptions* options_;
  TortureReport report_;
};

/// Whether it is an error of the world: OSError and its kin.
bool is_world_error(const std::exception_ptr& error);

}  // namespace asyncio::testing
