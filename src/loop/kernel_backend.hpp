// What every backend that runs on the real kernel has in common: clock, chance, the socket calls
// and the worker threads. A backend adds how it waits.
#pragma once

#include <memory>

#include "asyncio/loop/backend.hpp"
#include "loop/blocking_pool.hpp"
#include "loop/child_processes.hpp"

namespace asyncio::detail {

class KernelBackend : public Backend {
 public:
  KernelBackend(JobSink sink, void* context) noexcept : sink_(sink), context_(context) {}
  ~KernelBackend() override;

  Nanoseconds now() noexcept override;
  std::int64_t wall_clock_seconds() noexcept override;
  std::uint64_t random() noexcept override;

  int socket(int family, int type, int protocol) override;
  int bind(int fd, const SocketAddress& address) override;
  int listen(int fd, int backlog) override;
  int accept(int fd, SocketAddress& peer) override;
  int connect(int fd, const SocketAddress& address) override;
  int shutdown_write(int fd) override;
  std::ptrdiff_t recv(int fd, std::span<std::byte> buffer) override;
  std::ptrdiff_t send(int fd, std::span<const std::byte> data) override;
  std::ptrdiff_t send_many(int fd, std::span<const std::span<const std::byte>> pieces) override;
  int socket_error(int fd) override;
  int set_option(int fd, int level, int option, int value) override;
  int local_address(int fd, SocketAddress& out) override;
  int peer_address(int fd, SocketAddress& out) override;
  void close(int fd) noexcept override;
  int socket_pair(int type, std::array<int, 2>& ends) override;
  int open_pipe(std::array<int, 2>& ends) override;
  std::ptrdiff_t read(int fd, std::span<std::byte> buffer) override;
  std::ptrdiff_t write_many(int fd, std::span<const std::span<const std::byte>> pieces) override;
  std::ptrdiff_t recv_from(int fd, std::span<std::byte> buffer, ReceivedDatagram& info) override;
  std::ptrdiff_t send_to(int fd, std::span<const std::byte> data, const SocketAddress& to) override;
  std::ptrdiff_t send_file(int out, int file, std::int64_t offset, std::size_t count) override;
  int get_option(int fd, int level, int option, int& value) override;
  int set_blocking(int fd, bool blocking) override;
  int duplicate(int fd) override;
  int kind_of(int fd, DescriptorKind& kind) override;
  int poll_now(int fd, Readiness& ready) override;
  int identify_file(const std::string& path, FileIdentity& identity) override;
  int unlink(const std::string& path) override;
  int spawn(const SpawnRequest& request, int& pidfd) override {
    return children_.spawn(request, pidfd);
  }
  int signal_child(int pidfd, int number) override { return children_.signal(pidfd, number); }
  int reap_child(int pidfd, ChildExit& exit) override { return children_.reap(pidfd, exit); }
  std::size_t descriptor_limit() noexcept override;

  int catch_signal(int number, SignalListener& listener) override;
  void release_signal(int number, SignalListener& listener) noexcept override;

  void submit(BlockingJob& job) override;
  ResolveAnswer resolve(const ResolveQuery& query) override;
  NameAnswer name_of(const SocketAddress& address, int flags) override;

  void abandon_workers() noexcept override;
  void close_all() noexcept override;

 private:
  JobSink sink_;
  void* context_;
  ChildProcesses children_;
  std::unique_ptr<BlockingPool> pool_;
  bool closed_ = false;
};

}  // namespace asyncio::detail
