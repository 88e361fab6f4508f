// How a backend chooses between epoll and io_uring, and that programs cannot tell the two apart.
#include "loop/polling_backend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/base/log.hpp"
#include "support/deny_io_uring.hpp"

namespace asyncio {
namespace {

using detail::Engines;
using detail::PollingBackend;

constexpr Engines kEpoll{"epoll", false, false, false};
constexpr Engines kRing{"io_uring", true, true, true};

int messages = 0;
std::string last_message;
LogLevel last_level;
void keep(LogLevel level, std::string_view message) {
  ++messages;
  last_level = level;
  last_message = message;
}

// The exit code of a child process in which io_uring fails with `error`.
template <class F>
int in_a_sandbox(int error, F&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!test::deny_io_uring(error)) std::_Exit(77);
    set_log_handler(&keep);
    body();
    std::_Exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Two descriptors that are watched, and one that is told of its edge.
void hear_an_edge(Backend& backend) {
  struct Listener : ReadinessListener {
    void on_ready() noexcept override { ++calls; }
    int calls = 0;
  } listener;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor descriptor;
  descriptor.fd = ends[0];
  descriptor.reader = &listener;
  ASSERT_EQ(backend.watch(descriptor), 0);
  ASSERT_EQ(::send(ends[1], "x", 1, 0), 1);
  while (listener.calls == 0) backend.wait(Nanoseconds::max());
  backend.unwatch(descriptor);
  ::close(ends[0]);
  ::close(ends[1]);
}

// Fault L4
TEST(polling_backend, where_io_uring_is_forbidden_goes_on_with_epoll_and_says_so_once) {
  for (const int error : {EPERM, ENOSYS, ENOMEM}) {
    const int code = in_a_sandbox(error, [] {
      for (int i = 0; i < 2; ++i) {
        PollingBackend backend(nullptr, nullptr, kRing);
        hear_an_edge(backend);
        EXPECT_EQ(backend.name(), "epoll");
      }
      EXPECT_EQ(messages, 1);
      EXPECT_EQ(last_level, LogLevel::info);
      EXPECT_THAT(last_message, ::testing::StartsWith("io_uring cannot be used"));
    });
    EXPECT_EQ(code, 0) << error;
  }
}

// Fault L4
TEST(polling_backend, who_has_not_asked_for_io_uring_is_not_told_that_it_is_missing) {
  const int code = in_a_sandbox(EPERM, [] {
    Engines automatic = kRing;
    automatic.say_when_refused = false;
    PollingBackend backend(nullptr, nullptr, automatic);
    hear_an_edge(backend);
    EXPECT_EQ(last_level, LogLevel::debug);
  });
  EXPECT_EQ(code, 0);
}

// --- the same program on both -------------------------------------------------------------------

// Connections between sockets of one loop. Each end writes, reads and closes as its dice say, only
// when it is told that it can; what each has seen must not depend on the poller.
class RandomProgram {
 public:
  RandomProgram(const Engines& engines, unsigned seed)
      : backend_(nullptr, nullptr, engines), connections_(40) {
    unsigned number = 0;
    for (Connection& connection : connections_) connection.open(backend_, seed * 1000 + ++number);
  }
  std::vector<std::string> run() {
    for (bool open = true; open;) {
      open = false;
      for (Connection& connection : connections_) {
        open = connection.step(backend_) || open;
      }
      if (open) backend_.wait(Nanoseconds::min());
    }
    std::vector<std::string> traces;
    for (Connection& connection : connections_) traces.push_back(connection.trace);
    backend_.close_all();
    return traces;
  }

 private:
  struct End final : ReadinessListener {
    void on_ready() noexcept override {}
    Descriptor descriptor;
  };
  struct Connection {
    std::unique_ptr<End> writer = std::make_unique<End>();
    std::unique_ptr<End> reader = std::make_unique<End>();
    std::minstd_rand dice;
    std::size_t to_send = 0;
    std::size_t received = 0;
    std::string trace;

    void open(Backend& backend, unsigned seed) {
      dice.seed(seed);
      to_send = dice() % 600000;
      std::array<int, 2> ends{};
      ASSERT_EQ(backend.socket_pair(SOCK_STREAM, ends), 0);
      writer->descriptor.fd = ends[0];
      reader->descriptor.fd = ends[1];
      for (End* end : {writer.get(), reader.get()}) {
        end->descriptor.reader = end->descriptor.writer = end;
        ASSERT_EQ(backend.watch(end->descriptor), 0);
      }
    }
    static void close(Backend& backend, End& end) {
      backend.unwatch(end.descriptor);
      backend.close(std::exchange(end.descriptor.fd, -1));
    }
    bool step(Backend& backend) {
      if (writer->descriptor.fd >= 0 && !writer->descriptor.write_full) write(backend);
      if (reader->descriptor.fd >= 0 && !reader->descriptor.read_drained) read(backend);
      return reader->descriptor.fd >= 0 || writer->descriptor.fd >= 0;
    }
    void write(Backend& backend) {
      if (to_send == 0) {
        trace += "writer closes; ";
        return close(backend, *writer);
      }
      const std::vector<std::byte> bytes(std::min<std::size_t>(to_send, 1 + dice() % 100000));
      const std::ptrdiff_t sent = backend.send(writer->descriptor.fd, bytes);
      if (sent == -EAGAIN) {
        writer->descriptor.write_full = true;
      } else if (sent < 0) {
        trace += "write: " + std::to_string(sent) + "; ";
        close(backend, *writer);
      } else {
        to_send -= static_cast<std::size_t>(sent);
      }
    }
    void read(Backend& backend) {
      std::vector<std::byte> buffer(60000);
      const std::ptrdiff_t count = backend.recv(reader->descriptor.fd, buffer);
      if (count == -EAGAIN) {
        reader->descriptor.read_drained = true;
      } else if (count > 0) {
        received += static_cast<std::size_t>(count);
      } else {
        trace += "read " + std::to_string(received) + ", then " + std::to_string(count) + "; ";
        close(backend, *reader);
      }
    }
  };

  PollingBackend backend_;
  std::vector<Connection> connections_;
};

TEST(polling_backend, a_random_program_sees_the_same_with_epoll_and_with_io_uring) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    EXPECT_EQ(RandomProgram(kEpoll, seed).run(), RandomProgram(kRing, seed).run()) << seed;
  }
}

}  // namespace
}  // namespace asyncio
