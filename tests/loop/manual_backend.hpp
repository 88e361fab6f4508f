// A backend for tests of the loop alone: a clock that jumps when the loop would wait, and no
// kernel.
#pragma once

#include <atomic>
#include <functional>
#include <utility>
#include <vector>

#include "support/no_kernel_backend.hpp"

namespace asyncio::test {

class ManualBackend final : public NoKernelBackend {
 public:
  Nanoseconds clock{1'000'000};
  std::vector<Nanoseconds> waits;     // the deadlines that were asked for
  std::function<void()> during_wait;  // what happens while the loop waits
  std::atomic<int> wakes{0};
  std::size_t clock_reads = 0;

  void watch_something() { ++watched_; }

  std::string_view name() const noexcept override { return "manual"; }
  Nanoseconds now() noexcept override {
    ++clock_reads;
    return clock;
  }
  std::uint64_t random() noexcept override { return 4; }
  void wait(Nanoseconds deadline) override {
    waits.push_back(deadline);
    if (during_wait) during_wait();
    if (deadline != Nanoseconds::max() && deadline > clock) clock = deadline;
  }
  void wake() noexcept override { ++wakes; }
  void submit(BlockingJob&) override {}
};

}  // namespace asyncio::test
