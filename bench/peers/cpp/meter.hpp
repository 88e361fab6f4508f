// How the peers of bench/core in C++ take and print their times, as bench/core/meter.hpp does.
#pragma once

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace peer {

inline double read_clock(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

inline double thread_cpu_ns() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
inline double process_cpu_ns() { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
inline double wall_ns() { return read_clock(CLOCK_MONOTONIC); }

inline double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline void print_row(const std::string& row, const char* unit, double value) {
  std::printf("%s\t%s\t%.4g\n", row.c_str(), unit, value);
  std::fflush(stdout);
}

struct Effort {
  int repeats;
  double repeat_ns;
};

struct Row {
  const char* name;
  double (*item)(std::size_t n);  // nanoseconds for n operations
  std::size_t least_n;
};

inline double ns_per_operation(const Row& row, const Effort& effort) {
  std::size_t n = row.least_n;
  while (row.item(n) < effort.repeat_ns) n *= 2;
  std::vector<double> times;
  for (int i = 0; i < effort.repeats; ++i) times.push_back(row.item(n) / static_cast<double>(n));
  return median(std::move(times));
}

struct WallAndCpu {
  double wall_ns;
  double cpu_ns;
};

class Stopwatch {
 public:
  /// Since it was made, per operation.
  [[nodiscard]] WallAndCpu read(std::size_t n) const {
    const auto count = static_cast<double>(n);
    return {(wall_ns() - wall_) / count, (process_cpu_ns() - cpu_) / count};
  }

 private:
  double wall_ = wall_ns();
  double cpu_ = process_cpu_ns();
};

/// An item of two threads: the rows "NAME and back, wall" and "..., CPU of both".
inline void print_threads(const std::string& name, WallAndCpu (*item)(std::size_t n),
                          const Effort& effort) {
  const auto n = static_cast<std::size_t>(effort.repeat_ns / 5000);
  std::vector<double> wall;
  std::vector<double> cpu;
  for (int i = 0; i < effort.repeats; ++i) {
    const WallAndCpu time = item(n);
    wall.push_back(time.wall_ns);
    cpu.push_back(time.cpu_ns);
  }
  print_row(name + " and back, wall", "ns", median(std::move(wall)));
  print_row(name + " and back, CPU of both", "ns", median(std::move(cpu)));
}

/// Seconds of a thread's time: when nobody slept yet, when all slept, when all had been woken.
inline void print_sleepers(double begin, double asleep, double end, double bytes_each) {
  print_row("1,000,000 sleepers, start", "s", (asleep - begin) * 1e-9);
  print_row("1,000,000 sleepers, wake", "s", (end - asleep) * 1e-9);
  print_row("1,000,000 sleepers, start + wake", "s", (end - begin) * 1e-9);
  print_row("1,000,000 sleepers, each", "B", bytes_each);
}

}  // namespace peer
