// Counts finished items from any thread and tells the parent process, at most 25 times a second.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace asyncio::tool {

class ArmProgress {
 public:
  /// Writes to `report_fd`; with -1 it only counts.
  explicit ArmProgress(int report_fd) : report_fd_(report_fd) {}

  /// One more item is finished. Cheap: two additions, and a clock reading.
  /// Threads: any; with forked workers, the process that collects.
  void finished_one(bool ok);

 private:
  void tell(std::uint64_t done, std::uint64_t failed);

  int report_fd_;
  std::atomic<std::uint64_t> done_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::int64_t> next_report_ns_{0};
};

/// Writes all of `text` to a pipe; gives up silently when its reader is gone.
void write_report(int fd, std::string_view text);

}  // namespace asyncio::tool
