// A server for tests that answers with whatever bytes it is told to, also wrong ones. It runs in a
// thread of its own with blocking calls, one request after another; a connection that is kept and
// not answered does not hold up the others.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::test {

/// One connection whose request has been read.
class Exchange {
 public:
  Exchange(tool::UniqueFd socket, std::string request)
      : socket_(std::move(socket)), request_(std::move(request)) {}

  [[nodiscard]] const std::string& request() const { return request_; }
  /// "/path" of "GET /path?query HTTP/1.1".
  [[nodiscard]] std::string path() const {
    const std::size_t begin = request_.find(' ') + 1;
    return request_.substr(begin, request_.find_first_of(" ?", begin) - begin);
  }
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return;  // the client had enough
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  /// A whole answer, after which the connection is closed.
  void answer(std::string_view body, std::string_view status = "200 OK",
              std::string_view fields = "") const {
    send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n" + std::string(fields) + "\r\n" + std::string(body));
  }
  [[nodiscard]] int fd() const { return socket_.get(); }
  /// The connection breaks instead of ending.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    socket_.reset();
  }

 private:
  tool::UniqueFd socket_;
  std::string request_;
};

class RawServer {
 public:
  /// Runs on the server's thread. What it moves out of the argument stays open: keep() it.
  using Handler = std::function<void(RawServer&, Exchange)>;

  explicit RawServer(Handler handler)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        handler_(std::move(handler)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ::bind(listener_.get(), generic, size);
    ::listen(listener_.get(), 1024);
    ::getsockname(listener_.get(), generic, &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;
  ~RawServer() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
  }

  [[nodiscard]] std::string url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

  /// Closes what was kept: a count of descriptors can then do without ours.
  void drop_kept() {
    const std::lock_guard lock(mutex_);
    kept_.clear();
  }

  /// Waits until the client has gone whose connection was kept last. Such a handler has run.
  [[nodiscard]] bool kept_one_hangs_up() {
    const std::lock_guard lock(mutex_);
    if (kept_.empty()) return false;
    pollfd gone{kept_.back().fd(), POLLRDHUP, 0};
    return ::poll(&gone, 1, 20'000) == 1;
  }

  // For handlers.

  /// Keeps the connection open until the server goes.
  void keep(Exchange exchange) { kept_.push_back(std::move(exchange)); }
  [[nodiscard]] std::vector<Exchange>& kept() { return kept_; }
  /// How many requests there were for this path, this one included.
  [[nodiscard]] int count(const std::string& path) const { return counts_.at(path); }

 private:
  [[nodiscard]] bool readable(int fd) const {
    pollfd both[] = {{stop_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    ::poll(both, 2, 20'000);
    return both[0].revents == 0 && both[1].revents != 0;
  }
  void serve() {
    while (readable(listener_.get())) {
      const std::lock_guard lock(mutex_);
      tool::UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      while (request.find("\r\n\r\n") == std::string::npos && readable(socket.get())) {
        char bytes[4096];
        const ssize_t count = ::recv(socket.get(), bytes, sizeof bytes, 0);
        if (count <= 0) break;
        request.append(bytes, static_cast<std::size_t>(count));
      }
      if (request.empty()) continue;
      Exchange exchange(std::move(socket), std::move(request));
      ++counts_[exchange.path()];
      handler_(*this, std::move(exchange));
    }
  }

  tool::UniqueFd listener_;
  tool::UniqueFd stop_;
  Handler handler_;
  std::mutex mutex_;  // from accept() to the end of the handler
  std::uint16_t port_ = 0;
  std::vector<Exchange> kept_;
  std::map<std::string, int> counts_;
  std::thread thread_;
};

}  // namespace asyncio::test
