// FIFOs, pipes and devices: nothing blocks the loop, and no thread waits for a reader.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "asyncio/files/file.hpp"
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

}  // namespace
}  // namespace asyncio::test
