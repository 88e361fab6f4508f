// Files of bytes: reading, writing, where they stand, and their end.
#include "asyncio/files/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "asyncio/coro/enter.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/files/errors.hpp"
#include "asyncio/task/gather.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

using files = FilesTest;
namespace af = asyncio::files;

INSTANTIATE_TEST_SUITE_P(on, files, each_backend(), backend_name);

TEST_P(files, give_back_what_was_written) {
  run([](std::string path) -> Coro<> {
    af::File out = co_await af::open(path, "wb");
    const std::size_t count = co_await out.write("hello ");
    EXPECT_EQ(count, 6U);
    const std::vector<std::string> more({"to ", "the ", "world"});
    co_await out.writelines(more);
    co_await out.close();
    af::File in = co_await af::open(path, "rb");
    const std::string all = co_await in.read();
    EXPECT_EQ(all, "hello to the world");
    const std::string end = co_await in.read();
    EXPECT_EQ(end, "");
    co_await in.close();
  }(folder / "x"));
}

TEST_P(files, with_closes_at_the_end_whatever_ends_the_block) {
  const std::string path = folder / "x";
  run([](std::string where) -> Coro<> {
    af::File kept;
    co_await with(af::open(where, "w"), [&kept](af::File& file) -> Coro<> {
      kept = file;
      co_await file.write("inside");
    });
    EXPECT_TRUE(kept.closed());
    auto fails = [&kept](af::File& file) -> Coro<> {
      kept = file;
      co_await raise<ValueError>("no");
    };
    const Result<void> outcome = co_await try_(with(af::open(where), fails));
    EXPECT_EQ(describe(outcome.exception()), "ValueError: no");
    EXPECT_TRUE(kept.closed());
  }(path));
  EXPECT_EQ(folder.content("x"), "inside");
  run([](std::string where) -> Coro<> {
    af::File& file = co_await enter<af::Open>(where, "a");
    co_await file.write(" and entered");
  }(path));
  EXPECT_EQ(folder.content("x"), "inside and entered");
}

TEST_P(files, reads_of_every_kind_share_one_place) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "rb");
    std::string part = co_await f.read(3);
    EXPECT_EQ(part, "one");
    part = co_await f.readline();
    EXPECT_EQ(part, "\n");
    part = co_await f.readline(2);
    EXPECT_EQ(part, "tw");
    part = co_await f.peek();
    EXPECT_EQ(part, "o\nthree\nfour\r\nfive");
    std::array<std::byte, 4> into{};
    const std::size_t count = co_await f.readinto(into);
    EXPECT_EQ(count, 4U);
    EXPECT_EQ(static_cast<char>(into[3]), 'h');
    part = co_await f.read1(2);
    EXPECT_EQ(part, "re");
    const std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 12);
    std::vector<std::string> lines;
    while (auto line = co_await f.next_line()) lines.push_back(*line);
    EXPECT_EQ(lines, (std::vector<std::string>{"e\n", "four\r\n", "five"}));
    co_await f.seek(0);
    lines = co_await f.readlines(5);
    EXPECT_EQ(lines, (std::vector<std::string>{"one\n", "two\n"}));
    co_await f.close();
  }(folder.put("x", "one\ntwo\nthree\nfour\r\nfive")));
}

// Recorded from CPython: r+b, read(3), write(XY), read(2), seek(-1, 1), truncate().
TEST_P(files, reading_and_writing_take_turns_at_one_place) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "r+b");
    std::string part = co_await f.read(3);
    EXPECT_EQ(part, "012");
    co_await f.write("XY");
    std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 5);
    part = co_await f.read(2);
    EXPECT_EQ(part, "56");
    place = co_await f.seek(-1, SEEK_CUR);
    EXPECT_EQ(place, 6);
    place = co_await f.truncate();
    EXPECT_EQ(place, 6);
    co_await f.close();
  }(folder.put("x", "0123456789")));
  EXPECT_EQ(folder.content("x"), "012XY5");
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "a+b");
    std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 6);
    co_await f.seek(0);
    co_await f.write("end");
    co_await f.flush();
    place = co_await f.tell();
    EXPECT_EQ(place, 9);
    co_await f.seek(0);
    const std::string all = co_await f.read();
    EXPECT_EQ(all, "012XY5end");
    co_await f.close();
  }(folder / "x"));
}

TEST_P(files, a_seek_behind_a_write_or_a_truncate_finds_the_file_and_not_the_buffer) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "r+b", {.buffering = 4});
    std::string part = co_await f.read(4);
    EXPECT_EQ(part, "0123");
    co_await f.write("XY");
    co_await f.seek(2);
    part = co_await f.read(4);
    EXPECT_EQ(part, "23XY");
    part = co_await f.read(2);
    EXPECT_EQ(part, "67");
    co_await f.truncate(7);
    co_await f.seek(6);
    part = co_await f.read();
    EXPECT_EQ(part, "6");
    co_await f.close();
  }(folder.put("x", "01234567")));
}

TEST_P(files, seek_counts_from_three_places_and_refuses_others) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "rb");
    std::int64_t place = co_await f.seek(-3, SEEK_END);
    EXPECT_EQ(place, 7);
    std::string part = co_await f.read();
    EXPECT_EQ(part, "789");
    place = co_await f.seek(2);
    part = co_await f.read(1);
    EXPECT_EQ(part, "2");
    place = co_await f.seek(3, SEEK_CUR);
    EXPECT_EQ(place, 6);
    const auto refused = co_await try_(f.seek(0, 5));
    EXPECT_EQ(describe(refused.exception()), "ValueError: invalid whence (5, should be 0, 1 or 2)");
    const auto negative = co_await try_(f.seek(-1));
    EXPECT_EQ(describe(negative.exception()), "OSError: seek " + path + ": invalid argument");
    place = co_await f.tell();
    EXPECT_EQ(place, 6) << "a seek that fails moves nothing";
    part = co_await f.read(1);
    EXPECT_EQ(part, "6");
    co_await f.close();
  }(folder.put("x", "0123456789")));
}

// Fault F7
TEST_P(files, places_beyond_four_gigabytes_are_places_as_others) {
  run([](std::string path) -> Coro<> {
    constexpr std::int64_t kFar = (std::int64_t{1} << 32) + 5;
    af::File f = co_await af::open(path, "w+b");
    std::int64_t place = co_await f.seek(kFar);
    EXPECT_EQ(place, kFar);
    co_await f.write("far away");
    place = co_await f.tell();
    EXPECT_EQ(place, kFar + 8);
    co_await f.seek(kFar - 2);
    const std::string part = co_await f.read();
    EXPECT_EQ(part, std::string("\0\0far away", 10));
    const auto overflow = co_await try_(f.seek(std::numeric_limits<std::int64_t>::max(), 1));
    EXPECT_TRUE(base::exception_is<OSError>(overflow.exception()));
    place = co_await f.truncate(3);
    EXPECT_EQ(place, 3);
    co_await f.close();
  }(folder / "x"));
  EXPECT_EQ(folder.content("x"), std::string(3, '\0'));
}

TEST_P(files, more_than_the_buffer_passes_through_in_both_directions) {
  std::string data;
  for (int i = 0; data.size() < 3'000'000; ++i) data += std::to_string(i) + "\n";
  run([](std::string path, std::string all) -> Coro<> {
    af::File out = co_await af::open(path, "wb", {.buffering = 1000});
    for (std::size_t at = 0; at < all.size(); at += 77'777) {
      co_await out.write(std::string_view(all).substr(at, 77'777));
    }
    co_await out.close();
    af::File in = co_await af::open(path, "rb", {.buffering = 1000});
    std::string again;
    while (auto line = co_await in.next_line()) again += *line;
    EXPECT_EQ(again.size(), all.size());
    EXPECT_TRUE(again == all);
    co_await in.seek(0);
    again = co_await in.read();
    EXPECT_TRUE(again == all);
    co_await in.seek(5);
    again = co_await in.read(2'500'000);
    EXPECT_TRUE(again == all.substr(5, 2'500'000));
    co_await in.close();
  }(folder / "x", data));
}

TEST_P(files, without_a_buffer_each_call_is_one_of_the_kernel) {
  const std::string path = folder / "x";
  run([](std::string where) -> Coro<> {
    af::File out = co_await af::open(where, "wb", {.buffering = 0});
    af::File in = co_await af::open(where, "rb", {.buffering = 0});
    co_await out.write("abc");
    std::string part = co_await in.read(10);
    EXPECT_EQ(part, "abc");
    co_await out.write("d\ne");
    part = co_await in.readline();
    EXPECT_EQ(part, "d\n");
    const std::int64_t place = ::lseek(in.fileno(), 0, SEEK_CUR);
    EXPECT_EQ(place, 5) << "nothing is read ahead";
    co_await in.close();
    co_await out.close();
  }(path));
}

// Fault F6
TEST_P(files, a_file_that_grows_or_shrinks_is_read_to_the_end_that_it_has_then) {
  const std::string path = folder.put("x", "12345");
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "rb");
    std::string part = co_await f.read();
    EXPECT_EQ(part, "12345");
    af::File grower = co_await af::open(where, "ab");
    co_await grower.write("6789");
    co_await grower.flush();
    part = co_await f.read();
    EXPECT_EQ(part, "6789");
    co_await f.seek(0);
    co_await grower.truncate(2);
    part = co_await f.read(1);
    co_await f.seek(0);
    co_await f.read(3);
    co_await grower.close();
    co_await f.close();
    af::File fresh = co_await af::open(where, "rb");
    const int cut = ::truncate(where.c_str(), 1);
    EXPECT_EQ(cut, 0);
    part = co_await fresh.read();
    EXPECT_EQ(part, "1") << "it was 2 bytes when it was opened";
    co_await fresh.close();
  }(path));
}

TEST_P(files, operations_that_are_awaited_together_run_in_order) {
  const std::string path = folder / "x";
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "w+b", {.buffering = 0});
    std::vector<Coro<std::size_t>> writes;
    for (int i = 0; i < 10; ++i) writes.push_back(f.write(std::to_string(i)));
    co_await gather(std::move(writes));
    co_await f.seek(0);
    std::vector<Coro<std::string>> reads;
    for (int i = 0; i < 5; ++i) reads.push_back(f.read(2));
    const std::vector<std::string> parts = co_await gather(std::move(reads));
    EXPECT_EQ(parts, (std::vector<std::string>{"01", "23", "45", "67", "89"}));
    co_await f.close();
  }(path));
  EXPECT_EQ(folder.content("x"), "0123456789");
}

TEST_P(files, what_a_file_does_not_do_is_an_unsupported_operation) {
  run([](std::string path) -> Coro<> {
    af::File out = co_await af::open(path, "wb");
    const auto read = co_await try_(out.read());
    EXPECT_EQ(describe(read.exception()), "files::UnsupportedOperation: not readable");
    co_await out.close();
    af::File in = co_await af::open(path, "rb");
    const auto written = co_await try_(in.write("x"));
    EXPECT_EQ(describe(written.exception()), "files::UnsupportedOperation: not writable");
    const auto cut = co_await try_(in.truncate());
    EXPECT_TRUE(base::exception_is<OSError>(cut.exception()));
    co_await in.close();
  }(folder / "x"));
}

TEST_P(files, after_close_all_is_a_value_error_and_close_is_nothing) {
  run([](std::string path) -> Coro<> {
    af::File f = co_await af::open(path, "w");
    co_await f.close();
    co_await f.close();
    const auto written = co_await try_(f.write("x"));
    EXPECT_EQ(describe(written.exception()), "ValueError: I/O operation on closed file.");
    const auto told = co_await try_(f.tell());
    EXPECT_EQ(describe(told.exception()), "ValueError: I/O operation on closed file.");
    EXPECT_EQ(thrown_by([&] { (void)f.fileno(); }), "ValueError: I/O operation on closed file");
    af::File never;
    EXPECT_TRUE(never.closed());
    const auto nothing = co_await try_(never.read());
    EXPECT_EQ(describe(nothing.exception()), "ValueError: I/O operation on closed file.");
    co_await never.close();
  }(folder / "x"));
}

TEST_P(files, one_that_nobody_closes_is_written_and_closed_with_a_warning) {
  const std::string path = folder / "x";
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "w");
    co_await f.write("not lost");
  }(path));
  EXPECT_EQ(take_logs(), std::vector<std::string>({"ResourceWarning: unclosed file "
                                                   "<asyncio.files.File name='" +
                                                   path + "' mode='w' encoding='utf-8'>"}));
  close_loop();
  EXPECT_EQ(folder.content("x"), "not lost");
}

// Fault F4
TEST_P(files, a_loop_that_closes_first_writes_and_closes_what_is_open) {
  const std::string path = folder / "x";
  af::File outlives;
  run([](std::string where, af::File& out) -> Coro<> {
    out = co_await af::open(where, "w");
    co_await out.write("in the buffer");
  }(path, outlives));
  close_loop();
  EXPECT_EQ(folder.content("x"), "in the buffer");
  EXPECT_TRUE(outlives.closed());
}

// Fault F4
TEST_P(files, a_write_that_is_under_way_when_the_loop_closes_is_completed) {
  const std::string path = folder / "x";
  const std::string data(5'000'000, 'z');
  af::File outlives;
  run([](std::string where, af::File& out) -> Coro<> { out = co_await af::open(where, "wb"); }(
                                               path, outlives));
  auto task = loop().create_task(outlives.write(data));
  turn();
  task.cancel();
  turn();
  close_loop();
  EXPECT_EQ(folder.content("x").size(), data.size());
}

TEST_P(files, a_descriptor_can_be_wrapped_and_left_open) {
  const std::string path = folder.put("x", "0123456789");
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  ::lseek(fd, 4, SEEK_SET);
  run([](int of) -> Coro<> {
    af::File f = co_await af::open(of, "rb", {.closefd = false});
    EXPECT_EQ(f.fileno(), of);
    const std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 4);
    const std::string rest = co_await f.read();
    EXPECT_EQ(rest, "456789");
    co_await f.close();
    af::File owner = co_await af::open(of, "r+b");
    co_await owner.close();
  }(fd));
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "the second one owned it";
  EXPECT_EQ(thrown_by([&] { run(af::open(fd, "rb", {})); }).substr(0, 11), "OSError: op");
}

TEST_P(files, fsync_and_fdatasync_write_the_buffer_first) {
  const std::string path = folder / "x";
  run([](std::string where, TemporaryFolder& in) -> Coro<> {
    af::File f = co_await af::open(where, "w");
    co_await f.write("one");
    co_await f.fsync();
    EXPECT_EQ(in.content("x"), "one");
    co_await f.write("two");
    co_await f.fdatasync();
    EXPECT_EQ(in.content("x"), "onetwo");
    co_await f.close();
  }(path, folder));
}

// Fault F1
TEST_P(files, a_full_disk_is_told_and_close_closes_all_the_same) {
  run([]() -> Coro<> {
    af::File f = co_await af::open("/dev/full", "wb");
    co_await f.write("12345");
    const auto flushed = co_await try_(f.flush());
    EXPECT_EQ(describe(flushed.exception()),
              "OSError: write /dev/full (0 of 5 bytes are written): no space left on device");
    const auto closed = co_await try_(f.close());
    EXPECT_TRUE(base::exception_is<OSError>(closed.exception())) << "it has tried again";
    EXPECT_TRUE(f.closed());
    af::File raw = co_await af::open("/dev/full", "wb", {.buffering = 0});
    const auto written = co_await try_(raw.write("1"));
    EXPECT_TRUE(base::exception_is<OSError>(written.exception()));
    const auto ended = co_await try_(raw.close());
    EXPECT_FALSE(ended.ok());
  }());
}

// Fault F10
TEST_P(files, what_is_not_permitted_is_a_permission_error) {
  const std::string path = folder.put("x", "secret");
  EXPECT_EQ(thrown_by([&] { run(af::open("/proc/self/mem/x")); }).substr(0, 18),
            "NotADirectoryError");
  if (::geteuid() == 0) GTEST_SKIP() << "root may everything";
  ::chmod(path.c_str(), 0);
  EXPECT_EQ(thrown_by([&] { run(af::open(path)); }),
            "PermissionError: open " + path + ": permission denied");
}

}  // namespace
}  // namespace asyncio::test
