// What the kernel has in its cache is read in the loop's thread: without a thread, without a call
// that is under way, and without keeping the others from running. What it has not takes the longer
// way, and all of it looks the same.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <vector>

#include "asyncio/files/file.hpp"
#include "asyncio/files/whole.hpp"
#include "asyncio/task/gather.hpp"
#include "asyncio/task/sleep.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;
using namespace std::chrono_literals;

std::string pattern(std::size_t size) {
  std::string data(size, '\0');
  for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>('a' + i * 7 / 5 % 26);
  return data;
}

std::size_t threads() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

class at_hand : public FilesTest {
 protected:
  // Where the kernel, a sandbox or the file system does not know the calls there is nothing to see.
  static bool can_tell(const std::string& path) {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    how.resolve = RESOLVE_CACHED;
    const auto fd =
        static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how));
    char byte = 0;
    const iovec piece{&byte, 1};
    const bool can = fd >= 0 && ::preadv2(fd, &piece, 1, 0, RWF_NOWAIT) == 1;
    if (fd >= 0) ::close(fd);
    return can;
  }
  // Drops what the kernel has of `[from, to)`, as far as it does so.
  static void forget(const std::string& path, off_t from, off_t to) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::fsync(fd);
    ::posix_fadvise(fd, from, to - from, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
};
INSTANTIATE_TEST_SUITE_P(on, at_hand, each_backend(), backend_name);

TEST_P(at_hand, what_is_cached_needs_no_thread) {
  const std::string path = folder.put("x", pattern(300'000));
  if (!can_tell(path)) GTEST_SKIP() << "nobody tells what is cached";
  const std::size_t before = threads();
  const int descriptors = open_descriptors();
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "rb");
    std::string part = co_await f.read(100);
    EXPECT_EQ(part.size(), 100U);
    co_await f.seek(7);
    part = co_await f.read();
    EXPECT_EQ(part.size(), 299'993U);
    co_await f.close();
    part = co_await af::read_bytes(where);
    EXPECT_EQ(part.size(), 300'000U);
  }(path));
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(threads(), before);
  // A name that is not there is mostly not in the cache, either.
  EXPECT_EQ(thrown_by([&] { run(af::open(path + "y")); }),
            "FileNotFoundError: open " + path + "y: no such file or directory");
}

// A copy of a megabyte is the longest step that a read makes in the loop.
TEST_P(at_hand, a_task_that_reads_what_is_cached_lets_the_others_run) {
  const std::string path = folder.put("x", pattern(8 * 1024 * 1024));
  run([](std::string where) -> Coro<> {
    bool over = false;
    int turns = 0;
    auto count = [](bool& end, int& turn) -> Coro<> {
      while (!end) {
        ++turn;
        co_await sleep(0s);
      }
    };
    Task<> other = create_task(count(over, turns));
    af::File f = co_await af::open(where, "rb");
    int before = turns;
    const std::string all = co_await f.read();
    EXPECT_EQ(all.size(), 8U * 1024 * 1024);
    EXPECT_GE(turns - before, 8) << "a whole file";
    co_await f.close();
    af::File raw = co_await af::open(where, "rb", {.buffering = 0});
    before = turns;
    for (int i = 0; i < 50; ++i) {
      const std::string one = co_await raw.read(1);
      EXPECT_EQ(one.size(), 1U);
    }
    EXPECT_GE(turns - before, 50) << "calls of a byte";
    std::vector<std::byte> block(256 * 1024);
    before = turns;
    for (int i = 0; i < 20; ++i) {
      const std::size_t size = co_await raw.readinto(block);
      EXPECT_EQ(size, block.size());
    }
    EXPECT_GE(turns - before, 20) << "blocks";
    co_await raw.close();
    over = true;
    co_await other;
  }(path));
}

// Fault F4
TEST_P(at_hand, a_read_that_is_cancelled_in_any_turn_takes_nothing) {
  const std::string data = pattern(2'500'000);
  const std::string path = folder.put("x", data);
  for (const bool cached : {true, false}) {
    for (int turns = 0; turns < 6; ++turns) {
      if (!cached) forget(path, 200'000, 2'500'000);
      af::File f = run(af::open(path, "rb"));
      std::vector<std::byte> block(1024 * 1024);
      auto into = loop().create_task(f.readinto(block));
      turn(turns);
      const bool done = into.done();
      into.cancel();
      turn(3);
      const std::string rest = run(f.read());
      EXPECT_TRUE(rest == data.substr(done ? block.size() : 0)) << turns << " turns";
      run(f.seek(0));
      auto all = loop().create_task(f.read());
      turn(turns);
      const bool all_done = all.done();
      all.cancel();
      turn(3);
      const std::string again = run(f.read());
      EXPECT_TRUE(again == (all_done ? "" : data)) << turns << " turns";
      run(f.close());
    }
  }
}

// Fault F4
TEST_P(at_hand, an_open_that_is_cancelled_in_any_turn_leaves_no_descriptor) {
  const std::string path = folder.put("x", "data");
  run(af::read_bytes(path));
  const int before = open_descriptors();
  for (int turns = 0; turns < 4; ++turns) {
    auto opening = loop().create_task(af::open(path, "rb"));
    turn(turns);
    if (opening.done()) {
      run(run(opening).close());
      break;
    }
    opening.cancel();
    turn(2);
    EXPECT_TRUE(opening.cancelled());
    EXPECT_EQ(open_descriptors(), before);
  }
}

// Fault F6
TEST_P(at_hand, a_file_that_is_cached_in_parts_is_read_as_one) {
  const std::string data = pattern(3'000'000);
  const std::string path = folder.put("x", data);
  const auto drop = [&] { forget(path, 300'000, 2'000'000); };
  drop();
  EXPECT_TRUE(run(af::read_bytes(path)) == data);
  drop();
  run([](std::string where, std::string all) -> Coro<> {
    af::File f = co_await af::open(where, "rb");
    const std::string got = co_await f.read();
    EXPECT_TRUE(got == all);
    co_await f.close();
  }(path, data));
  for (const std::size_t size : {1000U, 131'072U, 1'000'000U, 1'048'576U, 1'500'000U, 4'000'000U}) {
    drop();
    run([](std::string where, std::string all, std::size_t step) -> Coro<> {
      af::File f = co_await af::open(where, "rb");
      std::vector<std::byte> block(step);
      std::string got;
      for (;;) {
        const std::size_t count = co_await f.readinto(block);
        if (count == 0) break;
        EXPECT_TRUE(count == step || got.size() + count == all.size()) << "full, but at the end";
        got.append(reinterpret_cast<const char*>(block.data()), count);
      }
      EXPECT_TRUE(got == all) << "blocks of " << step;
      const std::int64_t place = co_await f.tell();
      EXPECT_EQ(place, 3'000'000);
      co_await f.close();
    }(path, data, size));
  }
}

TEST_P(at_hand, a_read_past_the_buffer_and_one_of_it_share_one_place) {
  const std::string data = pattern(1'000'000);
  run([](std::string where, std::string all) -> Coro<> {
    af::File f = co_await af::open(where, "r+b");
    std::string part = co_await f.read(10);
    std::vector<std::byte> block(200'000);
    std::size_t count = co_await f.readinto(block);
    EXPECT_EQ(count, block.size());
    EXPECT_EQ(std::memcmp(block.data(), all.data() + 10, count), 0);
    count = co_await f.readinto(block);
    EXPECT_EQ(std::memcmp(block.data(), all.data() + 200'010, count), 0);
    std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 400'010);
    co_await f.seek(-5, SEEK_CUR);
    part = co_await f.read(5);
    EXPECT_EQ(part, all.substr(400'005, 5));
    co_await f.write("here");
    co_await f.seek(400'000);
    part = co_await f.read(20);
    EXPECT_EQ(part, all.substr(400'000, 10) + "here" + all.substr(400'014, 6));
    co_await f.close();
  }(folder.put("x", data), data));
}

// Fault F6: its size is not what stat says, and the kernel knows of no attempt.
TEST_P(at_hand, what_the_kernel_makes_up_is_read_to_its_end) {
  run([]() -> Coro<> {
    af::File f = co_await af::open("/proc/self/maps");
    std::string text = co_await f.read();
    EXPECT_GT(text.size(), 4096U);
    EXPECT_TRUE(text.ends_with('\n'));
    co_await f.close();
    af::File lines = co_await af::open("/proc/self/status");
    std::size_t count = 0;
    while (auto line = co_await lines.next_line()) ++count;
    EXPECT_GT(count, 20U);
    co_await lines.close();
    std::vector<std::byte> block(1024 * 1024);
    af::File raw = co_await af::open("/proc/self/maps", "rb");
    std::size_t total = 0;
    for (std::size_t got = 1; got > 0; total += got) got = co_await raw.readinto(block);
    EXPECT_GT(total, 4096U);
    co_await raw.close();
  }());
}

// Fault F6
TEST_P(at_hand, the_end_is_where_the_file_ends_at_the_time) {
  const std::string path = folder.put("x", pattern(1000));
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "rb", {.buffering = 0});
    std::filesystem::resize_file(where, 1500);
    std::string part = co_await f.read();
    EXPECT_EQ(part.size(), 1500U);
    std::filesystem::resize_file(where, 1600);
    part = co_await f.read();
    EXPECT_EQ(part.size(), 100U);
    std::filesystem::resize_file(where, 10);
    part = co_await f.read();
    EXPECT_EQ(part, "");
    co_await f.seek(0);
    std::vector<std::byte> block(4096);
    const std::size_t count = co_await f.readinto(block);
    EXPECT_EQ(count, 10U);
    co_await f.close();
  }(path));
}

// Fault F7
TEST_P(at_hand, a_sparse_file_of_many_gigabytes_has_places_as_any_other) {
  const std::string path = folder.put("x", "");
  constexpr std::int64_t kFar = 5'000'000'000;
  run([](std::string where) -> Coro<> {
    af::File f = co_await af::open(where, "r+b");
    co_await f.seek(kFar);
    co_await f.write("far away");
    co_await f.flush();
    co_await f.seek(kFar - 200'000);
    std::vector<std::byte> block(200'004);
    std::size_t count = co_await f.readinto(block);
    EXPECT_EQ(count, block.size());
    EXPECT_EQ(std::memcmp(block.data() + 199'998, "\0\0far ", 6), 0);
    const std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, kFar + 4);
    const std::string rest = co_await f.read();
    EXPECT_EQ(rest, "away");
    const std::int64_t size = co_await f.truncate(kFar + 3);
    EXPECT_EQ(size, kFar + 3);
    co_await f.seek(-3, SEEK_END);
    const std::string end = co_await f.read();
    EXPECT_EQ(end, "far");
    co_await f.close();
  }(path));
}

TEST_P(at_hand, many_small_files_at_a_time_leave_nothing_open) {
  for (int i = 0; i < 200; ++i) folder.put(std::to_string(i), pattern(static_cast<std::size_t>(i)));
  auto read_all = [](std::string where) -> Coro<> {
    auto one = [](std::string path) -> Coro<std::size_t> {
      af::File f = co_await af::open(path, "rb");
      const std::string all = co_await f.read();
      co_await f.close();
      co_return all.size();
    };
    std::vector<Coro<std::size_t>> all;
    for (int i = 0; i < 200; ++i) all.push_back(one(where + "/" + std::to_string(i)));
    std::size_t total = 0;
    for (const std::size_t size : co_await gather(std::move(all))) total += size;
    EXPECT_EQ(total, 199U * 200 / 2);
  };
  run(read_all(folder.path()));
  const int before = open_descriptors();  // with those of a ring, where one is needed
  run(read_all(folder.path()));
  EXPECT_EQ(open_descriptors(), before);
}

// The loop ends between a turn that was asked for and the turn.
TEST_P(at_hand, a_loop_may_close_in_the_midst_of_a_long_read) {
  const std::string path = folder.put("x", pattern(4 * 1024 * 1024));
  af::File f = run(af::open(path, "rb"));
  auto read = loop().create_task(f.read());
  turn(2);
  read.cancel();
  turn(1);
  auto again = loop().create_task(f.read());
  turn(2);
  again.cancel();
  turn(1);
  close_loop();
  EXPECT_TRUE(f.closed());
}

}  // namespace
}  // namespace asyncio::test
