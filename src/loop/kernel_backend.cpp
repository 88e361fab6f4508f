#include "loop/kernel_backend.hpp"

#include <netdb.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "asyncio/base/error.hpp"
#include "loop/process_signals.hpp"

namespace asyncio::detail {
namespace {

// The result, or -errno. A call that a signal has interrupted is made again.
template <class Call>
auto checked(Call call) noexcept {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(call())>(-errno);
  }
}

const sockaddr* address_of(const SocketAddress& address) noexcept {
  return static_cast<const sockaddr*>(address.data());
}

// For calls that fill in an address.
template <class Call>
int with_address(SocketAddress& out, Call call) noexcept {
  socklen_t size = 0;
  const int result = checked([&] {
    size = SocketAddress::kCapacity;
    return call(static_cast<sockaddr*>(out.data()), &size);
  });
  out.set_size(result < 0 ? 0 : std::min<std::uint32_t>(size, SocketAddress::kCapacity));
  return result;
}

}  // namespace

KernelBackend::~KernelBackend() { KernelBackend::close_all(); }

Nanoseconds KernelBackend::now() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::int64_t KernelBackend::wall_clock_seconds() noexcept {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

std::uint64_t KernelBackend::random() noexcept {
  std::uint64_t value = 0;
  checked([&] { return ::getrandom(&value, sizeof value, 0); });
  return value;
}

// --- sockets ------------------------------------------------------------------------------------

int KernelBackend::socket(int family, int type, int protocol) {
  return checked([&] { return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); });
}

int KernelBackend::bind(int fd, const SocketAddress& address) {
  return checked([&] { return ::bind(fd, address_of(address), address.size()); });
}

int KernelBackend::listen(int fd, int backlog) {
  return checked([&] { return ::listen(fd, backlog); });
}

int KernelBackend::accept(int fd, SocketAddress& peer) {
  return with_address(peer, [&](sockaddr* to, socklen_t* size) {
    return ::accept4(fd, to, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  });
}

int KernelBackend::connect(int fd, const SocketAddress& address) {
  if (::connect(fd, address_of(address), address.size()) == 0) return 0;
  // An interrupted connect goes on by itself; calling again would only say EALREADY.
  return errno == EINTR ? -EINPROGRESS : -errno;
}

int KernelBackend::shutdown_write(int fd) {
  return checked([&] { return ::shutdown(fd, SHUT_WR); });
}

std::ptrdiff_t KernelBackend::recv(int fd, std::span<std::byte> buffer) {
  return checked([&] { return ::recv(fd, buffer.data(), buffer.size(), 0); });
}

std::ptrdiff_t KernelBackend::send(int fd, std::span<const std::byte> data) {
  return checked([&] { return ::send(fd, data.data(), data.size(), MSG_NOSIGNAL); });
}

std::ptrdiff_t KernelBackend::send_many(int fd,
                                        std::span<const std::span<const std::byte>> pieces) {
  std::array<iovec, 64> vectors;
  const std::size_t count = std::min(pieces.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  return checked([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}

int KernelBackend::socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

int KernelBackend::set_option(int fd, int level, int option, int value) {
  return checked([&] { return ::setsockopt(fd, level, option, &value, sizeof value); });
}

int KernelBackend::local_address(int fd, SocketAddress& out) {
  return with_address(out,
                      [fd](sockaddr* to, socklen_t* size) { return ::getsockname(fd, to, size); });
}

int KernelBackend::peer_address(int fd, SocketAddress& out) {
  return with_address(out,
                      [fd](sockaddr* to, socklen_t* size) { return ::getpeername(fd, to, size); });
}

void KernelBackend::close(int fd) noexcept {
  // Never again after EINTR: Linux has let go of the number by then, and it may be someone else's.
  ::close(fd);
}

std::size_t KernelBackend::descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return limit.rlim_cur;
}

// --- work that blocks ---------------------------------------------------------------------------

int KernelBackend::catch_signal(int number, SignalListener& listener) {
  return catch_process_signal(number, listener);
}

void KernelBackend::release_signal(int number, SignalListener& listener) noexcept {
  release_process_signal(number, listener);
}

void KernelBackend::submit(BlockingJob& job) {
  if (closed_) throw RuntimeError("cannot schedule new work after the loop was closed");
  if (!pool_) pool_ = std::make_unique<BlockingPool>(sink_, context_);
  pool_->submit(job);
}

ResolveAnswer KernelBackend::resolve(const ResolveQuery& query) {
  addrinfo hints{};
  hints.ai_family = query.family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = query.passive ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  ResolveAnswer answer;
  answer.error = ::getaddrinfo(query.host.empty() ? nullptr : query.host.c_str(),
                               query.service.empty() ? "0" : query.service.c_str(), &hints, &list);
  if (answer.error != 0) {
    answer.reason =
        answer.error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(answer.error);
    return answer;
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_addrlen > SocketAddress::kCapacity) continue;
    SocketAddress& address = answer.addresses.emplace_back();
    std::memcpy(address.data(), entry->ai_addr, entry->ai_addrlen);
    address.set_size(entry->ai_addrlen);
  }
  return answer;
}

void KernelBackend::close_all() noexcept {
  closed_ = true;
  if (!pool_) return;
  base::List<BlockingJob> not_begun;
  pool_->take_waiting(not_begun);
  while (BlockingJob* job = not_begun.pop_front()) sink_(context_, *job);
  pool_.reset();
}

void KernelBackend::abandon_workers() noexcept {
  if (pool_) pool_->let_go();
}

}  // namespace asyncio::detail
