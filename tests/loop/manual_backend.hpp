// A backend for tests of the loop alone: a clock that jumps when the loop would wait, and no
// kernel.
#pragma once

#include <atomic>
#include <cerrno>
#include <functional>
#include <utility>
#include <vector>

#include "asyncio/loop/backend.hpp"

namespace asyncio::test {

class ManualBackend final : public Backend {
 public:
  Nanoseconds clock{1'000'000};
  std::vector<Nanoseconds> waits;     // the deadlines that were asked for
  std::function<void()> during_wait;  // what happens while the loop waits
  std::atomic<int> wakes{0};

  void watch_something() { ++watched_; }

  std::string_view name() const noexcept override { return "manual"; }
  Nanoseconds now() noexcept override { return clock; }
  std::int64_t wall_clock_seconds() noexcept override { return 0; }
  std::uint64_t random() noexcept override { return 4; }
  void wait(Nanoseconds deadline) override {
    waits.push_back(deadline);
    if (during_wait) during_wait();
    if (deadline != Nanoseconds::max() && deadline > clock) clock = deadline;
  }
  void wake() noexcept override { ++wakes; }
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
  void submit(BlockingJob&) override {}
  ResolveAnswer resolve(const ResolveQuery&) override { return {}; }
  void close_all() noexcept override {}
};

}  // namespace asyncio::test
