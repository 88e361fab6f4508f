// Files as a whole, and the replacement that is all or nothing.
#include "asyncio/files/whole.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asyncio/files/errors.hpp"
#include "asyncio/run/event_loop.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace af = asyncio::files;

using whole_files = FilesTest;
INSTANTIATE_TEST_SUITE_P(on, whole_files, each_backend(), backend_name);

TEST_P(whole_files, are_read_and_written_in_one_go) {
  const std::string path = folder / "x";
  EXPECT_EQ(run(af::write_text(path, "zwölf\n")), 6U);
  EXPECT_EQ(run(af::read_bytes(path)), "zwölf\n");
  EXPECT_EQ(run(af::write_bytes(path, "a\r\nb\rc")), 6U);
  EXPECT_EQ(run(af::read_text(path)), "a\nb\nc");
  EXPECT_EQ(run(af::write_bytes(path, "")), 0U);
  EXPECT_EQ(run(af::read_bytes(path)), "");
  const std::string large(3'000'001, 'x');
  run(af::write_bytes(path, large));
  EXPECT_TRUE(run(af::read_bytes(path)) == large);
  EXPECT_NE(run(af::read_bytes("/proc/self/status")).find("Name:"), std::string::npos)
      << "it says that its size is 0";
  run(af::write_bytes(path, "ab\xff"));
  EXPECT_EQ(thrown_by([&] { run(af::read_text(path)); }),
            "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 2: invalid start "
            "byte");
  EXPECT_EQ(thrown_by([&] { run(af::read_bytes(folder / "nosuch")); }),
            "FileNotFoundError: read " + (folder / "nosuch") + ": no such file or directory");
  EXPECT_EQ(thrown_by([&] { run(af::write_bytes("/dev/full", "x")); }),
            "OSError: write /dev/full: no space left on device");
}

TEST_P(whole_files, an_atomic_write_replaces_a_file_and_keeps_its_permissions) {
  const std::string path = folder.put("x", "before");
  ::chmod(path.c_str(), 0604);
  EXPECT_EQ(run(af::write_atomic(path, "after")), 5U);
  EXPECT_EQ(folder.content("x"), "after");
  struct stat status{};
  ::stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 07777, 0604U);
  EXPECT_EQ(folder.entries(), 1U);
}

using atomic_write = SimulatedFilesTest;
using testing::Operation;

// Fault F1
TEST_F(atomic_write, that_fails_anywhere_leaves_the_old_file_and_nothing_else) {
  const std::string path = folder.put("x", "before");
  const std::string data(1000, 'n');
  for (const Operation operation :
       {Operation::file_open, Operation::file_write, Operation::file_sync, Operation::file_close}) {
    backend().fail_call(operation, 0, ENOSPC);
    EXPECT_EQ(thrown_by([&] { run(af::write_atomic(path, data)); }),
              "OSError: write " + path + ": no space left on device");
    EXPECT_EQ(folder.content("x"), "before");
    EXPECT_EQ(folder.entries(), 1U);
  }
  backend().fail_call(Operation::file_write, 0, EINTR);
  backend().shorten_file_calls(100);
  run(af::write_atomic(path, data));
  EXPECT_EQ(folder.content("x"), data);
}

// The process ends instead of its k-th call on a file.
class DyingBackend final : public testing::SimulatedBackend {
 public:
  explicit DyingBackend(int calls) : left_(calls) {}

 private:
  int before(FileCall::Kind, std::size_t& size) noexcept override {
    size = std::min<std::size_t>(size, 300);
    if (left_-- == 0) ::_exit(7);
    return 0;
  }
  int left_;
};

// Fault F3
TEST(atomic_write_killed, at_any_call_leaves_the_old_content_or_the_new) {
  TemporaryFolder folder;
  const std::string before(500, 'b');
  const std::string after(1000, 'a');
  bool finished = false;
  int deaths = 0;
  for (int calls = 0; !finished; ++calls) {
    const std::string path = folder.put("x", before);
    const pid_t child = ::fork();
    if (child == 0) {
      EventLoop loop(std::make_unique<DyingBackend>(calls));
      loop.run_until_complete(af::write_atomic(path, after));
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!finished) ++deaths;
    const std::string found = folder.content("x");
    EXPECT_TRUE(found == before || found == after) << "killed at call " << calls;
    EXPECT_TRUE(!finished || found == after);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      const std::string name = entry.path().filename();
      if (name == "x") continue;
      EXPECT_TRUE(name.starts_with(".x.") && name.ends_with(".tmp")) << name;
      std::filesystem::remove(entry.path());
    }
  }
  EXPECT_GE(deaths, 8);
}

}  // namespace
}  // namespace asyncio::test
