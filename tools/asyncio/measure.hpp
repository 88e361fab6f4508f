// One run of one arm, measured honestly: each run is a fresh process, so that memory, CPU time and
// threads belong to it alone, and the clock runs in that process, so that starting it costs
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/asyncio/arm.hpp"
#include "tools/asyncio/interrupt.hpp"

namespace asyncio::tool {

struct MeasuredRun {
  double seconds = 0;
  double cpu_seconds = 0;               // user + system, with all child processes of the arm
  std::uint64_t peak_memory_bytes = 0;  // summed over its processes; shared pages count in each
  unsigned threads = 0;                 // at the busiest moment, over all processes
  unsigned processes = 0;
  std::size_t completed = 0;
  std::size_t failures = 0;
  std::string first_error;
};

using ArmFunction = std::function<ArmResult(const ArmJob&)>;
using OnProgress = std::function<void(std::uint64_t done, std::uint64_t failures)>;

/// Runs `arguments` as a child that reads an encoded job from kChildInputFd and answers on
/// kChildReportFd, and watches it. `on_progress` is called about 20 times a second, with the last
/// known counts when nothing new came. Errors: ToolError with the child's own words; Interrupted
/// after a signal, when the child and all its descendants are dead and reaped.
MeasuredRun measure_in_child(const std::vector<std::string>& arguments, const ArmJob& job,
                             const InterruptWatch& interrupt, const OnProgress& on_progress);

/// The arguments that make this very program run an arm: measure_here in a fresh process.
std::vector<std::string> own_arm_arguments(const ArmSpec& arm);

/// The child's side: decodes the job, runs `arm` between two readings of the clocks, reports.
/// Returns the exit code.
int measure_here(const ArmFunction& arm);

/// The reports of one child, line by line. Lines that mean nothing are skipped.
class RunReport {
 public:
  void read_line(const std::string& line);
  [[nodiscard]] bool complete() const { return complete_; }
  [[nodiscard]] const MeasuredRun& run() const { return run_; }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }

 private:
  MeasuredRun run_;
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  bool complete_ = false;
};

}  // namespace asyncio::tool
