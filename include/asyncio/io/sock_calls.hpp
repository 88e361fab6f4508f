// The awaits of loop.sock_recv and its kin. The call is tried first; when it would block, the task
// waits for an edge of the descriptor, and the call is made as the task is resumed: a cancelled
// wait has taken nothing, and leaves no listener behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/io/plain_socket.hpp"
#include "asyncio/io/sendfile_options.hpp"
#include "asyncio/loop/backend.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

/// The kernel cannot send this file to this socket by itself, and fallback is off. Python:
/// asyncio.SendfileNotAvailableError.
class SendfileNotAvailableError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

namespace detail {

/// Shared by a PlainSocket and the awaits on it.
struct PlainSocketState {
  Scheduler* scheduler;
  std::shared_ptr<Backend> backend;  // for close(), also when the loop has gone
  int fd;
  bool blocking = false;
};

/// One await of one direction.
class SockAwaiter : public Suspend, private ReadinessListener {
 public:
  SockAwaiter(SockAwaiter&& other) noexcept
      : Suspend(std::move(other)),
        socket_(std::move(other.socket_)),
        operation_(other.operation_),
        failure_(std::move(other.failure_)),
        direction_(other.direction_) {}

  bool await_ready();
  bool await_suspend(Continuation continuation) noexcept;
  [[nodiscard]] std::exception_ptr error();

 protected:
  SockAwaiter(std::shared_ptr<PlainSocketState> socket, Descriptor::Direction direction,
              const char* operation);
  ~SockAwaiter() { stop_listening(); }

  /// Makes the call. Not negative: done; -EAGAIN: wait; other: the error.
  virtual std::ptrdiff_t attempt(Backend& backend, int fd) = 0;
  /// What the operation is done to, for messages.
  [[nodiscard]] virtual std::string subject() const { return {}; }

  std::ptrdiff_t finish() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
    return result_;
  }
  [[nodiscard]] const std::shared_ptr<PlainSocketState>& socket() const noexcept { return socket_; }
  void fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }

 private:
  bool abort() override;
  bool retry() override;
  void on_ready() noexcept override { wake(); }
  bool try_now() noexcept;
  void stop_listening() noexcept;

  std::shared_ptr<PlainSocketState> socket_;
  const char* operation_;
  std::exception_ptr failure_;
  std::ptrdiff_t result_ = 0;
  Descriptor::Direction direction_;
  bool listening_ = false;
};

class SockRecv final : public SockAwaiter, public AsCoro<SockRecv, std::string> {
 public:
  SockRecv(const PlainSocket& socket, std::size_t count);
  std::string await_resume() {
    finish();
    return std::move(data_);
  }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override;
  std::size_t count_;
  std::string data_;
};

class SockRecvInto final : public SockAwaiter, public AsCoro<SockRecvInto, std::size_t> {
 public:
  SockRecvInto(const PlainSocket& socket, std::span<std::byte> buffer);
  std::size_t await_resume() { return static_cast<std::size_t>(finish()); }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override { return backend.recv(fd, buffer_); }
  std::span<std::byte> buffer_;
};

class SockRecvFrom final : public SockAwaiter, public AsCoro<SockRecvFrom, Datagram> {
 public:
  SockRecvFrom(const PlainSocket& socket, std::size_t count);
  Datagram await_resume() {
    finish();
    return std::move(datagram_);
  }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override;
  std::size_t count_;
  Datagram datagram_;
};

class SockRecvFromInto final
    : public SockAwaiter,
      public AsCoro<SockRecvFromInto, std::pair<std::size_t, SocketAddress>> {
 public:
  SockRecvFromInto(const PlainSocket& socket, std::span<std::byte> buffer, std::size_t count);
  std::pair<std::size_t, SocketAddress> await_resume() {
    const auto count = static_cast<std::size_t>(finish());
    return {count, info_.from};
  }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override {
    return backend.recv_from(fd, buffer_, info_);
  }
  std::span<std::byte> buffer_;
  ReceivedDatagram info_;
};

class SockSendAll final : public SockAwaiter, public AsCoro<SockSendAll, void> {
 public:
  SockSendAll(std::shared_ptr<PlainSocketState> socket, std::span<const std::byte> data);
  void await_resume() { finish(); }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override;
  std::span<const std::byte> rest_;
};

class SockSendTo final : public SockAwaiter, public AsCoro<SockSendTo, std::size_t> {
 public:
  SockSendTo(const PlainSocket& socket, std::span<const std::byte> data,
             const SocketAddress& address);
  std::size_t await_resume() { return static_cast<std::size_t>(finish()); }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override {
    return backend.send_to(fd, data_, address_);
  }
  [[nodiscard]] std::string subject() const override { return address_.to_string(); }
  std::span<const std::byte> data_;
  SocketAddress address_;
};

class SockConnect final : public SockAwaiter, public AsCoro<SockConnect, void> {
 public:
  SockConnect(std::shared_ptr<PlainSocketState> socket, const SocketAddress& address);
  void await_resume() { finish(); }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override;
  [[nodiscard]] std::string subject() const override { return address_.to_string(); }
  SocketAddress address_;
  bool begun_ = false;
};

class SockAccept final : public SockAwaiter,
                         public AsCoro<SockAccept, std::pair<PlainSocket, SocketAddress>> {
 public:
  explicit SockAccept(const PlainSocket& socket);
  std::pair<PlainSocket, SocketAddress> await_resume() {
    finish();
    return {std::move(accepted_), peer_};
  }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override;
  PlainSocket accepted_;
  SocketAddress peer_;
};

/// A file from `offset` on, at most `count` bytes. Python: loop.sock_sendfile's body.
Coro<std::size_t> send_file_over(std::shared_ptr<PlainSocketState> socket, int file,
                                 SendfileOptions options);

/// One send_file call, when the socket takes something.
class SockSendFilePart final : public SockAwaiter {
 public:
  SockSendFilePart(std::shared_ptr<PlainSocketState> socket, int file, std::int64_t offset,
                   std::size_t count);
  std::ptrdiff_t await_resume() { return finish(); }

 private:
  std::ptrdiff_t attempt(Backend& backend, int fd) override {
    return backend.send_file(fd, file_, offset_, count_);
  }
  int file_;
  std::int64_t offset_;
  std::size_t count_;
};

}  // namespace detail
}  // namespace asyncio
