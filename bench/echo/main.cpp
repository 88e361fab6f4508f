// Echo over loopback: CPU per echo of a server on asyncio streams beside one on bare epoll, in
// turns, and what an idle connection costs. Usage: bench_echo [connections] [bytes] [seconds]
// [rounds]
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "bench/echo/servers.hpp"

namespace {

struct Shape {
  int connections = 100;
  std::size_t bytes = 64;
  double seconds = 1;
  int rounds = 5;
};

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// A server in a process of its own.
class Child {
 public:
  explicit Child(void (*serve)(const bench::ReportPort&)) {
    int pipe[2];
    if (::pipe(pipe) != 0) give_up("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      serve([&](int port) {
        if (::write(pipe[1], &port, sizeof port) != sizeof port) std::_Exit(1);
      });
      std::_Exit(0);
    }
    ::close(pipe[1]);
    if (::read(pipe[0], &port_, sizeof port_) != sizeof port_) give_up("server");
    ::close(pipe[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] double cpu_seconds() const {
    double nanoseconds = 0;
    std::ifstream("/proc/" + std::to_string(pid_) + "/schedstat") >> nanoseconds;
    return nanoseconds * 1e-9;
  }
  [[nodiscard]] double memory_bytes() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
    for (std::string word; file >> word;) {
      if (word != "Rss:") continue;
      double kilobytes = 0;
      file >> kilobytes;
      return kilobytes * 1024;
    }
    return 0;
  }

 private:
  pid_t pid_ = 0;
  int port_ = 0;
};

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// Each connection sends again as soon as its echo is whole. Returns how many were.
long load(int port, const Shape& shape) {
  const std::string message(shape.bytes, 'x');
  std::vector<char> buffer(1 << 18);
  const int poller = ::epoll_create1(0);
  std::vector<int> fds;
  std::vector<std::size_t> got;
  for (int i = 0; i < shape.connections; ++i) {
    const int fd = connect_to(port);
    fds.push_back(fd);
    got.resize(std::max(got.size(), static_cast<std::size_t>(fd) + 1));
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.fd = fd;
    ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
    if (::send(fd, message.data(), message.size(), 0) < 0) give_up("send");
  }
  long echoes = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(shape.seconds);
  std::array<epoll_event, 256> events;
  while (std::chrono::steady_clock::now() < end) {
    const int count = ::epoll_wait(poller, events.data(), events.size(), 1000);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
      if (n <= 0) give_up("recv");
      std::size_t& have = got[static_cast<std::size_t>(fd)];
      have += static_cast<std::size_t>(n);
      if (have < shape.bytes) continue;
      have -= shape.bytes;
      ++echoes;
      if (::send(fd, message.data(), message.size(), 0) < 0) give_up("send");
    }
  }
  for (const int fd : fds) {
    ::shutdown(fd, SHUT_WR);
    while (::recv(fd, buffer.data(), buffer.size(), 0) > 0) {
    }
    ::close(fd);
  }
  ::close(poller);
  return echoes;
}

double microseconds_per_echo(void (*serve)(const bench::ReportPort&), const Shape& shape) {
  const Child server(serve);
  const double before = server.cpu_seconds();
  const long echoes = load(server.port(), shape);
  return (server.cpu_seconds() - before) / static_cast<double>(echoes) * 1e6;
}

double idle_bytes(void (*serve)(const bench::ReportPort&)) {
  const Child server(serve);
  std::vector<int> fds;
  const auto connect_some = [&](int count) {
    for (int i = 0; i < count; ++i) {
      char byte = 'x';
      fds.push_back(connect_to(server.port()));
      if (::send(fds.back(), &byte, 1, 0) != 1 || ::recv(fds.back(), &byte, 1, 0) != 1) {
        give_up("idle connection");
      }
    }
  };
  connect_some(500);
  const double before = server.memory_bytes();
  connect_some(4000);
  const double bytes = (server.memory_bytes() - before) / 4000;
  for (const int fd : fds) ::close(fd);
  return bytes;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const rlimit many{10000, 10000};
  ::setrlimit(RLIMIT_NOFILE, &many);
  Shape shape;
  if (argc > 1) shape.connections = std::atoi(argv[1]);
  if (argc > 2) shape.bytes = static_cast<std::size_t>(std::atol(argv[2]));
  if (argc > 3) shape.seconds = std::atof(argv[3]);
  if (argc > 4) shape.rounds = std::atoi(argv[4]);

  std::vector<double> raw;
  std::vector<double> streams;
  std::vector<double> share;
  for (int i = 0; i < shape.rounds; ++i) {
    raw.push_back(microseconds_per_echo(&bench::serve_raw, shape));
    streams.push_back(microseconds_per_echo(&bench::serve_streams, shape));
    share.push_back(raw.back() / streams.back());
  }
  std::printf(
      "echo %d x %zu B, server CPU per echo: raw epoll %.2f us, streams %.2f us, share %.3f\n",
      shape.connections, shape.bytes, median(raw), median(streams), median(share));
  std::printf("idle connection: raw epoll %.0f B, streams %.0f B\n", idle_bytes(&bench::serve_raw),
              idle_bytes(&bench::serve_streams));
}
