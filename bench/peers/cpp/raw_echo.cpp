// raw_echo [READ_BYTES]: the echo server that one writes by hand in C: level-triggered epoll, one
// buffer for all, a copy only of what the kernel does not take. The measure of the others.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

struct Connection {
  int fd;
  std::string unsent;  // while there is some, we wait to write and read nothing
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

void watch(int poller, int operation, Connection& connection, std::uint32_t events) {
  epoll_event interest{};
  interest.events = events;
  interest.data.ptr = &connection;
  if (::epoll_ctl(poller, operation, connection.fd, &interest) != 0) give_up("epoll_ctl");
}

int listen_on_loopback() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, name, size) != 0 || ::listen(fd, 4096) != 0) give_up("listen");
  ::getsockname(fd, name, &size);
  std::printf("listening %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void accept_all(int poller, int server) {
  for (;;) {
    const int fd = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poller, EPOLL_CTL_ADD, *new Connection{fd, {}}, EPOLLIN);
  }
}

void drop(Connection& connection) {
  ::close(connection.fd);
  delete &connection;
}

void echo(int poller, Connection& connection, std::vector<char>& buffer) {
  const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return drop(connection);
  const auto size = static_cast<std::size_t>(got);
  const ssize_t put = ::send(connection.fd, buffer.data(), size, MSG_NOSIGNAL);
  if (put == got) return;
  if (put < 0 && errno != EAGAIN) return drop(connection);
  const auto sent = static_cast<std::size_t>(put < 0 ? 0 : put);
  connection.unsent.assign(buffer.data() + sent, size - sent);
  watch(poller, EPOLL_CTL_MOD, connection, EPOLLOUT);
}

void flush(int poller, Connection& connection) {
  std::string& unsent = connection.unsent;
  const ssize_t put = ::send(connection.fd, unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (put < 0 && errno == EAGAIN) return;
  if (put < 0) return drop(connection);
  unsent.erase(0, static_cast<std::size_t>(put));
  if (unsent.empty()) watch(poller, EPOLL_CTL_MOD, connection, EPOLLIN);
}

}  // namespace

int main(int argc, char** argv) {
  Connection server{listen_on_loopback(), {}};
  const int poller = ::epoll_create1(0);
  watch(poller, EPOLL_CTL_ADD, server, EPOLLIN);
  std::array<epoll_event, 512> events;
  std::vector<char> buffer(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 65536);
  for (;;) {
    const int count = ::epoll_wait(poller, events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if (&connection == &server) {
        accept_all(poller, server.fd);
      } else if (connection.unsent.empty()) {
        echo(poller, connection, buffer);
      } else {
        flush(poller, connection);
      }
    }
  }
}
