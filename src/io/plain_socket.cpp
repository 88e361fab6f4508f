#include "asyncio/io/plain_socket.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/io/fd_callbacks.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio {
namespace {

// The result, or what it stands for.
template <class Result>
Result check(Result result, const char* operation, const std::string& subject = {}) {
  if (result < 0) throw_os_error(static_cast<int>(-result), operation, subject);
  return result;
}

std::shared_ptr<detail::PlainSocketState> take_over(Scheduler& scheduler, int fd) {
  try {
    return std::make_shared<detail::PlainSocketState>(
        detail::PlainSocketState{&scheduler, scheduler.share_backend(), fd});
  } catch (...) {
    scheduler.backend().close(fd);
    throw;
  }
}

}  // namespace

PlainSocket::PlainSocket(int family, int type, int protocol)
    : PlainSocket(detail::running_scheduler(), family, type, protocol) {}

PlainSocket::PlainSocket(Scheduler& scheduler, int family, int type, int protocol)
    : state_(take_over(scheduler,
                       check(scheduler.backend().socket(family, type, protocol), "socket"))) {}

PlainSocket PlainSocket::from_fd(int fd) { return from_fd(detail::running_scheduler(), fd); }

PlainSocket PlainSocket::adopt(Scheduler& scheduler, int fd) {
  return PlainSocket(take_over(scheduler, fd));
}

PlainSocket PlainSocket::from_fd(Scheduler& scheduler, int fd) {
  check(scheduler.backend().set_blocking(fd, false), "socket",
        "file descriptor " + std::to_string(fd));
  return PlainSocket(take_over(scheduler, fd));
}

std::pair<PlainSocket, PlainSocket> PlainSocket::socketpair(int type) {
  Scheduler& scheduler = detail::running_scheduler();
  std::array<int, 2> ends{-1, -1};
  check(scheduler.backend().socket_pair(type, ends), "socketpair");
  PlainSocket second(take_over(scheduler, ends[1]));
  return {PlainSocket(take_over(scheduler, ends[0])), std::move(second)};
}

int PlainSocket::fileno() const noexcept { return state_ ? state_->fd : -1; }

int PlainSocket::detach() noexcept {
  if (!state_) return -1;
  const int fd = std::exchange(state_->fd, -1);
  if (fd >= 0 && Scheduler::is_open(state_->scheduler)) detail::forget_fd(*state_->scheduler, fd);
  return fd;
}

void PlainSocket::close() noexcept {
  const int fd = detach();
  if (fd >= 0) state_->backend->close(fd);
}

PlainSocket PlainSocket::dup() const {
  detail::PlainSocketState& state = open_state("dup");
  return PlainSocket(take_over(*state.scheduler, check(state.backend->duplicate(state.fd), "dup")));
}

detail::PlainSocketState& PlainSocket::open_state(const char* operation) const {
  if (!is_open()) throw_os_error(EBADF, operation);
  return *state_;
}

// --- options and names --------------------------------------------------------------------------

void PlainSocket::bind(std::string_view host, int port) {
  detail::PlainSocketState& state = open_state("bind");
  SocketAddress address = getsockname();  // for the family
  const std::string_view any = address.family() == AF_INET6 ? "::" : "0.0.0.0";
  if (port < 0 || port > 65535) {
    throw ValueError("port must be 0-65535, not " + std::to_string(port));
  }
  if (!SocketAddress::parse(host.empty() ? any : host, static_cast<std::uint16_t>(port), address)) {
    throw ValueError("the address must be numeric: " + std::string(host));
  }
  check(state.backend->bind(state.fd, address), "bind", address.to_string());
}

void PlainSocket::bind(const SocketAddress& address) {
  detail::PlainSocketState& state = open_state("bind");
  check(state.backend->bind(state.fd, address), "bind", address.to_string());
}

void PlainSocket::listen(int backlog) {
  detail::PlainSocketState& state = open_state("listen");
  check(state.backend->listen(state.fd, backlog), "listen");
}

SocketAddress PlainSocket::getsockname() const {
  detail::PlainSocketState& state = open_state("getsockname");
  SocketAddress address;
  check(state.backend->local_address(state.fd, address), "getsockname");
  return address;
}

SocketAddress PlainSocket::getpeername() const {
  detail::PlainSocketState& state = open_state("getpeername");
  SocketAddress address;
  check(state.backend->peer_address(state.fd, address), "getpeername");
  return address;
}

void PlainSocket::setsockopt(int level, int option, int value) {
  detail::PlainSocketState& state = open_state("setsockopt");
  check(state.backend->set_option(state.fd, level, option, value), "setsockopt");
}

int PlainSocket::getsockopt(int level, int option) const {
  detail::PlainSocketState& state = open_state("getsockopt");
  int value = 0;
  check(state.backend->get_option(state.fd, level, option, value), "getsockopt");
  return value;
}

void PlainSocket::setblocking(bool blocking) {
  detail::PlainSocketState& state = open_state("setblocking");
  check(state.backend->set_blocking(state.fd, blocking), "setblocking");
  state.blocking = blocking;
}

bool PlainSocket::getblocking() const noexcept { return state_ && state_->blocking; }

void PlainSocket::shutdown_write() {
  detail::PlainSocketState& state = open_state("shutdown");
  check(state.backend->shutdown_write(state.fd), "shutdown");
}

std::string PlainSocket::repr() const {
  if (!is_open()) return "<PlainSocket [closed]>";
  std::string text = "<PlainSocket fd=" + std::to_string(fileno());
  SocketAddress address;
  if (state_->backend->local_address(state_->fd, address) >= 0) {
    text += " laddr=" + address.to_string();
  }
  if (state_->backend->peer_address(state_->fd, address) >= 0) {
    text += " raddr=" + address.to_string();
  }
  return text + ">";
}

// --- calls that do not wait ---------------------------------------------------------------------

std::string PlainSocket::recv(std::size_t count) {
  detail::PlainSocketState& state = open_state("recv");
  std::string data(count, '\0');
  const auto buffer = std::as_writable_bytes(std::span(data));
  data.resize(static_cast<std::size_t>(check(state.backend->recv(state.fd, buffer), "recv")));
  return data;
}

std::size_t PlainSocket::send(std::string_view data) {
  detail::PlainSocketState& state = open_state("send");
  const auto bytes = std::as_bytes(std::span(data));
  return static_cast<std::size_t>(check(state.backend->send(state.fd, bytes), "send"));
}

std::pair<PlainSocket, SocketAddress> PlainSocket::accept() {
  detail::PlainSocketState& state = open_state("accept");
  SocketAddress peer;
  const int fd = check(state.backend->accept(state.fd, peer), "accept");
  return {PlainSocket(take_over(*state.scheduler, fd)), peer};
}

Datagram PlainSocket::recvfrom(std::size_t count) {
  detail::PlainSocketState& state = open_state("recvfrom");
  Datagram datagram{std::string(count, '\0'), {}};
  ReceivedDatagram info;
  const auto buffer = std::as_writable_bytes(std::span(datagram.data));
  const auto got = check(state.backend->recv_from(state.fd, buffer, info), "recvfrom");
  datagram.data.resize(static_cast<std::size_t>(got));
  datagram.address = info.from;
  return datagram;
}

std::size_t PlainSocket::sendto(std::string_view data, const SocketAddress& address) {
  detail::PlainSocketState& state = open_state("sendto");
  const auto bytes = std::as_bytes(std::span(data));
  return static_cast<std::size_t>(
      check(state.backend->send_to(state.fd, bytes, address), "sendto", address.to_string()));
}

}  // namespace asyncio
