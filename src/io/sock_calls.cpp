#include "asyncio/io/sock_calls.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "asyncio/base/error.hpp"
#include "asyncio/io/fd_callbacks.hpp"
#include "asyncio/loop/scheduler.hpp"

namespace asyncio::detail {

using Direction = Descriptor::Direction;

// --- one await ----------------------------------------------------------------------------------

SockAwaiter::SockAwaiter(std::shared_ptr<PlainSocketState> socket, Direction direction,
                         const char* operation)
    : socket_(std::move(socket)), operation_(operation), direction_(direction) {
  if (socket_ && socket_->blocking) throw ValueError("the socket must be non-blocking");
}

bool SockAwaiter::try_now() noexcept {
  if (!socket_ || socket_->fd < 0) {
    result_ = -EBADF;
    return true;
  }
  try {
    result_ = attempt(*socket_->backend, socket_->fd);
  } catch (const std::bad_alloc&) {
    result_ = -ENOMEM;
  }
  return result_ != -EAGAIN;
}

bool SockAwaiter::await_ready() { return failure_ != nullptr || try_now(); }

bool SockAwaiter::await_suspend(Continuation continuation) noexcept {
  const int registered = listen_to_fd(*socket_->scheduler, socket_->fd, direction_, *this);
  if (registered < 0) {
    result_ = registered;
    return false;
  }
  listening_ = true;
  return park(continuation);
}

bool SockAwaiter::retry() {
  if (!try_now()) return false;
  stop_listening();
  return true;
}

bool SockAwaiter::abort() {
  stop_listening();
  return true;
}

void SockAwaiter::stop_listening() noexcept {
  if (!std::exchange(listening_, false) || socket_->fd < 0) return;
  if (!Scheduler::is_open(socket_->scheduler)) return;
  stop_listening_to_fd(*socket_->scheduler, socket_->fd, direction_, *this);
}

std::exception_ptr SockAwaiter::error() {
  stop_listening();
  if (cancelled()) [[unlikely]]
    return cancellation();
  if (failure_) return failure_;
  if (result_ >= 0) [[likely]]
    return nullptr;
  if (result_ == -EBUSY) {
    return std::make_exception_ptr(
        RuntimeError(std::string("sock_") + operation_ + "(): another task is already waiting to " +
                     (direction_ == Direction::read ? "read from" : "write to") + " this socket"));
  }
  return make_os_error(static_cast<int>(-result_), operation_, subject());
}

// --- the calls ----------------------------------------------------------------------------------

SockRecv::SockRecv(const PlainSocket& socket, std::size_t count)
    : SockAwaiter(socket.state(), Direction::read, "recv"), count_(count) {}

// Through the loop's own buffer: one that waits holds none.
std::ptrdiff_t SockRecv::attempt(Backend& backend, int fd) {
  const std::span<std::byte> scratch = socket()->scheduler->scratch();
  const std::span<std::byte> buffer = scratch.first(std::min(count_, scratch.size()));
  const std::ptrdiff_t got = backend.recv(fd, buffer);
  if (got > 0) {
    data_.assign(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(got));
  }
  return got;
}

SockRecvInto::SockRecvInto(const PlainSocket& socket, std::span<std::byte> buffer)
    : SockAwaiter(socket.state(), Direction::read, "recv_into"), buffer_(buffer) {}

SockRecvFrom::SockRecvFrom(const PlainSocket& socket, std::size_t count)
    : SockAwaiter(socket.state(), Direction::read, "recvfrom"), count_(count) {}

std::ptrdiff_t SockRecvFrom::attempt(Backend& backend, int fd) {
  const std::span<std::byte> scratch = socket()->scheduler->scratch();
  const std::span<std::byte> buffer = scratch.first(std::min(count_, scratch.size()));
  ReceivedDatagram info;
  const std::ptrdiff_t got = backend.recv_from(fd, buffer, info);
  if (got >= 0) {
    datagram_.data.assign(reinterpret_cast<const char*>(buffer.data()),
                          static_cast<std::size_t>(got));
    datagram_.address = info.from;
  }
  return got;
}

SockRecvFromInto::SockRecvFromInto(const PlainSocket& socket, std::span<std::byte> buffer,
                                   std::size_t count)
    : SockAwaiter(socket.state(), Direction::read, "recvfrom_into") {
  if (count > buffer.size()) {
    throw ValueError("nbytes is greater than the length of the buffer");
  }
  buffer_ = count == 0 ? buffer : buffer.first(count);
}

SockSendAll::SockSendAll(std::shared_ptr<PlainSocketState> socket, std::span<const std::byte> data)
    : SockAwaiter(std::move(socket), Direction::write, "sendall"), rest_(data) {}

std::ptrdiff_t SockSendAll::attempt(Backend& backend, int fd) {
  while (!rest_.empty()) {
    const std::ptrdiff_t sent = backend.send(fd, rest_);
    if (sent < 0) return sent;
    rest_ = rest_.subspan(static_cast<std::size_t>(sent));
  }
  return 0;
}

SockSendTo::SockSendTo(const PlainSocket& socket, std::span<const std::byte> data,
                       const SocketAddress& address)
    : SockAwaiter(socket.state(), Direction::write, "sendto"), data_(data), address_(address) {}

SockConnect::SockConnect(std::shared_ptr<PlainSocketState> socket, const SocketAddress& address)
    : SockAwaiter(std::move(socket), Direction::write, "connect"), address_(address) {}

std::ptrdiff_t SockConnect::attempt(Backend& backend, int fd) {
  if (!std::exchange(begun_, true)) {
    const int result = backend.connect(fd, address_);
    if (result == -EAGAIN) {
      // A Unix socket whose queue is full: nobody will tell when it is not.
      fail(make_os_error(EAGAIN, "connect", address_.to_string()));
      return 0;
    }
    return result == -EINPROGRESS ? -EAGAIN : result;
  }
  if (const int failure = backend.socket_error(fd); failure != 0) return -failure;
  // Woken for nothing? Then it has no peer yet.
  SocketAddress peer;
  const int result = backend.peer_address(fd, peer);
  return result == -ENOTCONN ? -EAGAIN : result;
}

SockAccept::SockAccept(const PlainSocket& socket)
    : SockAwaiter(socket.state(), Direction::read, "accept") {}

std::ptrdiff_t SockAccept::attempt(Backend& backend, int fd) {
  for (;;) {
    const int accepted = backend.accept(fd, peer_);
    // The peer has given up while it stood in the queue: not our caller's concern.
    if (accepted == -ECONNABORTED) continue;
    if (accepted >= 0) accepted_ = PlainSocket::adopt(*socket()->scheduler, accepted);
    return accepted;
  }
}

SockSendFilePart::SockSendFilePart(std::shared_ptr<PlainSocketState> socket, int file,
                                   std::int64_t offset, std::size_t count)
    : SockAwaiter(std::move(socket), Direction::write, "sendfile"),
      file_(file),
      offset_(offset),
      count_(count) {}

}  // namespace asyncio::detail
