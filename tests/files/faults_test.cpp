// What the disk and the kernel do to files, call by call, and what a cancelled operation leaves.
#include <array>

#include "asyncio/files/file.hpp"
#include "asyncio/files/whole.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;
using file_faults = SimulatedFilesTest;
using testing::Operation;
using namespace std::chrono_literals;

// Fault F2
TEST_F(file_faults, short_and_interrupted_calls_are_gone_on_with) {
  std::string data;
  for (int i = 0; i < 200; ++i) data += std::to_string(i) + "\n";
  backend().shorten_file_calls(7);
  for (const Operation operation :
       {Operation::file_open, Operation::file_write, Operation::file_read, Operation::file_close}) {
    backend().fail_call(operation, 1, EINTR);
    run([](std::string path, std::string all) -> Coro<> {
      af::File out = co_await af::open(path, "wb", {.buffering = 100});
      co_await out.write(all);
      co_await out.close();
      af::File in = co_await af::open(path, "rb", {.buffering = 100});
      const std::string again = co_await in.read();
      EXPECT_EQ(again, all);
      co_await in.close();
    }(folder / "x", data));
  }
}

// Fault F1
TEST_F(file_faults, a_disk_that_fills_up_tells_how_much_is_in_and_loses_nothing) {
  backend().shorten_file_calls(4);
  backend().fail_call(Operation::file_write, 2, ENOSPC);
  const std::string path = folder / "x";
  run([](std::string where, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(where, "wb");
    co_await f.write("0123456789");
    const auto flushed = co_await try_(f.flush());
    EXPECT_EQ(describe(flushed.exception()), "OSError: write " + where +
                                                 " (8 of 10 bytes are written): no space left on "
                                                 "device");
    EXPECT_EQ(in.content("x"), "01234567");
    const std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 10);
    co_await f.flush();  // somebody has made room
    EXPECT_EQ(in.content("x"), "0123456789");
    co_await f.close();
  }(path, folder));
}

// Fault F1
TEST_F(file_faults, an_fsync_that_has_failed_is_never_a_success_again) {
  run([](std::string path, testing::SimulatedBackend& world) -> Coro<> {
    af::File f = co_await af::open(path, "wb");
    co_await f.write("x");
    world.fail_call(Operation::file_sync, 0, EIO);
    const auto first = co_await try_(f.fsync());
    EXPECT_EQ(describe(first.exception()), "OSError: fsync " + path + ": input/output error");
    const auto second = co_await try_(f.fsync());
    EXPECT_EQ(describe(second.exception()), "OSError: fsync " + path + ": input/output error");
    co_await f.close();
  }(folder / "x", backend()));
}

// Fault F1
TEST_F(file_faults, an_error_of_close_is_told_and_the_file_is_closed) {
  run([](std::string path, testing::SimulatedBackend& world) -> Coro<> {
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
      af::File f = co_await af::open(path, "wb");
      co_await f.write("x");
      world.fail_call(Operation::file_close, 0, error);
      const auto closed = co_await try_(f.close());
      EXPECT_TRUE(base::exception_is<OSError>(closed.exception()));
      EXPECT_TRUE(f.closed());
      co_await f.close();
    }
  }(folder / "x", backend()));
}

// Fault F10
TEST_F(file_faults, what_the_file_system_refuses_is_a_typed_error) {
  const std::string path = folder.put("x", "data");
  const std::pair<int, const char*> all[] = {{EACCES, "PermissionError: open "},
                                             {EPERM, "PermissionError: open "},
                                             {EROFS, "OSError: open "},
                                             {ESTALE, "OSError: open "},
                                             {EMFILE, "OSError: open "}};
  for (const auto& [error, words] : all) {
    backend().fail_call(Operation::file_open, 0, error);
    const std::string text = thrown_by([&] { run(af::open(path)); });
    EXPECT_TRUE(text.starts_with(words + path)) << text;
  }
  run([](std::string where, testing::SimulatedBackend& world) -> Coro<> {
    af::File f = co_await af::open(where);
    world.fail_call(Operation::file_read, 0, ESTALE);
    const auto read = co_await try_(f.read());
    EXPECT_EQ(describe(read.exception()), "OSError: read " + where + ": stale file handle");
    const std::string again = co_await f.read();
    EXPECT_EQ(again, "data");
    co_await f.close();
  }(path, backend()));
}

// Fault F4
TEST_F(file_faults, an_open_that_is_cancelled_closes_the_descriptor_that_comes_late) {
  const std::string path = folder.put("x", "data");
  run([](std::string where) -> Coro<> {
    Task<af::File> opening = create_task(af::open(where));
    co_await sleep(0s);
    co_await sleep(0s);
    opening.cancel();
    const auto outcome = co_await try_(opening);
    EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    co_await sleep(1s);
  }(path));
  EXPECT_EQ(open_descriptors(), descriptors_before);
}

// Fault F4
TEST_F(file_faults, a_read_that_is_cancelled_takes_nothing_and_the_next_gets_it) {
  const std::string path = folder.put("x", "0123456789");
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where);
    Task<std::string> read = create_task(f.read(4));
    co_await sleep(0s);
    read.cancel();
    const auto outcome = co_await try_(read);
    EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    std::string part = co_await f.read(4);
    EXPECT_EQ(part, "0123");
    const std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 4);
    co_await f.close();
  }(path));
}

// Fault F4
TEST_F(file_faults, a_write_that_is_cancelled_is_whole_or_was_not_begun) {
  run([](std::string path, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(path, "wb", {.buffering = 4});
    Task<std::size_t> first = create_task(f.write("first..."));
    Task<std::size_t> second = create_task(f.write("second.."));
    co_await sleep(0s);
    first.cancel();   // under way
    second.cancel();  // waits for its turn
    for (Task<std::size_t>* task : {&first, &second}) {
      const auto outcome = co_await try_(*task);
      EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    }
    co_await f.write("third...");
    co_await f.close();
    EXPECT_EQ(in.content("x"), "first...third...");
  }(folder / "x", folder));
}

// Fault F4
TEST_F(file_faults, a_close_that_is_cancelled_goes_on_to_its_end) {
  run([](std::string path, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(path, "wb");
    co_await f.write("data");
    Task<> closing = create_task(f.close());
    co_await sleep(0s);
    closing.cancel();
    const auto outcome = co_await try_(closing);
    EXPECT_TRUE(base::exception_is<CancelledError>(outcome.exception()));
    EXPECT_TRUE(f.closed());
    const auto refused = co_await try_(f.write("x"));
    EXPECT_EQ(describe(refused.exception()), "ValueError: I/O operation on closed file.");
    co_await sleep(1s);
    EXPECT_EQ(in.content("x"), "data");
  }(folder / "x", folder));
  EXPECT_EQ(open_descriptors(), descriptors_before);
}

TEST_F(file_faults, a_file_that_is_written_in_the_background_says_when_that_fails) {
  backend().fail_call(Operation::file_write, 0, ENOSPC);
  run([](std::string path) -> Coro<> {
    {
      af::File f = co_await af::open(path, "wb");
      co_await f.write("data");
    }
    co_await sleep(1s);
  }(folder / "x"));
  EXPECT_EQ(take_logs().size(), 2U) << "not closed, and not all of it written";
  EXPECT_EQ(open_descriptors(), descriptors_before);
}

TEST_F(file_faults, where_no_thread_can_be_had_nothing_is_lost) {
  run([](std::string path, testing::SimulatedBackend& world) -> Coro<> {
    world.fail_call(Operation::submit, 0, EAGAIN);
    const auto opened = co_await try_(af::open(path, "wb"));
    EXPECT_TRUE(base::exception_is<RuntimeError>(opened.exception()));
    af::File f = co_await af::open(path, "wb");
    co_await f.write("data");
    world.fail_call(Operation::submit, 0, EAGAIN);
    const auto flushed = co_await try_(f.flush());
    EXPECT_TRUE(base::exception_is<RuntimeError>(flushed.exception()));
    co_await f.close();
    const std::string again = co_await af::read_bytes(path);
    EXPECT_EQ(again, "data");
  }(folder / "x", backend()));
}

}  // namespace
}  // namespace asyncio::test
