#include "asyncio/io/socket.hpp"

#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/io/fd_callbacks.hpp"

namespace asyncio {

// --- Socket -------------------------------------------------------------------------------------

Socket::Socket(Scheduler& scheduler) noexcept : scheduler_(&scheduler) { scheduler.attach(*this); }

Socket::Socket(Scheduler& scheduler, int fd) noexcept : Socket(scheduler) {
  descriptor_.fd = fd;
  detail::note_owned_fd(scheduler, fd, true);
}

int Socket::open(int family, int type, int protocol) noexcept {
  const int fd = backend().socket(family, type, protocol);
  if (fd < 0) return fd;
  adopt(fd);
  return 0;
}

void Socket::adopt(int fd) noexcept {
  close();
  descriptor_ = Descriptor{};
  descriptor_.fd = fd;
  is_socket_ = true;
  detail::note_owned_fd(*scheduler_, fd, true);
}

void Socket::close() noexcept {
  if (!is_open()) return;
  backend().unwatch(descriptor_);
  detail::note_owned_fd(*scheduler_, descriptor_.fd, false);
  backend().close(std::exchange(descriptor_.fd, -1));
  // Whoever waits finds out that there is nothing to wait for any more.
  descriptor_.on_event(true, true, true);
}

std::ptrdiff_t Socket::try_recv(std::span<std::byte> buffer) noexcept {
  if (!is_open()) return -EBADF;
  if (descriptor_.read_drained) return -EAGAIN;
  const std::ptrdiff_t count =
      is_socket_ ? backend().recv(descriptor_.fd, buffer) : backend().read(descriptor_.fd, buffer);
  if (count == -EAGAIN) {
    descriptor_.read_drained = true;
  } else if (count > 0) {
    if (static_cast<std::size_t>(count) == buffer.size()) {
      full_read_turn_ = static_cast<std::uint32_t>(scheduler_->turns());
    } else if (is_socket_ && !descriptor_.hang_up) {
      // There was no more, and what comes from now on is an edge. Not so after a hang-up: data and
      // end may have come as one edge, so the end is still to be fetched. A terminal gives a line
      // at a time, some pipes a packet: there, a short read says nothing.
      descriptor_.read_drained = true;
    }
  }
  return count;
}

bool Socket::had_its_share() const noexcept {
  return may_recv() && full_read_turn_ == static_cast<std::uint32_t>(scheduler_->turns());
}

std::ptrdiff_t Socket::try_send(std::span<const std::byte> data) noexcept {
  if (!is_open()) return -EBADF;
  if (descriptor_.write_full) return -EAGAIN;
  const std::ptrdiff_t count = is_socket_
                                   ? backend().send(descriptor_.fd, data)
                                   : backend().write_many(descriptor_.fd, std::span(&data, 1));
  const bool in_part = count >= 0 && static_cast<std::size_t>(count) < data.size();
  if (count == -EAGAIN || (in_part && is_socket_)) {
    descriptor_.write_full = true;
  }
  return count;
}

std::ptrdiff_t Socket::try_send_many(std::span<const std::span<const std::byte>> pieces) noexcept {
  if (!is_open()) return -EBADF;
  if (descriptor_.write_full) return -EAGAIN;
  const std::ptrdiff_t count = is_socket_ ? backend().send_many(descriptor_.fd, pieces)
                                          : backend().write_many(descriptor_.fd, pieces);
  if (count == -EAGAIN) descriptor_.write_full = true;
  return count;
}

std::ptrdiff_t Socket::try_send_file(int file, std::int64_t offset, std::size_t count) noexcept {
  if (!is_open()) return -EBADF;
  if (descriptor_.write_full) return -EAGAIN;
  const std::ptrdiff_t sent = backend().send_file(descriptor_.fd, file, offset, count);
  if (sent == -EAGAIN) descriptor_.write_full = true;
  return sent;
}

int Socket::try_accept(SocketAddress& peer) noexcept {
  if (!is_open()) return -EBADF;
  if (descriptor_.read_drained) return -EAGAIN;
  const int fd = backend().accept(descriptor_.fd, peer);
  if (fd == -EAGAIN) descriptor_.read_drained = true;
  return fd;
}

int Socket::bind(const SocketAddress& address) noexcept {
  return is_open() ? backend().bind(descriptor_.fd, address) : -EBADF;
}

int Socket::listen(int backlog) noexcept {
  return is_open() ? backend().listen(descriptor_.fd, backlog) : -EBADF;
}

int Socket::shutdown_write() noexcept {
  return is_open() ? backend().shutdown_write(descriptor_.fd) : -EBADF;
}

int Socket::set_option(int level, int option, int value) noexcept {
  return is_open() ? backend().set_option(descriptor_.fd, level, option, value) : -EBADF;
}

SocketAddress Socket::local_address() const noexcept {
  SocketAddress address;
  if (is_open()) backend().local_address(descriptor_.fd, address);
  return address;
}

SocketAddress Socket::peer_address() const noexcept {
  SocketAddress address;
  if (is_open()) backend().peer_address(descriptor_.fd, address);
  return address;
}

int Socket::set_listener(Direction direction, ReadinessListener& wanted) noexcept {
  if (!is_open()) return -EBADF;
  ReadinessListener*& place = listener(direction);
  if (place == &wanted) return 0;
  if (place != nullptr) return -EBUSY;
  // Only now: a short-lived connection that never waits costs no registration. Registering reports
  // what is ready at that moment, so nothing that came before is missed.
  if (!descriptor_.watched) {
    const int watched = backend().watch(descriptor_);
    // What cannot be watched, such as /dev/null, never blocks either.
    if (watched < 0 && (is_socket_ || watched != -EPERM)) return watched;
  }
  place = &wanted;
  return 0;
}

void Socket::remove_listener(Direction direction, const ReadinessListener& old) noexcept {
  ReadinessListener*& place = listener(direction);
  if (place == &old) place = nullptr;
}

Recv Socket::recv(std::span<std::byte> buffer) noexcept { return {*this, buffer}; }
RecvScratch Socket::recv_some() noexcept { return RecvScratch(*this); }
SendAll Socket::send_all(std::span<const std::byte> data) noexcept { return {*this, data}; }
SendAll Socket::send_all(std::string_view text) noexcept {
  return {*this, std::as_bytes(std::span(text))};
}
Accept Socket::accept(SocketAddress* peer) noexcept { return {*this, peer}; }
Connect Socket::connect(const SocketAddress& address) noexcept { return {*this, address}; }
WaitReady Socket::wait_readable() noexcept { return {*this, Direction::read}; }
WaitReady Socket::wait_writable() noexcept { return {*this, Direction::write}; }

// --- one await ----------------------------------------------------------------------------------

namespace detail {

bool SocketAwaiter::try_now() noexcept {
  result_ = attempt();
  return result_ != -EAGAIN;
}

bool SocketAwaiter::await_ready() noexcept {
  if (direction_ == Socket::Direction::read && socket_->had_its_share()) {
    result_ = -EAGAIN;
    return false;
  }
  return try_now();
}

bool SocketAwaiter::await_suspend(Continuation continuation) noexcept {
  const int registered = socket_->set_listener(direction_, *this);
  if (registered < 0) {
    result_ = registered;
    return false;
  }
  listening_ = true;
  if (direction_ == Socket::Direction::read && socket_->may_recv()) {
    return park_woken(continuation);
  }
  return park(continuation);
}

bool SocketAwaiter::retry() {
  if (!try_now()) return false;
  stop_listening();
  return true;
}

bool SocketAwaiter::abort() {
  stop_listening();
  return true;
}

void SocketAwaiter::stop_listening() noexcept {
  if (std::exchange(listening_, false)) socket_->remove_listener(direction_, *this);
}

std::exception_ptr SocketAwaiter::error() {
  stop_listening();
  if (cancelled()) [[unlikely]]
    return cancellation();
  if (result_ >= 0) [[likely]]
    return nullptr;
  if (result_ == -EBUSY) {
    return std::make_exception_ptr(RuntimeError(
        std::string(operation_) + "(): another task is already waiting to " +
        (direction_ == Socket::Direction::read ? "read from" : "write to") + " this socket"));
  }
  return make_os_error(static_cast<int>(-result_), operation_, subject());
}

}  // namespace detail

std::ptrdiff_t RecvScratch::attempt() noexcept {
  if (!socket().may_recv()) return -EAGAIN;
  try {
    data_ = socket().scheduler().scratch();
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  return socket().try_recv(data_);
}

std::ptrdiff_t SendAll::attempt() noexcept {
  while (!rest_.empty()) {
    const std::ptrdiff_t sent = socket().try_send(rest_);
    if (sent < 0) return sent;
    rest_ = rest_.subspan(static_cast<std::size_t>(sent));
  }
  return 0;
}

std::ptrdiff_t Accept::attempt() noexcept {
  SocketAddress ignored;
  for (;;) {
    const int fd = socket().try_accept(peer_ != nullptr ? *peer_ : ignored);
    // The peer has given up while it stood in the queue: not our caller's concern.
    if (fd != -ECONNABORTED) return fd;
  }
}

std::ptrdiff_t Connect::attempt() noexcept {
  if (!socket().is_open()) return -EBADF;
  Backend& backend = socket().scheduler().backend();
  if (!std::exchange(begun_, true)) {
    const int result = backend.connect(socket().fileno(), address_);
    return result == -EINPROGRESS ? -EAGAIN : result;
  }
  if (const int failure = backend.socket_error(socket().fileno()); failure != 0) return -failure;
  // Woken for nothing? Then it has no peer yet.
  SocketAddress peer;
  const int result = backend.peer_address(socket().fileno(), peer);
  return result == -ENOTCONN ? -EAGAIN : result;
}

std::ptrdiff_t WaitReady::attempt() noexcept {
  if (!socket().is_open()) return -EBADF;
  const bool may =
      direction_ == Socket::Direction::read ? socket().may_recv() : socket().may_send();
  return may ? 0 : -EAGAIN;
}

}  // namespace asyncio
