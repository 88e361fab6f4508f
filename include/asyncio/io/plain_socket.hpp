// A socket as a value: what Python's socket.socket is beside a loop. For programs that make the
// calls themselves, with loop.sock_recv and its kin or add_reader, and to hand to the streams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/loop/socket_address.hpp"

namespace asyncio {

class Scheduler;
class PlainSocket;

namespace detail {
struct PlainSocketState;
}

/// What sock_recvfrom gives.
struct Datagram {
  std::string data;
  SocketAddress address;
};

/// Owns a descriptor of the loop's world; non-blocking and close-on-exec from birth. Moves, and is
/// closed when it goes; awaits that are under way then end with "bad file descriptor".
///
/// Families, types and options are the kernel's (<sys/socket.h>). All calls fail with OSError's
/// kin; those that would have to wait with BlockingIOError. Loop thread only.
/// Python: socket.socket.
class PlainSocket {
 public:
  /// Not open.
  PlainSocket() noexcept = default;
  /// A new socket of the running loop; RuntimeError without one. Python: socket.socket.
  explicit PlainSocket(int family, int type, int protocol = 0);
  /// The same of a given loop.
  PlainSocket(Scheduler& scheduler, int family, int type, int protocol = 0);
  PlainSocket(PlainSocket&&) noexcept = default;
  PlainSocket& operator=(PlainSocket&& other) noexcept {
    close();
    state_ = std::move(other.state_);
    return *this;
  }
  ~PlainSocket() { close(); }

  /// Takes over a descriptor and makes it non-blocking. Python: socket.socket(fileno=fd).
  [[nodiscard]] static PlainSocket from_fd(int fd);
  [[nodiscard]] static PlainSocket from_fd(Scheduler& scheduler, int fd);
  /// Two that are connected, of the Unix family. Python: socket.socketpair.
  [[nodiscard]] static std::pair<PlainSocket, PlainSocket> socketpair(int type);

  /// The number, or -1 when closed. Python: socket.fileno.
  [[nodiscard]] int fileno() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return fileno() >= 0; }
  /// No effect when closed. Callbacks of add_reader and add_writer go, too. Python: socket.close.
  void close() noexcept;
  /// Gives the descriptor away: it stays open, and this is closed. Python: socket.detach.
  [[nodiscard]] int detach() noexcept;
  /// A second one of the same thing. Python: socket.dup.
  [[nodiscard]] PlainSocket dup() const;

  /// An empty path or host is any address. `host` is numeric: ValueError for a name. Python:
  /// socket.bind((host, port)).
  void bind(std::string_view host, int port);
  void bind(const SocketAddress& address);
  /// Python: socket.listen.
  void listen(int backlog = 128);
  /// Empty when there is none. Python: socket.getsockname.
  [[nodiscard]] SocketAddress getsockname() const;
  /// Python: socket.getpeername.
  [[nodiscard]] SocketAddress getpeername() const;
  /// Python: socket.setsockopt, with a number.
  void setsockopt(int level, int option, int value);
  /// Python: socket.getsockopt.
  [[nodiscard]] int getsockopt(int level, int option) const;
  /// A blocking one cannot be awaited. Python: socket.setblocking, getblocking.
  void setblocking(bool blocking);
  [[nodiscard]] bool getblocking() const noexcept;
  /// The peer reads an end. Python: socket.shutdown(socket.SHUT_WR).
  void shutdown_write();
  /// "<PlainSocket fd=7 laddr=127.0.0.1:80 raddr=...>". Python: repr(socket).
  [[nodiscard]] std::string repr() const;

  // --- calls that do not wait: BlockingIOError when they would have to --------------------------

  /// At most `count` bytes; empty at the end. Python: socket.recv.
  [[nodiscard]] std::string recv(std::size_t count);
  /// How many were sent. Python: socket.send.
  std::size_t send(std::string_view data);
  /// The next connection. Python: socket.accept.
  [[nodiscard]] std::pair<PlainSocket, SocketAddress> accept();
  /// The next datagram, cut to `count` bytes. Python: socket.recvfrom.
  [[nodiscard]] Datagram recvfrom(std::size_t count);
  /// How many bytes went. Python: socket.sendto.
  std::size_t sendto(std::string_view data, const SocketAddress& address);

  // For the library: takes over a descriptor that does not block.
  [[nodiscard]] static PlainSocket adopt(Scheduler& scheduler, int fd);
  // Null when it was never open.
  [[nodiscard]] const std::shared_ptr<detail::PlainSocketState>& state() const noexcept {
    return state_;
  }

 private:
  explicit PlainSocket(std::shared_ptr<detail::PlainSocketState> state) noexcept
      : state_(std::move(state)) {}
  [[nodiscard]] detail::PlainSocketState& open_state(const char* operation) const;

  std::shared_ptr<detail::PlainSocketState> state_;
};

}  // namespace asyncio
