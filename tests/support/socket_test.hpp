// The fixture of tests with real sockets on loopback: a real loop, and a check that no descriptor
// and no pooled block was left behind.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "asyncio/task/drive.hpp"
#include "support/descriptors.hpp"
#include "support/loop_test.hpp"

namespace asyncio::test {

class SocketTest : public QuietTest {
 protected:
  SocketTest() : loop_(std::make_unique<EventLoop>()) {}

  EventLoop& loop() { return *loop_; }
  Scheduler& scheduler() { return loop_->scheduler(); }
  template <class A>
  auto run(A&& main) {
    return loop_->run_until_complete(std::forward<A>(main));
  }
  /// Turns the loop `count` times.
  void turn(int count = 1) {
    for (int i = 0; i < count; ++i) {
      loop_->stop();
      loop_->run_forever();
    }
  }

  void TearDown() override {
    // As run() does: handlers of connections end in order.
    scheduler().set_exception_handler(nullptr);
    if (!loop_->is_closed()) detail::cancel_and_join_all(scheduler());
    loop_->close();
    loop_.reset();
    EXPECT_EQ(open_descriptors(), descriptors_before_) << "descriptors leaked";
    QuietTest::TearDown();
  }

 private:
  int descriptors_before_ = open_descriptors();
  std::unique_ptr<EventLoop> loop_;
};

/// The other end of a connection, with plain blocking calls.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {
    const timeval limit{20, 0};  // a test that goes wrong fails instead of hanging
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Peer() { close(); }

  void send(std::string_view data) const {
    while (!data.empty()) {
      const ssize_t count = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      data.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  /// What is there, at most `most`; waits for the first byte.
  [[nodiscard]] std::string recv(std::size_t most = 65536) const {
    std::string data(most, '\0');
    const ssize_t count = ::recv(fd_, data.data(), most, 0);
    data.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return data;
  }
  /// Whether that much has come; does not wait.
  [[nodiscard]] bool has(std::size_t count) const {
    std::string data(count, '\0');
    return ::recv(fd_, data.data(), count, MSG_PEEK | MSG_DONTWAIT) == static_cast<ssize_t>(count);
  }
  [[nodiscard]] std::string recv_all() const {
    std::string all;
    for (std::string part = recv(); !part.empty(); part = recv()) all += part;
    return all;
  }
  /// The end comes after what was sent.
  void shutdown() const { ::shutdown(fd_, SHUT_WR); }
  /// The connection breaks: ECONNRESET.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// Both ends of a TCP connection on loopback; ours does not block.
struct TcpPair {
  int ours = -1;
  int theirs = -1;

  TcpPair() {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ::bind(server, generic, size);
    ::listen(server, 1);
    ::getsockname(server, generic, &size);
    theirs = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::connect(theirs, generic, size);
    ours = ::accept4(server, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ::close(server);
  }
};

}  // namespace asyncio::test
