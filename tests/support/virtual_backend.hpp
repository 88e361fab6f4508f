// A world without a kernel for unit tests: its clock stands still until every task waits, then
// jumps to the next deadline. There are no descriptors and no threads.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string_view>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/backend.hpp"

namespace asyncio::test {

/// Thrown by wait() when nothing can ever happen: every task waits, and no timer is armed.
class Deadlock : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class VirtualBackend final : public Backend {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "virtual"; }
  [[nodiscard]] Nanoseconds now() noexcept override { return now_; }
  [[nodiscard]] std::int64_t wall_clock_seconds() noexcept override { return 0; }
  [[nodiscard]] std::uint64_t random() noexcept override { return ++random_; }

  void wait(Nanoseconds deadline) override {
    if (std::exchange(woken_, false)) return;
    if (deadline == Nanoseconds::max()) throw Deadlock("nothing can ever run again");
    if (deadline > now_) now_ = deadline;
  }
  void wake() noexcept override { woken_ = true; }

  int watch(Descriptor&) override { return -ENOSYS; }
  void unwatch(Descriptor&) noexcept override {}
  int socket(int, int, int) override { return -ENOSYS; }
  int bind(int, const SocketAddress&) override { return -ENOSYS; }
  int listen(int, int) override { return -ENOSYS; }
  int accept(int, SocketAddress&) override { return -ENOSYS; }
  int connect(int, const SocketAddress&) override { return -ENOSYS; }
  int shutdown_write(int) override { return -ENOSYS; }
  std::ptrdiff_t recv(int, std::span<std::byte>) override { return -ENOSYS; }
  std::ptrdiff_t send(int, std::span<const std::byte>) override { return -ENOSYS; }
  std::ptrdiff_t send_many(int, std::span<const std::span<const std::byte>>) override {
    return -ENOSYS;
  }
  int socket_error(int) override { return ENOSYS; }
  int set_option(int, int, int, int) override { return -ENOSYS; }
  int local_address(int, SocketAddress&) override { return -ENOSYS; }
  int peer_address(int, SocketAddress&) override { return -ENOSYS; }
  void close(int) noexcept override {}
  std::size_t descriptor_limit() noexcept override { return 0; }
  void submit(BlockingJob&) override { throw RuntimeError("the virtual backend has no threads"); }
  ResolveAnswer resolve(const ResolveQuery&) override { return {}; }
  void close_all() noexcept override {}

  /// The clock runs on while code computes: for tests of "late".
  void advance(Nanoseconds by) noexcept { now_ += by; }

 private:
  // Not zero, so that a time of zero is "long ago".
  Nanoseconds now_ = std::chrono::hours(1);
  std::uint64_t random_ = 0;
  bool woken_ = false;
};

}  // namespace asyncio::test
