// What the clients of the item `tls` are asked, and what they answer; the same for both.
#pragma once

#include <time.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/http/load.hpp"

namespace bench {

/// `PROGRAM get|meet PORT CAFILE REQUESTS IN_FLIGHT WARM_UP [SERVER_PID]`: so many GETs of /page
/// over connections that are kept, or of / over a new one each; the first WARM_UP are not counted.
struct TlsLoad {
  bool meet = false;
  int port = 0;
  std::string cafile;
  std::size_t requests = 0;
  std::size_t in_flight = 0;
  std::size_t warm_up = 0;
  pid_t server = 0;

  [[nodiscard]] std::string target() const { return meet ? "/" : "/page"; }

  static TlsLoad parse(int argc, char** argv) {
    if (argc < 7) {
      std::fprintf(stderr, "usage: %s get|meet PORT CAFILE REQUESTS IN_FLIGHT WARM_UP [PID]\n",
                   argv[0]);
      std::exit(2);
    }
    TlsLoad load;
    load.meet = std::string_view(argv[1]) == "meet";
    load.port = std::atoi(argv[2]);
    load.cafile = argv[3];
    load.requests = std::strtoull(argv[4], nullptr, 10);
    load.in_flight = std::strtoull(argv[5], nullptr, 10);
    load.warm_up = std::strtoull(argv[6], nullptr, 10);
    if (argc > 7) load.server = std::atoi(argv[7]);
    return load;
  }
};

/// The CPU time of this process and of the server's since it was made.
class TlsStopwatch {
 public:
  explicit TlsStopwatch(pid_t server) : server_(server), server_began_(server_cpu_seconds()) {}

  void print(const Tally& tally, std::size_t resumed) const {
    tally.print(own_);
    std::printf("server_cpu %.6f\nresumed %zu\n", server_cpu_seconds() - server_began_, resumed);
  }

 private:
  [[nodiscard]] double server_cpu_seconds() const {
    clockid_t clock{};
    timespec time{};
    if (server_ == 0 || clock_getcpuclockid(server_, &clock) != 0) return 0;
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

  pid_t server_;
  double server_began_;
  Stopwatch own_;
};

}  // namespace bench
