// The load of the echo servers, on bare epoll. Each connection has one message in flight: it sends
// the next when the echo of the last is whole, and every byte that comes back is compared.
//
//   bench_echo_load echo PORT PID CONNECTIONS BYTES SECONDS IDLE
//   bench_echo_load idle PORT PID CONNECTIONS
//
// PID is the server's: what it spends is read from its process clock, after a warm-up and again at
// the end. IDLE more connections stay silent meanwhile. `idle` measures what the server's resident
// memory grows by with each connection that has echoed one message and is silent since.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

// User and system time of the whole process, whichever of its threads.
double cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    give_up("the server's clock");
  }
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double resident_bytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == "Rss:" && file >> kilobytes) return kilobytes * 1024;
  }
  give_up("smaps_rollup");
}

// --- connections --------------------------------------------------------------------------------

// From an address of its own in the loopback net, so that no port of an earlier load is in the way.
class Connector {
 public:
  explicit Connector(int port) : port_(port) {
    std::random_device chance;
    from_ = 0x7f000000U | (chance() & 0xfffffeU) | 2U;
  }

  int connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0) give_up("socket");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const sockaddr_in here = address(from_, 0);
    const sockaddr_in there = address(INADDR_LOOPBACK, port_);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) give_up("bind");
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      give_up("connect");
    }
    // No more than the server's queue holds: what echoes has been accepted, and all before it.
    if (++count_ % 256 == 0) ping(fd);
    return fd;
  }

  static void ping(int fd) {
    char byte = 'x';
    if (::send(fd, &byte, 1, 0) != 1 || ::recv(fd, &byte, 1, 0) != 1) give_up("ping");
  }

 private:
  static sockaddr_in address(std::uint32_t host, int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(host);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  int port_;
  std::uint32_t from_ = 0;
  int count_ = 0;
};

struct Connection {
  int fd;
  std::size_t sent = 0;      // of the message in flight
  std::size_t received = 0;  // of its echo
};

class Load {
 public:
  Load(int port, std::size_t connections, std::size_t bytes, std::size_t idle)
      : message_(bytes, '\0'), buffer_(256 * 1024), poller_(::epoll_create1(0)) {
    for (std::size_t i = 0; i < bytes; ++i) message_[i] = static_cast<char>(i % 251);
    Connector connector(port);
    for (std::size_t i = 0; i < idle; ++i) Connector::ping(connector.connect());
    connections_.reserve(connections);
    for (std::size_t i = 0; i < connections; ++i) add(connector.connect());
  }

  /// For that time, and that many echoes on each connection: with many of them a time alone would
  /// count echoes that the server has made before. How many echoes became whole.
  long run(std::chrono::duration<double> time, long laps) {
    const long before = echoes_;
    const long enough = before + laps * static_cast<long>(connections_.size());
    const auto end = Clock::now() + time;
    while (Clock::now() < end || echoes_ < enough) turn(100);
    return echoes_ - before;
  }

  void begin() {
    for (Connection& connection : connections_) send(connection);
  }

  /// No further message; what is in flight comes home, so that no server sees a reset.
  void finish() {
    sending_ = false;
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (finished_ < connections_.size()) {
      if (Clock::now() > end) give_up("an echo is missing");
      turn(100);
    }
  }

 private:
  static constexpr int kBatch = 512;

  void add(int fd) {
    connections_.push_back({fd});
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLOUT | EPOLLET;
    interest.data.ptr = &connections_.back();
    if (::epoll_ctl(poller_, EPOLL_CTL_ADD, fd, &interest) != 0) give_up("epoll_ctl");
  }

  void turn(int milliseconds) {
    const int count = ::epoll_wait(poller_, events_.data(), kBatch, milliseconds);
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events_[static_cast<std::size_t>(i)];
      auto& connection = *static_cast<Connection*>(event.data.ptr);
      if ((event.events & EPOLLOUT) != 0 && connection.sent > 0) send(connection);
      if ((event.events & EPOLLIN) != 0) receive(connection);
    }
  }

  void send(Connection& connection) {
    while (connection.sent < message_.size()) {
      const std::string_view rest = std::string_view(message_).substr(connection.sent);
      const ssize_t count =
          ::send(connection.fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) give_up("send");
      connection.sent += static_cast<std::size_t>(count);
    }
  }

  void receive(Connection& connection) {
    for (;;) {
      const ssize_t count = ::recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) give_up("recv");
      const auto size = static_cast<std::size_t>(count);
      if (connection.received + size > message_.size() ||
          std::memcmp(buffer_.data(), message_.data() + connection.received, size) != 0) {
        std::fputs("bench_echo_load: the echo is not what was sent\n", stderr);
        std::exit(1);
      }
      connection.received += size;
      if (connection.received == message_.size()) complete(connection);
      if (size < buffer_.size()) return;
    }
  }

  void complete(Connection& connection) {
    ++echoes_;
    connection.sent = connection.received = 0;
    if (sending_) {
      send(connection);
    } else {
      ++finished_;
    }
  }

  std::string message_;
  std::vector<char> buffer_;
  int poller_;
  std::vector<Connection> connections_;
  std::array<epoll_event, kBatch> events_;
  long echoes_ = 0;
  bool sending_ = true;
  std::size_t finished_ = 0;
};

// --- what is measured ---------------------------------------------------------------------------

void measure_echo(int port, pid_t pid, char** rest) {
  Load load(port, std::strtoul(rest[0], nullptr, 10), std::strtoul(rest[1], nullptr, 10),
            std::strtoul(rest[3], nullptr, 10));
  const std::chrono::duration<double> time(std::atof(rest[2]));
  load.begin();
  load.run(time / 4, 1);
  const double cpu_before = cpu_seconds(pid);
  const auto begin = Clock::now();
  const long echoes = load.run(time, 4);
  const std::chrono::duration<double> wall = Clock::now() - begin;
  const double cpu = cpu_seconds(pid) - cpu_before;
  load.finish();
  std::printf("cpu\tus\t%.5g\n", cpu * 1e6 / static_cast<double>(std::max(echoes, 1L)));
  std::printf("rate\t1/s\t%.5g\n", static_cast<double>(echoes) / wall.count());
}

void measure_idle(int port, pid_t pid, int connections) {
  Connector connector(port);
  const auto connect_some = [&](int count) {
    for (int i = 0; i < count; ++i) Connector::ping(connector.connect());
  };
  const int first = connections / 10;
  connect_some(first);
  const double before = resident_bytes(pid);
  connect_some(connections - first);
  const double grown = resident_bytes(pid) - before;
  std::printf("memory\tB\t%.5g\n", grown / (connections - first));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if ((what != "echo" || argc != 8) && (what != "idle" || argc != 5)) {
    std::fputs("usage: see the top of bench/echo/load.cpp\n", stderr);
    return 2;
  }
  const int port = std::atoi(argv[2]);
  const pid_t pid = std::atoi(argv[3]);
  if (what == "echo") {
    measure_echo(port, pid, argv + 4);
  } else {
    measure_idle(port, pid, std::atoi(argv[4]));
  }
}
