// A world without a kernel for unit tests: its clock stands still until every task waits, then
// jumps to the next deadline. There are no descriptors and no threads.
#pragma once

#include <stdexcept>
#include <string_view>
#include <utility>

#include "asyncio/base/error.hpp"
#include "support/no_kernel_backend.hpp"

namespace asyncio::test {

/// Thrown by wait() when nothing can ever happen: every task waits, and no timer is armed.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class VirtualBackend : public NoKernelBackend {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "virtual"; }
  [[nodiscard]] Nanoseconds now() noexcept override { return now_; }
  [[nodiscard]] std::uint64_t random() noexcept override { return ++random_; }

  void wait(Nanoseconds deadline) override {
    if (std::exchange(woken_, false)) return;
    if (deadline == Nanoseconds::max()) throw Deadlock("nothing can ever run again");
    if (deadline > now_) now_ = deadline;
  }
  void wake() noexcept override { woken_ = true; }

  void submit(BlockingJob&) override { throw RuntimeError("the virtual backend has no threads"); }

  /// The clock runs on while code computes: for tests of "late".
  void advance(Nanoseconds by) noexcept { now_ += by; }

 private:
  // Not zero, so that a time of zero is "long ago".
  Nanoseconds now_ = std::chrono::hours(1);
  std::uint64_t random_ = 0;
  bool woken_ = false;
};

}  // namespace asyncio::test
