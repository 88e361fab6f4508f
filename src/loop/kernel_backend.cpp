#include "loop/kernel_backend.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>

#include "asyncio/base/error.hpp"
#include "loop/checked.hpp"
#include "loop/process_signals.hpp"

namespace asyncio::detail {
namespace {

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

// The pieces as the kernel takes them: as many as fit, which may be fewer than there are.
class Vectors {
 public:
  explicit Vectors(std::span<const std::span<const std::byte>> pieces) noexcept
      : count_(std::min(pieces.size(), vectors_.size())) {
    for (std::size_t i = 0; i < count_; ++i) {
      vectors_[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
    }
  }
  [[nodiscard]] iovec* data() noexcept { return vectors_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

 private:
  std::array<iovec, 64> vectors_;
  std::size_t count_;
};

// A pipe has no MSG_NOSIGNAL. So SIGPIPE is held back in this thread, and the one that our call
// raised is taken away; the program's disposition is not touched.
class SigpipeHeldBack {
 public:
  SigpipeHeldBack() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeHeldBack(const SigpipeHeldBack&) = delete;
  SigpipeHeldBack& operator=(const SigpipeHeldBack&) = delete;
  ~SigpipeHeldBack() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  void take() noexcept {
    if (was_pending_) return;
    const timespec now{};
    while (sigtimedwait(&pipe_, nullptr, &now) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

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
  Vectors vectors(pieces);
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = vectors.size();
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

int KernelBackend::socket_pair(int type, std::array<int, 2>& ends) {
  return checked(
      [&] { return ::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()); });
}

std::ptrdiff_t KernelBackend::recv_from(int fd, std::span<std::byte> buffer,
                                        ReceivedDatagram& info) {
  iovec piece{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = info.from.data();
  message.msg_namelen = SocketAddress::kCapacity;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  const std::ptrdiff_t count = checked([&] { return ::recvmsg(fd, &message, 0); });
  info.from.set_size(count < 0 ? 0 : message.msg_namelen);
  info.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  return count;
}

std::ptrdiff_t KernelBackend::send_to(int fd, std::span<const std::byte> data,
                                      const SocketAddress& to) {
  return checked([&] {
    return ::sendto(fd, data.data(), data.size(), MSG_NOSIGNAL,
                    to.empty() ? nullptr : address_of(to), to.size());
  });
}

std::ptrdiff_t KernelBackend::send_file(int out, int file, std::int64_t offset, std::size_t count) {
  off_t at = offset;
  SigpipeHeldBack no_signal;
  const std::ptrdiff_t sent = checked([&] { return ::sendfile(out, file, &at, count); });
  if (sent == -EPIPE) no_signal.take();
  return sent;
}

int KernelBackend::get_option(int fd, int level, int option, int& value) {
  socklen_t size = sizeof value;
  value = 0;
  return checked([&] { return ::getsockopt(fd, level, option, &value, &size); });
}

// --- other descriptors --------------------------------------------------------------------------

int KernelBackend::open_pipe(std::array<int, 2>& ends) {
  return checked([&] { return ::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC); });
}

std::ptrdiff_t KernelBackend::read(int fd, std::span<std::byte> buffer) {
  return checked([&] { return ::read(fd, buffer.data(), buffer.size()); });
}

std::ptrdiff_t KernelBackend::write_many(int fd,
                                         std::span<const std::span<const std::byte>> pieces) {
  Vectors vectors(pieces);
  SigpipeHeldBack no_signal;
  const std::ptrdiff_t written =
      checked([&] { return ::writev(fd, vectors.data(), static_cast<int>(vectors.size())); });
  if (written == -EPIPE) no_signal.take();
  return written;
}

int KernelBackend::set_blocking(int fd, bool blocking) {
  const int flags = checked([&] { return ::fcntl(fd, F_GETFL); });
  if (flags < 0) return flags;
  const int wanted = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
  return wanted == flags ? 0 : checked([&] { return ::fcntl(fd, F_SETFL, wanted); });
}

int KernelBackend::duplicate(int fd) {
  return checked([&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); });
}

int KernelBackend::kind_of(int fd, DescriptorKind& kind) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return -errno;
  kind = S_ISSOCK(status.st_mode)   ? DescriptorKind::socket
         : S_ISFIFO(status.st_mode) ? DescriptorKind::pipe
         : S_ISCHR(status.st_mode)  ? DescriptorKind::character_device
         : S_ISREG(status.st_mode)  ? DescriptorKind::file
                                    : DescriptorKind::other;
  return 0;
}

int KernelBackend::poll_now(int fd, Readiness& ready) {
  pollfd look{fd, POLLIN | POLLOUT, 0};
  const int count = checked([&] { return ::poll(&look, 1, 0); });
  if (count < 0) return count;
  if ((look.revents & POLLNVAL) != 0) return -EBADF;
  const bool ended = (look.revents & (POLLHUP | POLLERR)) != 0;
  ready.readable = ended || (look.revents & (POLLIN | POLLRDHUP)) != 0;
  ready.writable = ended || (look.revents & POLLOUT) != 0;
  return 0;
}

int KernelBackend::identify_file(const std::string& path, FileIdentity& identity) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return -errno;
  identity = {status.st_dev, status.st_ino, S_ISSOCK(status.st_mode)};
  return 0;
}

int KernelBackend::unlink(const std::string& path) {
  return checked([&] { return ::unlink(path.c_str()); });
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

NameAnswer KernelBackend::name_of(const SocketAddress& address, int flags) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  NameAnswer answer;
  answer.error = ::getnameinfo(address_of(address), address.size(), host.data(), host.size(),
                               service.data(), service.size(), flags);
  if (answer.error != 0) {
    answer.reason =
        answer.error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(answer.error);
    return answer;
  }
  answer.host = host.data();
  answer.service = service.data();
  return answer;
}

void KernelBackend::close_all() noexcept {
  closed_ = true;
  if (pool_) {
    base::List<BlockingJob> not_begun;
    pool_->take_waiting(not_begun);
    while (BlockingJob* job = not_begun.pop_front()) sink_(context_, *job);
    pool_.reset();
  }
  children_.end_all();
}

void KernelBackend::abandon_workers() noexcept {
  if (pool_) pool_->let_go();
}

}  // namespace asyncio::detail
