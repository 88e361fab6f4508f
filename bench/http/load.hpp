// What a client is asked, and what it answers; the same for all of them.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bench {

/// `PROGRAM URL REQUESTS IN_FLIGHT WARM_UP [close]`: so many GETs, so many at once; the first
/// WARM_UP of them, with the connects, are not counted. `close`: each on a connection of its own,
/// with "Connection: close".
struct Load {
  std::string url;
  std::size_t requests = 0;
  std::size_t in_flight = 0;
  std::size_t warm_up = 0;
  bool close = false;

  static Load parse(int argc, char** argv) {
    if (argc < 5) {
      std::fprintf(stderr, "usage: %s URL REQUESTS IN_FLIGHT WARM_UP [close]\n", argv[0]);
      std::exit(2);
    }
    return {argv[1], std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10),
            std::strtoull(argv[4], nullptr, 10), argc > 5 && std::string_view(argv[5]) == "close"};
  }
};

/// CPU time of this process, user and system, and the time on the wall, since it was made.
class Stopwatch {
 public:
  [[nodiscard]] double cpu_seconds() const { return cpu_now() - cpu_; }
  [[nodiscard]] double wall_seconds() const {
    return std::chrono::duration<double>(Clock::now() - wall_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double cpu_now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  static double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  }

  double cpu_ = cpu_now();
  Clock::time_point wall_ = Clock::now();
};

/// What was done while the watch ran.
struct Tally {
  std::size_t completed = 0;
  std::size_t failed = 0;
  std::size_t bytes = 0;

  void print(const Stopwatch& watch) const {
    std::printf("completed %zu\nfailed %zu\nbytes %zu\ncpu %.6f\nwall %.6f\n", completed, failed,
                bytes, watch.cpu_seconds(), watch.wall_seconds());
  }
};

}  // namespace bench
