#include "concurrent/nursery.hpp"

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "concurrent/nursery_process.hpp"

namespace asyncio::detail {
namespace {

void make_pair(int type, OwnedFd& here, OwnedFd& there, const char* subject) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw_os_error(errno, "socketpair", subject);
  }
  here = OwnedFd(ends[0]);
  there = OwnedFd(ends[1]);
}

#if defined(__SANITIZE_THREAD__)
constexpr int kThreadsOfTheRuntime = 1;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr int kThreadsOfTheRuntime = 1;
#else
constexpr int kThreadsOfTheRuntime = 0;
#endif
#else
constexpr int kThreadsOfTheRuntime = 0;
#endif

// Python warns of the same, and from the same place: field 20 of /proc/self/stat.
int count_threads() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  std::size_t at = text.rfind(')');
  for (int field = 2; field < 20 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  return at == std::string::npos ? 1 : std::atoi(text.c_str() + at) - kThreadsOfTheRuntime;
}

void warn_of_threads() {
  // One that was joined just now may still be counted.
  for (int i = 0; i < 50 && count_threads() > 1; ++i) ::sched_yield();
  if (count_threads() <= 1) return;
  log(LogLevel::warning,
      "RuntimeWarning: This process (pid=" + std::to_string(::getpid()) +
          ") is multi-threaded, the fork() of a ProcessPoolExecutor may lead to deadlocks in its "
          "workers: what another thread has locked now stays locked in them. Make the pool before "
          "the threads.");
}

}  // namespace

Nursery::Nursery(const std::function<void()>& initializer) {
  OwnedFd there;
  make_pair(SOCK_SEQPACKET, control_, there, "of a process pool");
  warn_of_threads();
  // Or what is still to be written would be written by both.
  std::cout.flush();
  std::fflush(stdout);
  // No signal may meet a handler of the parent's in the child.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = ::fork();
  const int error = errno;
  if (pid_ == 0) be_nursery(there.get(), initializer);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) throw_os_error(error, "fork", "the processes of a pool");
}

Nursery::~Nursery() {
  control_.reset();
  if (pid_ < 0) return;
  // ECHILD: somebody else took it, or SIGCHLD is ignored. Gone it is in any case.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

OwnedFd Nursery::start_worker(std::uint32_t worker) {
  OwnedFd here;
  OwnedFd there;
  make_pair(SOCK_STREAM | SOCK_NONBLOCK, here, there, "to a worker process");
  // Each time it is full, the other process has to be woken. More than the system allows is cut.
  const int room = 1 << 20;
  for (const OwnedFd* end : {&here, &there}) {
    ::setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  }
  NurseryOrder order{NurseryOrder::Kind::start, worker, 0};
  iovec part{&order, sizeof order};
  const int fd = there.get();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  while (::sendmsg(control_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) throw_os_error(errno, "sendmsg", "a worker's channel");
  }
  return here;
}

void Nursery::signal_worker(std::uint32_t worker, int number) noexcept {
  const NurseryOrder order{NurseryOrder::Kind::signal, worker, number};
  while (::send(control_.get(), &order, sizeof order, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

Nursery::News Nursery::read(NurseryReport& report) noexcept {
  for (;;) {
    const ssize_t got = ::recv(control_.get(), &report, sizeof report, MSG_DONTWAIT);
    if (got == static_cast<ssize_t>(sizeof report)) return News::report;
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN ? News::none : News::gone;
  }
}

}  // namespace asyncio::detail
