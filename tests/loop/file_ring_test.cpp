// Calls on files by io_uring, with either poller, give what the same calls on a thread give.
#include "loop/file_ring.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "loop/polling_backend.hpp"
#include "support/descriptors.hpp"
#include "support/faulty_ring_calls.hpp"

namespace asyncio {
namespace {

using detail::Engines;
using detail::FileRing;
using detail::PollingBackend;
using test::faulty_ring_calls;
using test::RingFaults;

struct Call : FileCall {
  explicit Call(Kind of, int descriptor = -1) {
    kind = of;
    fd = descriptor;
  }
  Call(Kind of, int descriptor, std::string& text, std::int64_t at = -1) : Call(of, descriptor) {
    buffer = text.data();
    size = text.size();
    offset = at;
  }
  void run() noexcept override {
    ran_in_thread = true;
    FileCall::run();
  }
  std::atomic<int> returned = 0;
  bool ran_in_thread = false;
};

void count_return(void*, BlockingJob& job) noexcept { ++static_cast<Call&>(job).returned; }

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content = {}) : fd(::mkostemp(path, O_CLOEXEC)) {
    EXPECT_EQ(::pwrite(fd, content.data(), content.size(), 0), std::ssize(content));
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    ::close(fd);
    ::unlink(path);
  }
  char path[32] = "/tmp/asyncio_ring_XXXXXX";
  int fd;
};

class file_ring : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    RingFaults::now() = {};
    FileRing probe(nullptr, nullptr);
    if (probe.open() != 0) GTEST_SKIP() << "io_uring is forbidden here";
  }
  // Waits for it as a loop does.
  void finish(Call& call) {
    while (call.returned == 0) backend.wait(Nanoseconds::max());
    EXPECT_EQ(call.returned, 1);
  }
  std::ptrdiff_t result_of(Call& call) {
    backend.start(call);
    EXPECT_TRUE(backend.watching()) << "a loop with something ready has to look, too";
    finish(call);
    EXPECT_FALSE(call.ran_in_thread);
    EXPECT_FALSE(backend.watching());
    return call.result;
  }

  PollingBackend backend{[](void* of, BlockingJob& job) noexcept {
                           count_return(nullptr, job);
                           static_cast<file_ring*>(of)->backend.wake();
                         },
                         this,
                         Engines{GetParam(), GetParam() == std::string("io_uring"), true, false}};
};

INSTANTIATE_TEST_SUITE_P(with, file_ring, ::testing::Values("epoll", "io_uring"),
                         [](const auto& param) { return std::string(param.param); });

TEST_P(file_ring, reads_writes_and_syncs) {
  TemporaryFile file("0123456789");
  std::string text(4, ' ');
  Call here(FileCall::Kind::read, file.fd, text);
  EXPECT_EQ(result_of(here), 4);
  EXPECT_EQ(text, "0123");
  Call next(FileCall::Kind::read, file.fd, text);
  EXPECT_EQ(result_of(next), 4);
  EXPECT_EQ(text, "4567") << "where the descriptor stands";
  Call there(FileCall::Kind::read, file.fd, text, 8);
  EXPECT_EQ(result_of(there), 2);
  EXPECT_EQ(text.substr(0, 2), "89");
  Call behind(FileCall::Kind::read, file.fd, text, 100);
  EXPECT_EQ(result_of(behind), 0);
  std::string news = "news";
  Call write(FileCall::Kind::write, file.fd, news, 3);
  EXPECT_EQ(result_of(write), 4);
  for (const auto kind : {FileCall::Kind::fsync, FileCall::Kind::fdatasync}) {
    Call sync(kind, file.fd);
    EXPECT_EQ(result_of(sync), 0);
  }
  char all[16] = {};
  EXPECT_EQ(::pread(file.fd, all, sizeof all, 0), 10);
  EXPECT_STREQ(all, "012news789");
}

TEST_P(file_ring, opens_and_closes) {
  TemporaryFile file("content");
  Call open(FileCall::Kind::open);
  open.path = file.path;
  open.flags = O_RDONLY;
  const auto fd = static_cast<int>(result_of(open));
  ASSERT_GE(fd, 0);
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  Call close(FileCall::Kind::close, fd);
  EXPECT_EQ(result_of(close), 0);
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  const std::string path = std::string(file.path) + ".new";
  Call create(FileCall::Kind::open);
  create.path = path.c_str();
  create.flags = O_RDWR | O_CREAT | O_EXCL;
  create.mode = 0600;
  const auto created = static_cast<int>(result_of(create));
  EXPECT_GE(created, 0);
  Call again(FileCall::Kind::open);
  again.path = path.c_str();
  again.flags = O_RDWR | O_CREAT | O_EXCL;
  EXPECT_EQ(result_of(again), -EEXIST);
  ::close(created);
  ::unlink(path.c_str());
}

TEST_P(file_ring, an_error_is_the_errno_negated) {
  std::string text(4, ' ');
  Call closed(FileCall::Kind::read, 987, text);
  EXPECT_EQ(result_of(closed), -EBADF);
  Call missing(FileCall::Kind::open);
  missing.path = "/nonexistent/file";
  EXPECT_EQ(result_of(missing), -ENOENT);
}

TEST_P(file_ring, what_the_kernel_has_no_request_for_goes_to_a_thread) {
  TemporaryFile file("12345");
  FileStatus status;
  Call stat(FileCall::Kind::stat, file.fd);
  stat.status = &status;
  backend.start(stat);
  finish(stat);
  EXPECT_TRUE(stat.ran_in_thread);
  EXPECT_EQ(stat.result, 0);
  EXPECT_EQ(status.st_size, 5);
}

// A pipe gives what is there, which is less than was asked for.
TEST_P(file_ring, a_whole_read_goes_on_after_short_ones) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  std::string text(10, ' ');
  Call whole(FileCall::Kind::read, ends[0], text);
  whole.whole = true;
  backend.start(whole);
  for (const char* part : {"abc", "defg", "hij"}) {
    backend.wait(Nanoseconds::min());
    EXPECT_EQ(whole.returned, 0);
    ASSERT_GT(::write(ends[1], part, std::strlen(part)), 0);
  }
  finish(whole);
  EXPECT_EQ(whole.result, 10);
  EXPECT_EQ(whole.stopped_by, 0);
  EXPECT_EQ(text, "abcdefghij");

  std::string more(10, ' ');
  Call cut(FileCall::Kind::read, ends[0], more);
  cut.whole = true;
  backend.start(cut);
  ASSERT_EQ(::write(ends[1], "last", 4), 4);
  ::close(ends[1]);
  finish(cut);
  EXPECT_EQ(cut.result, 4) << "the end comes before it is whole";
  ::close(ends[0]);
}

TEST_P(file_ring, a_long_read_is_whole_and_right) {
  std::string content(3'000'000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  TemporaryFile file(content);
  std::string text(content.size(), ' ');
  Call read(FileCall::Kind::read, file.fd, text, 0);
  read.whole = true;
  EXPECT_EQ(result_of(read), std::ssize(content));
  EXPECT_TRUE(text == content);
}

// On a thread the descriptor's lock sees to it.
TEST_P(file_ring, reads_where_the_descriptor_stands_come_one_after_the_other) {
  std::string content(8'000'000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  TemporaryFile file(content);
  std::vector<std::string> texts(8, std::string(1'000'000, ' '));
  std::vector<std::unique_ptr<Call>> calls;
  for (std::string& text : texts) {
    calls.push_back(std::make_unique<Call>(FileCall::Kind::read, file.fd, text));
    calls.back()->whole = true;
    backend.start(*calls.back());
  }
  for (const auto& call : calls) finish(*call);
  std::string all;
  for (const std::string& text : texts) all += text;
  EXPECT_TRUE(all == content);
}

// Fault L5
TEST_P(file_ring, more_calls_than_there_is_room_for_are_all_made_once) {
  std::string content(4000, ' ');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>('a' + i % 23);
  TemporaryFile file(content);
  std::vector<std::string> texts(2000, std::string(2, ' '));
  std::vector<std::unique_ptr<Call>> calls;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    calls.push_back(std::make_unique<Call>(FileCall::Kind::read, file.fd, texts[i],
                                           static_cast<std::int64_t>(2 * i)));
    backend.start(*calls.back());
  }
  for (const auto& call : calls) finish(*call);
  std::string all;
  for (const std::string& text : texts) all += text;
  EXPECT_TRUE(all == content);
  EXPECT_FALSE(backend.watching());
}

// Fault L6: the kernel has the buffer until the last completion
TEST_P(file_ring, closing_ends_what_would_wait_for_ever_and_what_has_not_begun) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  std::vector<std::string> texts(300, std::string(5, ' '));
  std::vector<std::unique_ptr<Call>> calls;
  for (std::string& text : texts) {
    calls.push_back(std::make_unique<Call>(FileCall::Kind::read, ::dup(ends[0]), text));
    backend.start(*calls.back());
  }
  backend.wait(Nanoseconds::min());
  backend.close_all();
  texts.clear();  // nobody writes there any more
  ASSERT_EQ(::write(ends[1], "abcde", 5), 5);
  for (const auto& call : calls) {
    EXPECT_EQ(call->returned, 1);
    EXPECT_EQ(call->result, -ECANCELED);
    ::close(call->fd);
  }
  EXPECT_FALSE(backend.watching());
  ::close(ends[0]);
  ::close(ends[1]);
}

// The kernel cancels what a thread has handed over when that ends.
TEST_P(file_ring, a_call_survives_the_thread_that_has_started_it) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  std::string text(5, ' ');
  Call read(FileCall::Kind::read, ends[0], text);
  std::thread([&] {
    backend.start(read);
    backend.wait(Nanoseconds::min());
  }).join();
  ASSERT_EQ(::write(ends[1], "abcde", 5), 5);
  finish(read);
  EXPECT_EQ(read.result, 5);
  EXPECT_EQ(text, "abcde");
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_P(file_ring, nothing_is_left_open) {
  const int before = test::open_descriptors();
  TemporaryFile file("x");
  std::string text(1, ' ');
  Call read(FileCall::Kind::read, file.fd, text, 0);
  EXPECT_EQ(result_of(read), 1);
  EXPECT_EQ(test::open_descriptors(), before + 4);  // the file, the poller, its eventfd, the ring
  backend.close_all();
  EXPECT_EQ(test::open_descriptors(), before + 1);
}

// Fault L5
TEST(file_ring_faults, what_the_kernel_does_not_take_now_it_is_handed_again) {
  RingFaults::now() = {};
  FileRing ring(&count_return, nullptr, faulty_ring_calls());
  if (ring.open() != 0) GTEST_SKIP() << "io_uring is forbidden here";
  TemporaryFile file("abc");
  for (const int error : {-EAGAIN, -EBUSY}) {
    std::string text(3, ' ');
    Call read(FileCall::Kind::read, file.fd, text, 0);
    RingFaults::now().enter_errors.assign(3, error);
    ring.start(read);
    EXPECT_FALSE(ring.submit());
    EXPECT_EQ(read.returned, 0);
    EXPECT_EQ(ring.under_way(), 1U);
    RingFaults::now().enter_errors.clear();
    EXPECT_TRUE(ring.submit());
    EXPECT_EQ(read.returned, 1);
    EXPECT_EQ(text, "abc");
  }
}

// Fault L7
TEST(file_ring_faults, an_operation_that_the_kernel_does_not_have_is_not_taken) {
  RingFaults::now() = {};
  RingFaults::now().missing_operation = IORING_OP_READ;
  FileRing ring(&count_return, nullptr, faulty_ring_calls());
  if (ring.open() != 0) GTEST_SKIP() << "io_uring is forbidden here";
  EXPECT_FALSE(ring.takes(Call(FileCall::Kind::read)));
  EXPECT_TRUE(ring.takes(Call(FileCall::Kind::write)));
  EXPECT_FALSE(ring.takes(Call(FileCall::Kind::list)));
}

}  // namespace
}  // namespace asyncio
