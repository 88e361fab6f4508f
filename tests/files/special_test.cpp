// FIFOs, pipes and devices: nothing blocks the loop, and no thread waits for a reader.
#include <fcntl.h>
#include <pty.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "asyncio/files/file.hpp"
#include "asyncio/files/standard.hpp"
#include "asyncio/task/sleep.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;

class special_files : public FilesTest {
 protected:
  std::string fifo() {
    const std::string path = folder / "fifo";
    ::mkfifo(path.c_str(), 0600);
    return path;
  }
};
INSTANTIATE_TEST_SUITE_P(on, special_files, each_backend(), backend_name);

// Fault F5
TEST_P(special_files, a_fifo_without_a_writer_is_opened_at_once_and_read_when_one_comes) {
  const std::string path = fifo();
  af::File reader = run(af::open(path, "rb"));
  auto line = loop().create_task(reader.readline());
  turn(3);
  EXPECT_FALSE(line.done());
  const int writer = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  ASSERT_EQ(::write(writer, "hel", 3), 3);
  turn(3);
  EXPECT_FALSE(line.done());
  ASSERT_EQ(::write(writer, "lo\nrest", 7), 7);
  EXPECT_EQ(run(line), "hello\n");
  ::close(writer);
  EXPECT_EQ(run(reader.read()), "rest");
  run(reader.close());
}

// Fault F4
TEST_P(special_files, a_read_of_a_fifo_that_is_cancelled_takes_nothing) {
  const std::string path = fifo();
  af::File reader = run(af::open(path, "rb"));
  auto first = loop().create_task(reader.read(3));
  turn(2);
  first.cancel();
  turn(2);
  EXPECT_TRUE(first.cancelled());
  const int writer = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_EQ(::write(writer, "abc", 3), 3);
  EXPECT_EQ(run(reader.read(3)), "abc");
  ::close(writer);
  run(reader.close());
}

TEST_P(special_files, a_loop_may_close_while_a_read_waits_for_ever) {
  af::File reader = run(af::open(fifo(), "rb"));
  auto read = loop().create_task(reader.read());
  turn(3);
  read.cancel();
  turn(2);
  close_loop();
  EXPECT_TRUE(reader.closed());
}

TEST_P(special_files, devices_are_files_without_a_place) {
  run([]() -> Coro<> {
    af::File zero = co_await af::open("/dev/zero", "rb");
    const std::string zeros = co_await zero.read(100'000);
    EXPECT_EQ(zeros, std::string(100'000, '\0'));
    co_await zero.close();
    af::File null = co_await af::open("/dev/null", "r+b");
    const std::string nothing = co_await null.read();
    EXPECT_EQ(nothing, "");
    co_await null.write("gone");
    co_await null.close();
  }());
}

TEST_P(special_files, a_pipe_that_nobody_reads_is_a_broken_pipe_and_no_signal) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  ::close(ends[0]);
  run([](int end) -> Coro<> {
    af::File f = co_await af::open(end, "wb", {});
    EXPECT_FALSE(f.seekable());
    const auto place = co_await try_(f.seek(0));
    EXPECT_EQ(describe(place.exception()),
              "files::UnsupportedOperation: File or stream is not seekable.");
    co_await f.write("x");
    const auto flushed = co_await try_(f.flush());
    EXPECT_TRUE(base::exception_is<BrokenPipeError>(flushed.exception()));
    const auto closed = co_await try_(f.close());
    EXPECT_FALSE(closed.ok());
  }(ends[1]));
}

// A terminal is line by line, and reading it waits without a thread.
TEST_P(special_files, a_terminal_is_read_and_written_line_by_line) {
  int master = -1;
  int terminal = -1;
  ASSERT_EQ(::openpty(&master, &terminal, nullptr, nullptr, nullptr), 0);
  termios plain{};
  ::tcgetattr(terminal, &plain);
  plain.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  plain.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  ::tcsetattr(terminal, TCSANOW, &plain);
  af::File in = run(af::open(terminal, "r", {.closefd = false}));
  EXPECT_TRUE(in.isatty());
  EXPECT_FALSE(in.seekable());
  auto first = loop().create_task(in.readline());
  turn(3);
  EXPECT_FALSE(first.done());
  first.cancel();
  turn(2);
  auto second = loop().create_task(in.readline());
  turn(3);
  ASSERT_EQ(::write(master, "typed\nmore\n", 11), 11);
  EXPECT_EQ(run(second), "typed\n");
  EXPECT_EQ(run(in.readline()), "more\n");
  run(in.close());
  af::File out = run(af::open(terminal, "w", {.closefd = false}));
  run(out.write("no line yet"));
  std::array<char, 64> seen{};
  ::fcntl(master, F_SETFL, O_NONBLOCK);
  EXPECT_EQ(::read(master, seen.data(), seen.size()), -1) << "it is in the buffer";
  run(out.write(" ... now\n"));
  EXPECT_EQ(::read(master, seen.data(), seen.size()), 20);
  EXPECT_STREQ(seen.data(), "no line yet ... now\n");
  run(out.close());
  ::close(terminal);
  ::close(master);
}

TEST_P(special_files, the_standard_input_is_read_and_left_open) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const int kept = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
  ::dup2(ends[0], 0);
  af::File in = run(af::stdin_bytes());
  auto line = loop().create_task(in.readline());
  turn(3);
  EXPECT_FALSE(line.done());
  ASSERT_EQ(::write(ends[1], "a line\nrest", 11), 11);
  EXPECT_EQ(run(line), "a line\n");
  ::close(ends[1]);
  EXPECT_EQ(run(in.read()), "rest");
  EXPECT_EQ(run(in.read()), "");
  run(in.close());
  EXPECT_GE(::fcntl(0, F_GETFD), 0);
  if (kept >= 0) {
    ::dup2(kept, 0);
    ::close(kept);
  } else {
    ::close(0);
  }
  ::close(ends[0]);
}

// A shell gives a program its input as a file just as well: then it has a place, and it is the one
// where the descriptor stands.
TEST_P(special_files, a_descriptor_of_a_file_is_read_from_where_it_stands) {
  const std::string path = folder.put("x", "0123456789");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::lseek(fd, 4, SEEK_SET), 4);
  af::File f = run(af::open(fd, "rb", {.closefd = false}));
  EXPECT_EQ(run(f.tell()), 4);
  std::vector<std::byte> block(200'000);
  EXPECT_EQ(run(f.readinto(block)), 6U);
  EXPECT_EQ(::lseek(fd, 0, SEEK_CUR), 10);
  run(f.close());
  ::close(fd);
}

// Fault F1
TEST_P(special_files, a_device_that_is_full_says_so_and_keeps_what_is_in_the_buffer) {
  run([]() -> Coro<> {
    af::File f = co_await af::open("/dev/full", "wb");
    co_await f.write("data");
    const auto flushed = co_await try_(f.flush());
    EXPECT_EQ(describe(flushed.exception()),
              "OSError: write /dev/full (0 of 4 bytes are written): no space left on device");
    const auto closed = co_await try_(f.close());
    EXPECT_TRUE(base::exception_is<OSError>(closed.exception()));
    EXPECT_TRUE(f.closed());
  }());
}

}  // namespace
}  // namespace asyncio::test
