// Temporary files and folders.
#include "asyncio/files/tempfile.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "asyncio/coro/with.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;
namespace tempfile = asyncio::files::tempfile;

using temporary = FilesTest;
INSTANTIATE_TEST_SUITE_P(on, temporary, each_backend(), backend_name);

unsigned permissions(const std::string& path) {
  struct stat status{};
  ::lstat(path.c_str(), &status);
  return status.st_mode & 07777;
}

// Fault F9
TEST_P(temporary, a_file_without_a_name_is_found_by_nobody) {
  run([](TemporaryFolder& in) -> Coro<> {
    const std::string dir = in.path();
    af::File f = co_await tempfile::TemporaryFile("w+b", {.dir = dir});
    EXPECT_EQ(in.entries(), 0U);
    struct stat status{};
    ::fstat(f.fileno(), &status);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(status.st_nlink, 0U);
    co_await f.write("secret");
    co_await f.seek(0);
    const std::string again = co_await f.read();
    EXPECT_EQ(again, "secret");
    co_await f.close();
  }(folder));
}

// Fault F9
TEST_P(temporary, a_file_with_a_name_is_private_and_goes_with_close) {
  run([](TemporaryFolder& in) -> Coro<> {
    const std::string dir = in.path();
    std::string first;
    co_await with(tempfile::NamedTemporaryFile("w+", {.prefix = "p", .suffix = ".txt", .dir = dir}),
                  [&](af::File& f) -> Coro<> {
                    first = f.name();
                    EXPECT_TRUE(first.starts_with(dir + "/p") && first.ends_with(".txt"));
                    EXPECT_EQ(permissions(f.name()), 0600U);
                    co_await f.write("x");
                  });
    EXPECT_EQ(in.entries(), 0U);
    af::File kept = co_await tempfile::NamedTemporaryFile("wb", {.dir = dir, .delete_ = false});
    EXPECT_NE(kept.name(), first);
    co_await kept.close();
    EXPECT_EQ(in.entries(), 1U);
  }(folder));
}

// Fault F9
TEST_P(temporary, folders_are_private_and_go_with_what_is_in_them) {
  run([](TemporaryFolder& in) -> Coro<> {
    const std::string dir = in.path();
    co_await with(tempfile::TemporaryDirectory({.dir = dir}),
                  [](const std::string& name) -> Coro<> {
                    EXPECT_EQ(permissions(name), 0700U);
                    af::File f = co_await af::open(name + "/inside", "w");
                    co_await f.write("x");
                    co_await f.close();
                  });
    EXPECT_EQ(in.entries(), 0U);
    const std::string stays = co_await tempfile::mkdtemp({.dir = dir});
    EXPECT_TRUE(stays.starts_with(dir + "/tmp"));
    EXPECT_EQ(in.entries(), 1U);
  }(folder));
}

TEST_P(temporary, a_spooled_one_is_in_memory_until_it_is_too_long) {
  run([]() -> Coro<> {
    tempfile::SpooledTemporaryFile f(10);
    co_await f.write("line 1\n");
    EXPECT_FALSE(f.rolled());
    co_await f.seek(2);
    std::string part = co_await f.read(3);
    EXPECT_EQ(part, "ne ");
    co_await f.seek(0, SEEK_END);
    co_await f.write("line 2\n");
    EXPECT_TRUE(f.rolled());
    std::int64_t place = co_await f.tell();
    EXPECT_EQ(place, 14);
    co_await f.seek(0);
    part = co_await f.readline();
    EXPECT_EQ(part, "line 1\n");
    part = co_await f.read();
    EXPECT_EQ(part, "line 2\n");
    co_await f.close();
    const auto refused = co_await try_(f.read());
    EXPECT_EQ(describe(refused.exception()), "ValueError: I/O operation on closed file.");
  }());
}

}  // namespace
}  // namespace asyncio::test
