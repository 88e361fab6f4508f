// Takes the time of an operation: CPU time of this thread, so that a busy machine shows less.
#pragma once

#include <cstddef>
#include <string_view>

namespace bench {

/// CPU time used so far by the calling thread, and by the whole process.
double thread_cpu_ns();
double process_cpu_ns();

double wall_ns();

/// The time between two moments, by the clock and by the CPUs of all threads.
struct WallAndCpu {
  double wall_ns = 0;
  double cpu_ns = 0;

  [[nodiscard]] WallAndCpu per(std::size_t n) const {
    return {wall_ns / static_cast<double>(n), cpu_ns / static_cast<double>(n)};
  }
};

class Stopwatch {
 public:
  Stopwatch() : begin_{wall_ns(), process_cpu_ns()} {}
  [[nodiscard]] WallAndCpu read() const {
    return {wall_ns() - begin_.wall_ns, process_cpu_ns() - begin_.cpu_ns};
  }

 private:
  WallAndCpu begin_;
};

/// Performs `n` operations and gives the nanoseconds that they took.
using Item = double (*)(std::size_t n);

/// How much is asked of one measurement.
struct Effort {
  int repeats = 5;                // the median of so many counts
  double repeat_ns = 10'000'000;  // one repeat takes at least this
};

/// The median of ns per operation. `n` is doubled, from `least_n` on, until a repeat is long
/// enough.
double ns_per_operation(Item item, std::size_t least_n, const Effort& effort);

/// One line for the runner: row, unit, value, separated by tabs.
void print_row(std::string_view row, std::string_view unit, double value);

}  // namespace bench
