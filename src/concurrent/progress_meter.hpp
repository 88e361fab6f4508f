// How far a Parallel is, for people: a bar on a terminal, lines elsewhere, a callback.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>

#include "asyncio/concurrent/parallel_run.hpp"

namespace asyncio::detail {

/// "[Parallel(n_jobs=2)]  50% |##########          | 5/10 [1.2s<1.2s]": what was spent, and what is
/// left at this pace.
[[nodiscard]] std::string render_progress_bar(int n_jobs, std::size_t done, std::size_t total,
                                              double seconds, bool colour);
/// "[Parallel(n_jobs=2)]: Done   4 out of  10 | elapsed:    0.8s", with "remaining:" or "finished".
[[nodiscard]] std::string render_progress_line(int n_jobs, std::size_t done, std::size_t total,
                                               double seconds);

class ProgressMeter {
 public:
  ProgressMeter(const concurrent::ParallelOptions& options, int n_jobs, std::size_t total,
                ParallelProgress progress);
  ProgressMeter(const ProgressMeter&) = delete;
  ProgressMeter& operator=(const ProgressMeter&) = delete;
  /// Takes the bar away.
  ~ProgressMeter();

  /// Any thread; what comes late is left out. Throws what the callback throws.
  void update(std::size_t done);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(std::size_t done, Clock::time_point now);
  void write_line(std::size_t done, Clock::time_point now);
  [[nodiscard]] double seconds(Clock::time_point now) const;

  const int n_jobs_;
  const std::size_t total_;
  const int verbose_;
  const bool bar_;
  const bool colour_;
  const ParallelProgress progress_;
  const Clock::time_point begun_ = Clock::now();
  std::mutex mutex_;
  std::size_t done_ = 0;
  bool drawn_ = false;
  Clock::time_point next_draw_ = begun_;
  Clock::time_point next_line_ = begun_ + std::chrono::seconds(1);
};

}  // namespace asyncio::detail
