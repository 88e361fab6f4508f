#include "tools/asyncio/arm_progress.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace asyncio::tool {
namespace {

constexpr std::int64_t kBetweenReportsNs = 40'000'000;

std::int64_t now_ns() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

}  // namespace

void ArmProgress::finished_one(bool ok) {
  std::uint64_t failed = failed_.load(std::memory_order_relaxed);
  if (!ok) failed = failed_.fetch_add(1, std::memory_order_relaxed) + 1;
  std::uint64_t done = done_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (report_fd_ < 0) return;
  std::int64_t now = now_ns();
  std::int64_t next = next_report_ns_.load(std::memory_order_relaxed);
  // Whoever moves the deadline reports; the other threads go on.
  if (now >= next && next_report_ns_.compare_exchange_strong(next, now + kBetweenReportsNs)) {
    tell(done, failed);
  }
}

void ArmProgress::tell(std::uint64_t done, std::uint64_t failed) {
  write_report(report_fd_,
               "progress " + std::to_string(done) + " " + std::to_string(failed) + "\n");
}

void write_report(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace asyncio::tool
