#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "bench/echo/servers.hpp"

namespace bench {
namespace {

void add(int poller, int fd) {
  epoll_event interest{};
  interest.events = EPOLLIN;
  interest.data.fd = fd;
  ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
}

void accept_all(int poller, int server) {
  for (;;) {
    const int fd = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    add(poller, fd);
  }
}

}  // namespace

void serve_raw(const ReportPort& report) {
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(server, reinterpret_cast<sockaddr*>(&address), size);
  ::listen(server, 1000);
  ::getsockname(server, reinterpret_cast<sockaddr*>(&address), &size);
  report(ntohs(address.sin_port));

  const int poller = ::epoll_create1(0);
  add(poller, server);
  std::array<epoll_event, 256> events;
  std::vector<char> buffer(65536);
  for (;;) {
    const int count = ::epoll_wait(poller, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == server) {
        accept_all(poller, server);
        continue;
      }
      const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        ::close(fd);
      } else if (::send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) {
        std::abort();  // with these sizes the kernel always takes it all
      }
    }
  }
}

}  // namespace bench
