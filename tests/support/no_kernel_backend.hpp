// What the backends of unit tests have in common: there are no descriptors and no names.
#pragma once

#include <cerrno>

#include "asyncio/loop/backend.hpp"

namespace asyncio::test {

class NoKernelBackend : public Backend {
 public:
  std::int64_t wall_clock_seconds() noexcept override { return 0; }
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
  int catch_signal(int, SignalListener&) override { return -ENOSYS; }
  void release_signal(int, SignalListener&) noexcept override {}
  ResolveAnswer resolve(const ResolveQuery&) override { return {}; }
  void close_all() noexcept override {}
};

}  // namespace asyncio::test
