// StreamReader and StreamWriter over pipes and terminals of the real kernel. The ids are CPython
// 3.15's.
#include "asyncio/streams/pipe.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <termios.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "asyncio/run/event_loop.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/wait.hpp"
#include "support/socket_test.hpp"

namespace asyncio {
namespace {

using test::thrown_by;

// The two ends as a program gets them from elsewhere: they block.
struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0); }
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    close_reading();
    close_writing();
  }
  [[nodiscard]] int take_reading() { return std::exchange(ends[0], -1); }
  [[nodiscard]] int take_writing() { return std::exchange(ends[1], -1); }
  void close_reading() {
    if (ends[0] >= 0) ::close(std::exchange(ends[0], -1));
  }
  void close_writing() {
    if (ends[1] >= 0) ::close(std::exchange(ends[1], -1));
  }
  void put(std::string_view data) const {
    EXPECT_EQ(::write(ends[1], data.data(), data.size()), static_cast<ssize_t>(data.size()));
  }
  [[nodiscard]] std::string get(std::size_t most = 1 << 20) const {
    std::string data(most, '\0');
    const ssize_t count = ::read(ends[0], data.data(), most);
    data.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return data;
  }

  std::array<int, 2> ends{-1, -1};
};

class pipes : public test::SocketTest {
 protected:
  void TearDown() override {
    pipe.close_reading();
    pipe.close_writing();
    SocketTest::TearDown();
  }

  Pipe pipe;
};

// CPython: test_events::EventLoopTestsMixin::test_read_pipe
TEST_F(pipes, are_read_as_streams_to_their_end) {
  auto main = [&]() -> Coro<> {
    StreamReader reader = co_await connect_read_pipe(pipe.take_reading());
    pipe.put("1");
    EXPECT_EQ(co_await reader.read(10), "1");
    auto line = create_task(reader.readline());
    co_await sleep(Nanoseconds(0));
    EXPECT_FALSE(line.done());
    pipe.put("23");
    co_await sleep(Nanoseconds(0));
    pipe.put("45\nrest");
    EXPECT_EQ(co_await line, "2345\n");
    pipe.close_writing();
    EXPECT_EQ(co_await reader.read(), "rest");
    EXPECT_TRUE(reader.at_eof());
  };
  run(main());
}

TEST_F(pipes, whose_writer_has_gone_before_are_read_to_their_end) {
  pipe.put("left behind");
  pipe.close_writing();
  auto main = [&]() -> Coro<std::string> {
    StreamReader reader = co_await connect_read_pipe(pipe.take_reading());
    std::string first = co_await reader.readexactly(4);
    co_return first + "|" + co_await reader.read();
  };
  EXPECT_EQ(run(main()), "left| behind");
}

TEST_F(pipes, give_all_when_data_and_end_come_as_one_event) {
  auto main = [&]() -> Coro<std::string> {
    StreamReader reader = co_await connect_read_pipe(pipe.take_reading());
    auto all = create_task(reader.read());
    co_await sleep(Nanoseconds(0));
    pipe.put("data");
    pipe.close_writing();
    co_return co_await all;
  };
  EXPECT_EQ(run(main()), "data");
}

// A packet of its own for every write: a short read does not mean that there is no more.
TEST_F(pipes, of_packets_are_read_packet_by_packet) {
  Pipe packets;
  ::close(packets.take_reading());
  ::close(packets.take_writing());
  ASSERT_EQ(::pipe2(packets.ends.data(), O_CLOEXEC | O_DIRECT), 0);
  auto main = [&]() -> Coro<> {
    StreamReader reader = co_await connect_read_pipe(packets.take_reading());
    auto first = create_task(reader.read(100));
    co_await sleep(Nanoseconds(0));
    packets.put("one");
    packets.put("two");
    EXPECT_EQ(co_await first, "one");
    EXPECT_EQ(co_await reader.read(100), "two");
  };
  run(main());
}

TEST_F(pipes, lose_no_byte_to_a_cancelled_read) {
  auto main = [&]() -> Coro<std::string> {
    StreamReader reader = co_await connect_read_pipe(pipe.take_reading());
    auto task = create_task(reader.readexactly(8));
    co_await sleep(Nanoseconds(0));
    pipe.put("abcd");
    co_await sleep(Nanoseconds(0));
    co_await sleep(Nanoseconds(0));
    task.cancel();
    std::vector<Task<std::string>> tasks(1, task);
    co_await wait(tasks);
    EXPECT_TRUE(task.cancelled());
    pipe.put("efgh");
    co_return co_await reader.readexactly(8);
  };
  EXPECT_EQ(run(main()), "abcdefgh");
}

// CPython: test_events::EventLoopTestsMixin::test_write_pipe
TEST_F(pipes, are_written_and_end_when_the_writer_closes) {
  auto main = [&]() -> Coro<> {
    StreamWriter writer = co_await connect_write_pipe(pipe.take_writing());
    writer.write("1");
    EXPECT_EQ(pipe.get(), "1");
    writer.writelines({"23", "45"});
    co_await writer.drain();
    EXPECT_EQ(pipe.get(), "2345");
    EXPECT_TRUE(writer.can_write_eof());
    writer.write("last");
    writer.write_eof();
    co_await writer.wait_closed();
    EXPECT_EQ(pipe.get(), "last");
    EXPECT_EQ(pipe.get(), "");
  };
  run(main());
}

TEST_F(pipes, that_are_full_make_drain_wait_and_everything_arrives) {
  const std::string block(100'000, 'x');
  auto main = [&]() -> Coro<> {
    StreamWriter writer = co_await connect_write_pipe(pipe.take_writing());
    StreamReader reader = co_await connect_read_pipe(pipe.take_reading());
    for (int i = 0; i < 10; ++i) writer.write(block);
    EXPECT_GT(writer.get_write_buffer_size(), 64U * 1024);
    auto drained = create_task(writer.drain());
    co_await sleep(Nanoseconds(0));
    EXPECT_FALSE(drained.done());
    EXPECT_EQ((co_await reader.readexactly(950'000)).size(), 950'000U);
    co_await drained;
    writer.close();
    EXPECT_EQ((co_await reader.read()).size(), 50'000U);
    co_await writer.wait_closed();
  };
  run(main());
}

// CPython: test_events::EventLoopTestsMixin::test_write_pipe_disconnect_on_close
TEST_F(pipes, close_by_themselves_when_their_reader_goes) {
  auto main = [&]() -> Coro<std::string> {
    StreamWriter writer = co_await connect_write_pipe(pipe.take_writing());
    writer.write("1");
    pipe.close_reading();
    co_await writer.wait_closed();
    EXPECT_TRUE(writer.is_closing());
    auto result = co_await try_(writer.drain());
    co_return test::describe(result.exception());
  };
  EXPECT_EQ(run(main()), "ConnectionResetError: Connection lost");
}

TEST_F(pipes, are_broken_and_raise_no_signal_when_their_reader_goes_with_bytes_unsent) {
  auto main = [&]() -> Coro<std::string> {
    StreamWriter writer = co_await connect_write_pipe(pipe.take_writing());
    writer.write(std::string(1 << 20, 'x'));
    auto drained = create_task(writer.drain());
    co_await sleep(Nanoseconds(0));
    pipe.close_reading();
    auto result = co_await try_(drained);
    co_return test::describe(result.exception());
  };
  EXPECT_EQ(run(main()), "BrokenPipeError: write: broken pipe");
}

// Fault L17
TEST_F(pipes, without_a_reader_are_a_broken_pipe_and_leave_the_signals_disposition_alone) {
  pipe.close_reading();
  auto main = [&]() -> Coro<std::string> {
    StreamWriter writer = co_await connect_write_pipe(pipe.take_writing());
    writer.write("nobody hears");
    auto result = co_await try_(writer.drain());
    co_return test::describe(result.exception());
  };
  EXPECT_EQ(run(main()), "BrokenPipeError: write: broken pipe");
  struct sigaction now{};
  ::sigaction(SIGPIPE, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST_F(pipes, are_what_a_pipe_can_be_made_of_and_files_are_not) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  const std::string refused =
      "ValueError: Pipe transport is only for pipes, sockets and character devices";
  EXPECT_EQ(thrown_by([&] { run(connect_read_pipe(file)); }), refused);
  EXPECT_EQ(thrown_by([&] { run(connect_write_pipe(file)); }), refused);
  EXPECT_EQ(::close(file), 0) << "it is still ours";
  EXPECT_EQ(thrown_by([&] { run(connect_read_pipe(file)); }),
            "OSError: fstat descriptor " + std::to_string(file) + ": bad file descriptor");
}

TEST_F(pipes, may_be_sockets) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  auto main = [&]() -> Coro<> {
    StreamWriter writer = co_await connect_write_pipe(ends[0]);
    StreamReader reader = co_await connect_read_pipe(ends[1]);
    writer.write("through a socket");
    writer.write_eof();
    EXPECT_EQ(co_await reader.read(), "through a socket");
  };
  run(main());
  turn(2);
}

TEST_F(pipes, may_be_devices_that_never_block) {
  auto main = [&]() -> Coro<> {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    StreamReader nothing = co_await connect_read_pipe(::dup(null));
    EXPECT_EQ(co_await nothing.read(), "");
    StreamReader endless = co_await connect_read_pipe(zero);
    EXPECT_EQ((co_await endless.readexactly(1'000'000)).size(), 1'000'000U);
    StreamWriter hole = co_await connect_write_pipe(null);
    hole.write(std::string(1'000'000, 'x'));
    co_await hole.drain();
    EXPECT_FALSE(hole.is_closing());
    hole.close();
    co_await hole.wait_closed();
  };
  run(main());
}

// CPython: test_events::EventLoopTestsMixin::test_read_pty_output
TEST_F(pipes, may_be_terminals_which_give_a_line_at_a_time) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  auto main = [&]() -> Coro<> {
    StreamReader typed = co_await connect_read_pipe(terminal);
    auto first = create_task(typed.readline());
    co_await sleep(Nanoseconds(0));
    const std::string_view lines = "ls\npwd\n";
    EXPECT_EQ(::write(master, lines.data(), lines.size()), 7);
    EXPECT_EQ(co_await first, "ls\n");
    EXPECT_EQ(co_await typed.readline(), "pwd\n");
  };
  run(main());
  ::close(master);
}

TEST_F(pipes, are_closed_with_the_loop) {
  std::optional<StreamReader> reader;
  std::optional<StreamWriter> writer;
  auto main = [&]() -> Coro<> {
    reader = co_await connect_read_pipe(pipe.take_reading());
    writer = co_await connect_write_pipe(pipe.take_writing());
  };
  run(main());
  loop().close();
  EXPECT_EQ(writer->fileno(), -1);
  reader.reset();
  writer.reset();
}

// --- protocols ----------------------------------------------------------------------------------

class Recorder : public Protocol {
 public:
  void connection_made(Transport) override { events.emplace_back("made"); }
  void data_received(std::string_view data) override { received += data; }
  bool eof_received() override {
    events.emplace_back("eof");
    return true;
  }
  void connection_lost(std::exception_ptr error) override {
    events.push_back("lost" + (error ? " " + test::describe(error) : ""));
    lost.set_result();
  }

  std::vector<std::string> events;
  std::string received;
  Future<> lost = get_running_loop().create_future();
};

TEST_F(pipes, are_read_for_a_protocol_and_close_at_their_end_whatever_it_says) {
  auto main = [&]() -> Coro<> {
    const auto factory = [] { return std::make_shared<Recorder>(); };
    auto [transport, protocol] =
        co_await EventLoop::connect_read_pipe(factory, pipe.take_reading());
    EXPECT_TRUE(transport.is_reading());
    pipe.put("for the protocol");
    pipe.close_writing();
    co_await protocol->lost;
    EXPECT_EQ(protocol->received, "for the protocol");
    EXPECT_EQ(protocol->events, (std::vector<std::string>{"made", "eof", "lost"}));
    EXPECT_EQ(transport.fileno(), -1);
  };
  run(main());
}

TEST_F(pipes, are_written_for_a_protocol_which_hears_that_the_reader_has_gone) {
  auto main = [&]() -> Coro<> {
    const auto factory = [] { return std::make_shared<Recorder>(); };
    auto [transport, protocol] =
        co_await EventLoop::connect_write_pipe(factory, pipe.take_writing());
    EXPECT_TRUE(transport.can_write_eof());
    transport.write("1");
    EXPECT_EQ(pipe.get(), "1");
    pipe.close_reading();
    co_await protocol->lost;
    EXPECT_EQ(protocol->events, (std::vector<std::string>{"made", "lost"}));
  };
  run(main());
}

TEST_F(pipes, break_for_a_protocol_whose_bytes_are_unsent_when_the_reader_goes) {
  auto main = [&]() -> Coro<> {
    const auto factory = [] { return std::make_shared<Recorder>(); };
    auto [transport, protocol] =
        co_await EventLoop::connect_write_pipe(factory, pipe.take_writing());
    transport.write(std::string(1 << 20, 'x'));
    pipe.close_reading();
    co_await protocol->lost;
    EXPECT_EQ(protocol->events,
              (std::vector<std::string>{"made", "lost BrokenPipeError: write: broken pipe"}));
  };
  run(main());
}

// CPython: test_events::EventLoopTestsMixin::test_bidirectional_pty
TEST_F(pipes, of_one_terminal_are_read_and_written_by_two_transports) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(master, 0);
  ASSERT_EQ(::grantpt(master), 0);
  ASSERT_EQ(::unlockpt(master), 0);
  const int terminal = ::open(::ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  auto main = [&]() -> Coro<> {
    StreamReader typed = co_await connect_read_pipe(::dup(terminal));
    StreamWriter shown = co_await connect_write_pipe(terminal);
    EXPECT_EQ(::write(master, "in\n", 3), 3);
    EXPECT_EQ(co_await typed.readline(), "in\n");
    shown.write("out\n");
    co_await shown.drain();
    std::string seen;
    while (seen.size() < 9) {  // with the echo of what was typed
      std::array<char, 100> part{};
      const ssize_t count = ::read(master, part.data(), part.size());
      EXPECT_GT(count, 0);
      if (count <= 0) break;
      seen.append(part.data(), static_cast<std::size_t>(count));
    }
    EXPECT_EQ(seen, "in\r\nout\r\n");
    shown.close();
    co_await shown.wait_closed();
  };
  run(main());
  ::close(master);
}

}  // namespace
}  // namespace asyncio
