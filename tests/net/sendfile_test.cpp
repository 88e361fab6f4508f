// loop.sendfile: files through transports and streams, by the kernel or by ourselves. The ids are
// CPython 3.15's.
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "asyncio/net/tcp.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using test::describe;
using test::TcpPair;
using ::testing::StartsWith;

// A file without a name.
class File {
 public:
  explicit File(const std::string& content) : file_(std::tmpfile()) {
    std::fwrite(content.data(), 1, content.size(), file_);
    std::fflush(file_);
    std::rewind(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::fclose(file_); }
  [[nodiscard]] int fileno() const { return ::fileno(file_); }
  [[nodiscard]] std::int64_t tell() const { return ::lseek(fileno(), 0, SEEK_CUR); }

 private:
  std::FILE* file_;
};

class Quiet : public Protocol {
 public:
  void data_received(std::string_view data) override { received += data; }
  std::string received;
};

std::string numbered(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + "\n";
  text.resize(size);
  return text;
}

class sendfile : public test::SocketTest {
 protected:
  sendfile() : peer(pair.theirs) {}
  void TearDown() override {
    transport.abort();
    turn(3);
    transport = {};
    peer.close();
    SocketTest::TearDown();
  }
  Coro<> connect() {
    auto factory = [] { return std::make_shared<Quiet>(); };
    auto made = co_await EventLoop::connect_accepted_socket(factory, pair.ours);
    transport = made.first;
  }
  /// What the peer gets of `size` bytes while `sending` goes on.
  Coro<std::string> receive(Task<std::size_t> sending, std::size_t size) {
    std::string got;
    while (got.size() < size) {
      if (peer.has(1)) got += peer.recv();
      co_await sleep(0s);
    }
    EXPECT_EQ(co_await sending, size);
    co_return got;
  }

  TcpPair pair;
  test::Peer peer;
  Transport transport;
};

// CPython: test_sendfile::SendfileMixin::test_sendfile
TEST_F(sendfile, a_whole_file_arrives_and_the_file_stands_at_its_end) {
  const std::string content = numbered(3'000'000);
  File file(content);
  run([&]() -> Coro<> {
    co_await connect();
    auto sending = create_task(EventLoop::sendfile(transport, file));
    std::string got = co_await receive(sending, content.size());
    EXPECT_TRUE(got == content);
    EXPECT_EQ(file.tell(), 3'000'000);
    EXPECT_TRUE(transport.is_reading());
  }());
}

// CPython: test_sendfile::SendfileMixin::test_sendfile_partial
TEST_F(sendfile, a_part_of_a_file_arrives_and_the_file_stands_behind_it) {
  File file(numbered(100'000));
  run([&]() -> Coro<> {
    co_await connect();
    SendfileOptions part;
    part.offset = 1000;
    part.count = 100;
    EXPECT_EQ(co_await EventLoop::sendfile(transport, file, part), 100U);
    EXPECT_EQ(peer.recv(), numbered(100'000).substr(1000, 100));
    EXPECT_EQ(file.tell(), 1100);
    part.offset = 99'990;
    EXPECT_EQ(co_await EventLoop::sendfile(transport, file, part), 10U);
    EXPECT_EQ(file.tell(), 100'000);
  }());
}

// CPython: test_sendfile::SendfileMixin::test_sendfile_pre_and_post_data
TEST_F(sendfile, comes_after_what_is_buffered_and_before_what_is_written_later) {
  const std::string content = numbered(500'000);
  const std::string before(8'000'000, 'b');
  File file(content);
  run([&]() -> Coro<> {
    co_await connect();
    transport.write(before);
    EXPECT_GT(transport.get_write_buffer_size(), 0U);
    auto sending = create_task(EventLoop::sendfile(transport, file));
    co_await sleep(0s);
    // CPython: test_sendfile::SendfileMixin::test_sendfile__not_paused
    EXPECT_FALSE(transport.is_reading());
    EXPECT_EQ(test::thrown_by([&] { transport.write("x"); }),
              "RuntimeError: unable to write; sendfile is in progress");
    std::string got;
    while (got.size() < before.size() + content.size()) {
      if (peer.has(1)) got += peer.recv();
      co_await sleep(0s);
    }
    EXPECT_EQ(co_await sending, content.size());
    transport.write("after");
    EXPECT_TRUE(got == before + content);
    EXPECT_EQ(peer.recv(), "after");
  }());
}

TEST_F(sendfile, what_the_kernel_cannot_send_is_refused_without_fallback) {
  std::array<int, 2> ends{};
  run([&]() -> Coro<> {
    co_await connect();
    EXPECT_EQ(::pipe(ends.data()), 0);
    SendfileOptions native;
    native.fallback = false;
    auto refused = co_await try_(EventLoop::sendfile(transport, ends[0], native));
    EXPECT_THAT(describe(refused.exception()), StartsWith("SendfileNotAvailableError: "));
    ::close(ends[0]);
    ::close(ends[1]);
    transport.write("still usable");
    EXPECT_EQ(peer.recv(), "still usable");
  }());
}

// CPython: test_sendfile::SendfileMixin::test_sendfile_close_peer_in_the_middle_of_receiving
TEST_F(sendfile, a_peer_that_resets_in_the_middle_is_an_error_and_the_file_says_how_far_it_came) {
  File file(numbered(20'000'000));
  run([&]() -> Coro<> {
    co_await connect();
    auto sending = create_task(EventLoop::sendfile(transport, file));
    while (!peer.has(1000)) co_await sleep(0s);
    peer.reset();
    auto outcome = co_await try_(sending);
    EXPECT_FALSE(outcome.ok());
    EXPECT_GT(file.tell(), 0);
    EXPECT_LT(file.tell(), 20'000'000);
  }());
}

TEST_F(sendfile, closing_meanwhile_ends_it_with_an_error) {
  File file(numbered(20'000'000));
  run([&]() -> Coro<> {
    co_await connect();
    auto sending = create_task(EventLoop::sendfile(transport, file));
    while (!peer.has(1000)) co_await sleep(0s);
    transport.abort();
    auto outcome = co_await try_(sending);
    EXPECT_FALSE(outcome.ok());
    EXPECT_LT(file.tell(), 20'000'000);
  }());
}

TEST_F(sendfile, cancelled_it_leaves_a_connection_that_can_be_used) {
  File file(numbered(20'000'000));
  run([&]() -> Coro<> {
    co_await connect();
    auto sending = create_task(EventLoop::sendfile(transport, file));
    while (!peer.has(1000)) co_await sleep(0s);
    sending.cancel();
    auto outcome = co_await try_(sending);
    EXPECT_EQ(describe(outcome.exception()), "CancelledError");
    EXPECT_TRUE(transport.is_reading());
    const auto sent = static_cast<std::size_t>(file.tell());
    transport.write("end");
    std::string got;
    while (got.size() < sent + 3) {
      if (peer.has(1)) got += peer.recv();
      co_await sleep(0s);
    }
    EXPECT_TRUE(got == numbered(20'000'000).substr(0, sent) + "end");
  }());
}

// CPython: test_base_events::BaseLoopSockSendfileTests::test_nonbinary_file
TEST_F(sendfile, parameters_that_make_no_sense_are_refused) {
  File file("x");
  run([&]() -> Coro<> {
    co_await connect();
    SendfileOptions options;
    options.count = 0;
    auto none = co_await try_(EventLoop::sendfile(transport, file, options));
    EXPECT_EQ(describe(none.exception()), "ValueError: count must be a positive integer (got 0)");
    options.count = {};
    options.offset = -1;
    auto before = co_await try_(EventLoop::sendfile(transport, file, options));
    EXPECT_EQ(describe(before.exception()),
              "ValueError: offset must be a non-negative integer (got -1)");
    transport.close();
    // CPython: test_sendfile::SendfileMixin::test_sendfile_on_closing_transport
    auto closing = co_await try_(EventLoop::sendfile(transport, file));
    EXPECT_EQ(describe(closing.exception()), "RuntimeError: Transport is closing");
  }());
}

TEST_F(sendfile, streams_can_send_files_too) {
  const std::string content = numbered(1'000'000);
  File file(content);
  run([&]() -> Coro<> {
    co_await connect();
    TcpPair other;
    test::Peer other_peer(other.theirs);
    auto [reader, writer] = detail::make_streams(scheduler(), other.ours);
    writer.write("head ");
    auto sending = create_task(EventLoop::sendfile(writer, file));
    std::string got;
    while (got.size() < content.size() + 5) {
      if (other_peer.has(1)) got += other_peer.recv();
      co_await sleep(0s);
    }
    EXPECT_EQ(co_await sending, content.size());
    EXPECT_TRUE(got == "head " + content);
    writer.close();
    co_await writer.wait_closed();
  }());
}

}  // namespace
}  // namespace asyncio
