// The real kernel, with a count of what was asked of it.
#pragma once

#include <memory>
#include <utility>

#include "asyncio/loop/backend.hpp"

namespace asyncio::test {

/// Passes every call on. Work on threads is not supported: nobody takes finished jobs home.
class CountingBackend final : public Backend {
 public:
  struct Calls {
    long wait = 0;
    long watch = 0;    // registrations that were made
    long unwatch = 0;  // and taken back
    long accept = 0;
    long recv = 0;
    long send = 0;
    long set_option = 0;
    long address = 0;  // of either end
    long close = 0;

    [[nodiscard]] Calls since(const Calls& before) const {
      return {wait - before.wait,
              watch - before.watch,
              unwatch - before.unwatch,
              accept - before.accept,
              recv - before.recv,
              send - before.send,
              set_option - before.set_option,
              address - before.address,
              close - before.close};
    }
  };
  [[nodiscard]] const Calls& calls() const { return calls_; }

  std::string_view name() const noexcept override { return kernel_->name(); }
  Nanoseconds now() noexcept override { return kernel_->now(); }
  std::int64_t wall_clock_seconds() noexcept override { return kernel_->wall_clock_seconds(); }
  std::uint64_t random() noexcept override { return kernel_->random(); }

  void wait(Nanoseconds deadline) override {
    ++calls_.wait;
    kernel_->wait(deadline);
  }
  void wake() noexcept override { kernel_->wake(); }
  int watch(Descriptor& descriptor) override {
    const bool before = descriptor.watched;
    const int result = kernel_->watch(descriptor);
    if (!before && descriptor.watched) {
      ++calls_.watch;
      ++watched_;
    }
    return result;
  }
  void unwatch(Descriptor& descriptor) noexcept override {
    if (descriptor.watched) {
      ++calls_.unwatch;
      --watched_;
    }
    kernel_->unwatch(descriptor);
  }

  int socket(int family, int type, int protocol) override {
    return kernel_->socket(family, type, protocol);
  }
  int bind(int fd, const SocketAddress& address) override { return kernel_->bind(fd, address); }
  int listen(int fd, int backlog) override { return kernel_->listen(fd, backlog); }
  int accept(int fd, SocketAddress& peer) override {
    ++calls_.accept;
    return kernel_->accept(fd, peer);
  }
  int connect(int fd, const SocketAddress& address) override {
    return kernel_->connect(fd, address);
  }
  int shutdown_write(int fd) override { return kernel_->shutdown_write(fd); }
  std::ptrdiff_t recv(int fd, std::span<std::byte> buffer) override {
    ++calls_.recv;
    return kernel_->recv(fd, buffer);
  }
  std::ptrdiff_t send(int fd, std::span<const std::byte> data) override {
    ++calls_.send;
    return kernel_->send(fd, data);
  }
  std::ptrdiff_t send_many(int fd, std::span<const std::span<const std::byte>> pieces) override {
    ++calls_.send;
    return kernel_->send_many(fd, pieces);
  }
  int socket_error(int fd) override { return kernel_->socket_error(fd); }
  int set_option(int fd, int level, int option, int value) override {
    ++calls_.set_option;
    return kernel_->set_option(fd, level, option, value);
  }
  int local_address(int fd, SocketAddress& out) override {
    ++calls_.address;
    return kernel_->local_address(fd, out);
  }
  int peer_address(int fd, SocketAddress& out) override {
    ++calls_.address;
    return kernel_->peer_address(fd, out);
  }
  void close(int fd) noexcept override {
    ++calls_.close;
    kernel_->close(fd);
  }
  int set_blocking(int fd, bool blocking) override { return kernel_->set_blocking(fd, blocking); }
  std::size_t descriptor_limit() noexcept override { return kernel_->descriptor_limit(); }
  int catch_signal(int number, SignalListener& listener) override {
    return kernel_->catch_signal(number, listener);
  }
  void release_signal(int number, SignalListener& listener) noexcept override {
    kernel_->release_signal(number, listener);
  }

  void submit(BlockingJob& job) override { kernel_->submit(job); }
  ResolveAnswer resolve(const ResolveQuery& query) override { return kernel_->resolve(query); }
  void abandon_workers() noexcept override { kernel_->abandon_workers(); }
  void close_all() noexcept override { kernel_->close_all(); }

 private:
  std::unique_ptr<Backend> kernel_ = make_backend(nullptr, nullptr);
  Calls calls_;
};

}  // namespace asyncio::test
