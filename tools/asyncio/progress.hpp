// Live progress on a terminal: one bar for a download, one line per arm for a comparison.
// It draws only where a person looks (a tty), at most ten times a second, and takes itself away
// before anything else is printed. The clock and the writer are arguments, so that tests use a fake
// clock.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/asyncio/terminal.hpp"

namespace asyncio::tool {

using Clock = std::function<std::chrono::steady_clock::time_point()>;
using Writer = std::function<void(std::string_view)>;

/// What one bar shows. A total of 0 means unknown: no bar and no ETA then, only counts and rates.
struct ProgressState {
  std::string label;
  std::uint64_t done = 0;
  double under_way = 0;  // parts of items that are not done, added up
  std::uint64_t total = 0;
  std::uint64_t failures = 0;
  std::uint64_t bytes = 0;  // 0: a rate of items per second is shown instead of bytes per second
  double elapsed_seconds = 0;
};

/// Seconds left at the average pace so far; nothing before the first progress or without a total.
std::optional<double> remaining_seconds(const ProgressState& state);

/// "█████▌    " of exactly `columns` columns, in eighths of a column.
std::string render_bar(double fraction, unsigned columns);

/// One line that never wraps: label, bar, done/total, rate, ETA, failures.
std::string render_progress(const ProgressState& state, const Terminal& terminal);

/// A block of lines at the bottom of the terminal that is redrawn in place.
class LiveLines {
 public:
  LiveLines(Terminal terminal, Clock clock, Writer writer);
  ~LiveLines();
  LiveLines(const LiveLines&) = delete;
  LiveLines& operator=(const LiveLines&) = delete;

  /// Whether draw() would write now. False off a tty, so callers need not render in vain.
  [[nodiscard]] bool due() const;
  /// Replaces the block, unless the last drawing was less than 100 ms ago or this is no tty.
  void draw(const std::vector<std::string>& lines);
  /// Removes the block, so that ordinary output can follow. The next draw() is due at once.
  void clear();

 private:
  Terminal terminal_;
  Clock clock_;
  Writer writer_;
  std::size_t lines_on_screen_ = 0;
  std::optional<std::chrono::steady_clock::time_point> last_drawn_;
};

/// One bar. Construct it when the work starts: its elapsed time counts from there.
class ProgressBar {
 public:
  ProgressBar(Terminal terminal, std::string label, std::uint64_t total,
              Clock clock = std::chrono::steady_clock::now, Writer writer = write_stderr);

  /// What there is beside whole items.
  struct Extent {
    std::uint64_t bytes = 0;
    double under_way = 0;  // parts of items that are not done, added up
  };
  void update(std::uint64_t done, std::uint64_t failures, Extent extent);
  void update(std::uint64_t done) { update(done, 0, Extent()); }
  /// Removes the bar. update() brings it back.
  void clear();

 private:
  ProgressState state_;
  Terminal terminal_;
  Clock clock_;
  std::chrono::steady_clock::time_point started_;
  LiveLines live_;
};

/// One line per arm: those that are done, the one that runs, those that wait. Off a tty (in a log)
/// it writes one plain line whenever an arm ends.
class ArmsProgress {
 public:
  ArmsProgress(Terminal terminal, std::vector<std::string> arms,
               Clock clock = std::chrono::steady_clock::now, Writer writer = write_stderr);

  /// Starts a round of `n` items each: every arm waits again.
  void begin_round(std::uint64_t n);
  void begin_arm(std::size_t arm);
  void update(std::uint64_t done, std::uint64_t failures);
  /// `outcome` replaces the bar: "0.52 s". Always drawn, not throttled away.
  void end_arm(const std::string& outcome);
  void clear();

 private:
  [[nodiscard]] std::vector<std::string> lines() const;

  struct Line {
    std::string label;
    std::string outcome;
    bool started = false;
  };
  std::vector<Line> lines_;
  ProgressState running_;
  std::size_t current_ = 0;
  Terminal terminal_;
  Clock clock_;
  Writer writer_;
  std::chrono::steady_clock::time_point arm_started_;
  LiveLines live_;
};

}  // namespace asyncio::tool
