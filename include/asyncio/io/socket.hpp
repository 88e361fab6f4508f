// A non-blocking socket that belongs to a loop, and the awaits on it.
//
// The call is always tried first. When it would block, the task parks; when the descriptor has an
// event the task becomes ready, and the call is made *as the task is resumed*, not when the event
// comes. So a read that is cancelled has taken no byte, and the kernel never owns a user's buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/suspend.hpp"

namespace asyncio {

class Accept;
class Connect;
class Recv;
class RecvScratch;
class SendAll;
class WaitReady;

/// Owns a descriptor. It stays where it is in memory, because the backend refers to it; a loop that
/// closes first closes it. One task may read and one may write at a time: a second is RuntimeError.
/// The socket must outlive the awaits on it; close() ends them with "bad file descriptor".
/// Loop thread only. Python: socket.socket with loop.sock_recv and its kin.
class Socket : public LoopResource {
 public:
  using Direction = Descriptor::Direction;

  /// Not open yet.
  explicit Socket(Scheduler& scheduler) noexcept;
  /// Takes over a non-blocking descriptor.
  Socket(Scheduler& scheduler, int fd) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  /// A new socket; family, type and protocol are the kernel's. Returns 0 or -errno.
  int open(int family, int type, int protocol = 0) noexcept;
  /// Takes over a non-blocking descriptor; closes the one before.
  void adopt(int fd) noexcept;
  /// What it owns is no socket but a pipe or a terminal: bytes come and go by read and write. Of
  /// the rest, only what those need is meant for it.
  void use_read_and_write() noexcept { is_socket_ = false; }
  [[nodiscard]] bool is_socket() const noexcept { return is_socket_; }
  /// No effect when closed already.
  void close() noexcept;
  /// Whether it owns a descriptor.
  [[nodiscard]] bool is_open() const noexcept { return descriptor_.fd >= 0; }
  /// -1 when closed. Python: socket.fileno.
  [[nodiscard]] int fileno() const noexcept { return descriptor_.fd; }
  [[nodiscard]] Scheduler& scheduler() const noexcept { return *scheduler_; }

  // --- awaits: errors are OSError and its kin, RuntimeError when another task is at it ---------

  /// Waits for at least one byte and gives how many were read into `buffer`; 0 at the end.
  /// Cancellation loses no byte. `buffer` must live as long as the await. Python:
  /// loop.sock_recv_into.
  [[nodiscard]] Recv recv(std::span<std::byte> buffer) noexcept;
  /// The same, into the loop's own buffer, so that a connection that waits holds none: what it
  /// gives is valid until the next await. Empty at the end.
  [[nodiscard]] RecvScratch recv_some() noexcept;
  /// Sends all of `data`, which must live as long as the await. After a cancellation one cannot
  /// know how much was sent. Python: loop.sock_sendall.
  [[nodiscard]] SendAll send_all(std::span<const std::byte> data) noexcept;
  [[nodiscard]] SendAll send_all(std::string_view text) noexcept;
  /// Gives the descriptor of the next connection, which the caller owns, and writes its address to
  /// `peer` (which must live as long as the await). Python: loop.sock_accept.
  [[nodiscard]] Accept accept(SocketAddress* peer = nullptr) noexcept;
  /// Errors name the address: "connect 127.0.0.1:80: connection refused". After a cancellation,
  /// close the socket. Python: loop.sock_connect.
  [[nodiscard]] Connect connect(const SocketAddress& address) noexcept;
  /// Waits unless the next try_recv may give something: for code that makes the calls itself.
  [[nodiscard]] WaitReady wait_readable() noexcept;
  /// Waits unless the next try_send may take something.
  [[nodiscard]] WaitReady wait_writable() noexcept;

  // --- calls that do not wait: a result >= 0, or -errno; -EAGAIN: wait ------------------------

  /// How many bytes were read; 0 at the end.
  std::ptrdiff_t try_recv(std::span<std::byte> buffer) noexcept;
  /// How many bytes were sent, which may be fewer than there are.
  std::ptrdiff_t try_send(std::span<const std::byte> data) noexcept;
  /// Several pieces in one call.
  std::ptrdiff_t try_send_many(std::span<const std::span<const std::byte>> pieces) noexcept;
  /// From a file, without a copy through this program; 0 at the file's end.
  std::ptrdiff_t try_send_file(int file, std::int64_t offset, std::size_t count) noexcept;
  /// The descriptor of a connection, which the caller owns.
  int try_accept(SocketAddress& peer) noexcept;
  /// The kernel's calls of these names.
  int bind(const SocketAddress& address) noexcept;
  int listen(int backlog) noexcept;
  int shutdown_write() noexcept;
  int set_option(int level, int option, int value) noexcept;
  /// Empty when there is none.
  [[nodiscard]] SocketAddress local_address() const noexcept;
  [[nodiscard]] SocketAddress peer_address() const noexcept;

  /// False: the next call in this direction would block, as far as is known.
  [[nodiscard]] bool may_recv() const noexcept { return !descriptor_.read_drained; }
  [[nodiscard]] bool may_send() const noexcept { return !descriptor_.write_full; }
  /// An event has told that the peer has closed or the connection has failed; bytes may still be
  /// there to read.
  [[nodiscard]] bool hung_up() const noexcept { return descriptor_.hang_up; }
  /// A read that filled its buffer in this turn: whoever wants more should let others run first, or
  /// a fast peer starves them. (CPython reads once per event for the same reason.)
  [[nodiscard]] bool had_its_share() const noexcept;

  /// From now on `listener` is told when the direction may have become ready. 0, -EBUSY when there
  /// is another, or what registering the descriptor failed with.
  int set_listener(Direction direction, ReadinessListener& listener) noexcept;
  /// No effect when it is not the one that listens.
  void remove_listener(Direction direction, const ReadinessListener& listener) noexcept;

  void on_loop_close() noexcept override { close(); }

 private:
  [[nodiscard]] Backend& backend() const noexcept { return scheduler_->backend(); }
  ReadinessListener*& listener(Direction direction) noexcept {
    return direction == Direction::read ? descriptor_.reader : descriptor_.writer;
  }

  Scheduler* scheduler_;
  Descriptor descriptor_;
  std::uint32_t full_read_turn_ = 0;  // the loop's turns(), shortened, at the last full read
  bool is_socket_ = true;
};

namespace detail {

/// One await of one direction of a socket.
class SocketAwaiter : public Suspend, private ReadinessListener {
 public:
  SocketAwaiter(SocketAwaiter&& other) noexcept
      : Suspend(std::move(other)),
        socket_(other.socket_),
        operation_(other.operation_),
        direction_(other.direction_) {}

  bool await_ready() noexcept;
  bool await_suspend(Continuation continuation) noexcept;
  [[nodiscard]] std::exception_ptr error();

 protected:
  SocketAwaiter(Socket& socket, Socket::Direction direction, const char* operation) noexcept
      : socket_(&socket), operation_(operation), direction_(direction) {}
  ~SocketAwaiter() { stop_listening(); }

  /// Makes the call. Not negative: done; -EAGAIN: wait; other: the error.
  virtual std::ptrdiff_t attempt() noexcept = 0;
  /// What the operation is done to, for messages.
  [[nodiscard]] virtual std::string subject() const { return {}; }

  std::ptrdiff_t finish() {
    if (std::exception_ptr failure = error()) [[unlikely]]
      std::rethrow_exception(failure);
    return result_;
  }
  [[nodiscard]] Socket& socket() const noexcept { return *socket_; }

 private:
  bool abort() override;
  bool retry() override;
  void on_ready() noexcept override { wake(); }
  bool try_now() noexcept;
  void stop_listening() noexcept;

  Socket* socket_;
  const char* operation_;
  std::ptrdiff_t result_ = 0;
  Socket::Direction direction_;
  bool listening_ = false;
};

}  // namespace detail

/// Awaiter of Socket::recv.
class Recv final : public detail::SocketAwaiter, public AsCoro<Recv, std::size_t> {
 public:
  Recv(Socket& socket, std::span<std::byte> buffer) noexcept
      : SocketAwaiter(socket, Socket::Direction::read, "recv"), buffer_(buffer) {}
  std::size_t await_resume() { return static_cast<std::size_t>(finish()); }

 private:
  std::ptrdiff_t attempt() noexcept override { return socket().try_recv(buffer_); }
  std::span<std::byte> buffer_;
};

/// Awaiter of Socket::recv_some.
class RecvScratch final : public detail::SocketAwaiter {
 public:
  explicit RecvScratch(Socket& socket) noexcept
      : SocketAwaiter(socket, Socket::Direction::read, "recv") {}
  std::span<const std::byte> await_resume() {
    return data_.first(static_cast<std::size_t>(finish()));
  }

 private:
  std::ptrdiff_t attempt() noexcept override;
  std::span<std::byte> data_;
};

/// Awaiter of Socket::send_all.
class SendAll final : public detail::SocketAwaiter, public AsCoro<SendAll, void> {
 public:
  SendAll(Socket& socket, std::span<const std::byte> data) noexcept
      : SocketAwaiter(socket, Socket::Direction::write, "send"), rest_(data) {}
  void await_resume() { finish(); }

 private:
  std::ptrdiff_t attempt() noexcept override;
  std::span<const std::byte> rest_;
};

/// Awaiter of Socket::accept.
class Accept final : public detail::SocketAwaiter, public AsCoro<Accept, int> {
 public:
  Accept(Socket& socket, SocketAddress* peer) noexcept
      : SocketAwaiter(socket, Socket::Direction::read, "accept"), peer_(peer) {}
  int await_resume() { return static_cast<int>(finish()); }

 private:
  std::ptrdiff_t attempt() noexcept override;
  SocketAddress* peer_;
};

/// Awaiter of Socket::connect.
class Connect final : public detail::SocketAwaiter, public AsCoro<Connect, void> {
 public:
  Connect(Socket& socket, const SocketAddress& address) noexcept
      : SocketAwaiter(socket, Socket::Direction::write, "connect"), address_(address) {}
  void await_resume() { finish(); }

 private:
  std::ptrdiff_t attempt() noexcept override;
  [[nodiscard]] std::string subject() const override { return address_.to_string(); }
  SocketAddress address_;
  bool begun_ = false;
};

/// Awaiter of Socket::wait_readable and wait_writable.
class WaitReady final : public detail::SocketAwaiter, public AsCoro<WaitReady, void> {
 public:
  WaitReady(Socket& socket, Socket::Direction direction) noexcept
      : SocketAwaiter(socket, direction, "wait"), direction_(direction) {}
  void await_resume() { finish(); }

 private:
  std::ptrdiff_t attempt() noexcept override;
  Socket::Direction direction_;
};

}  // namespace asyncio
