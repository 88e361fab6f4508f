#include "bench/core/meter.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

namespace bench {
namespace {

double read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace

double thread_cpu_ns() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
double process_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
double wall_ns() { return read_clock(CLOCK_MONOTONIC); }

double ns_per_operation(Item item, std::size_t least_n, const Effort& effort) {
  std::size_t n = least_n;
  while (item(n) < effort.repeat_ns) n *= 2;
  std::vector<double> times;
  for (int i = 0; i < effort.repeats; ++i) times.push_back(item(n) / static_cast<double>(n));
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void print_row(std::string_view row, std::string_view unit, double value) {
  std::printf("%.*s\t%.*s\t%.4g\n", static_cast<int>(row.size()), row.data(),
              static_cast<int>(unit.size()), unit.data(), value);
  std::fflush(stdout);
}

}  // namespace bench
