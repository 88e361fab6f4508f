// The yardstick: a client on bare epoll that does what it must and nothing else. It looks for the
// end of the head and for Content-Length, collects the body, and knows no timeouts, redirects,
// pools or errors worth a name. The same arguments and answers as the others.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/http/load.hpp"

namespace {

// "http://127.0.0.1:8080/path": the only kind that it is given.
struct Target {
  explicit Target(const std::string& url, bool close) {
    const std::size_t colon = url.find(':', 7);
    const std::size_t slash = url.find('/', colon);
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    if (inet_pton(AF_INET, url.substr(7, colon - 7).c_str(), &address.sin_addr) != 1) {
      throw std::runtime_error("not an IPv4 address: " + url);
    }
    request = "GET " + url.substr(slash) + " HTTP/1.1\r\nHost: " + url.substr(7, slash - 7) +
              "\r\nUser-Agent: raw\r\nAccept: */*\r\n" + (close ? "Connection: close\r\n" : "") +
              "\r\n";
  }

  sockaddr_in address{};
  std::string request;
};

class Client {
 public:
  explicit Client(const bench::Load& load)
      : target_(load.url, load.close), close_(load.close), connections_(load.in_flight) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    for (Connection& connection : connections_) disconnect(connection);
    ::close(epoll_);
  }

  bench::Tally run(std::size_t requests) {
    tally_ = {};
    left_ = requests;
    for (Connection& connection : connections_) next_request(connection);
    std::array<epoll_event, 256> events;
    while (running_ > 0) {
      const int count = epoll_wait(epoll_, events.data(), int(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        on_event(*static_cast<Connection*>(event.data.ptr), event.events);
      }
    }
    return tally_;
  }

 private:
  struct Connection {
    int fd = -1;
    bool waits_to_send = false;
    bool in_body = false;
    std::size_t length = 0;
    std::string head;
    std::string body;
  };

  void next_request(Connection& connection) {
    if (left_ == 0) return;
    --left_;
    ++running_;
    connection.in_body = false;
    connection.head.clear();
    connection.body.clear();
    if (connection.fd >= 0) {
      send_request(connection);
    } else {
      connect_to_server(connection);
    }
  }

  void connect_to_server(Connection& connection) {
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto* address = reinterpret_cast<const sockaddr*>(&target_.address);
    if (connect(connection.fd, address, sizeof target_.address) != 0 && errno != EINPROGRESS) {
      return fail(connection);
    }
    connection.waits_to_send = true;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &connection;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
  }

  void on_event(Connection& connection, std::uint32_t events) {
    if (connection.fd < 0) return;
    if (connection.waits_to_send) {
      if (events & (EPOLLERR | EPOLLHUP)) return fail(connection);
      if (events & EPOLLOUT) send_request(connection);
    } else if (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) {
      receive(connection);
    }
  }

  void send_request(Connection& connection) {
    connection.waits_to_send = false;
    const std::string& request = target_.request;
    const ssize_t sent = send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) fail(connection);
  }

  void receive(Connection& connection) {
    for (;;) {
      const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return fail(connection);
      const bool whole = take(connection, {buffer_.data(), static_cast<std::size_t>(count)});
      if (whole) return finish(connection);
      if (static_cast<std::size_t>(count) < buffer_.size()) return;
    }
  }

  // Whether that was the end of the response.
  static bool take(Connection& connection, std::string_view bytes) {
    if (connection.in_body) {
      connection.body.append(bytes);
    } else if (connection.head.empty()) {
      begin_body(connection, bytes);  // the usual case: the whole head in one piece
      if (!connection.in_body) connection.head = bytes;
    } else {
      connection.head.append(bytes);
      begin_body(connection, connection.head);
    }
    return connection.in_body && connection.body.size() >= connection.length;
  }

  static void begin_body(Connection& connection, std::string_view text) {
    const std::size_t end = text.find("\r\n\r\n");
    if (end == std::string_view::npos) return;
    connection.in_body = true;
    connection.length = content_length(text.substr(0, end));
    connection.body.reserve(connection.length);
    connection.body.append(text.substr(end + 4));
  }

  static std::size_t content_length(std::string_view head) {
    constexpr std::string_view kName = "\r\nContent-Length: ";
    const std::size_t at = head.find(kName);
    std::size_t length = 0;
    if (at != std::string_view::npos) {
      std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), length);
    }
    return length;
  }

  void finish(Connection& connection) {
    const std::string body = std::move(connection.body);
    ++tally_.completed;
    tally_.bytes += body.size();
    --running_;
    if (close_) disconnect(connection);
    next_request(connection);
  }

  void fail(Connection& connection) {
    if (tally_.failed++ == 0) std::perror("raw client");
    --running_;
    disconnect(connection);
    next_request(connection);
  }

  void disconnect(Connection& connection) {
    if (connection.fd >= 0) ::close(connection.fd);
    connection.fd = -1;
  }

  Target target_;
  bool close_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> connections_;
  std::array<char, 64 * 1024> buffer_;
  std::size_t left_ = 0;
  std::size_t running_ = 0;
  bench::Tally tally_;
};

}  // namespace

int main(int argc, char** argv) {
  const bench::Load load = bench::Load::parse(argc, argv);
  Client client(load);
  if (load.warm_up > 0) client.run(load.warm_up);
  const bench::Stopwatch watch;
  client.run(load.requests).print(watch);
}
