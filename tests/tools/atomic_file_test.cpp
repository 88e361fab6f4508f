#include "tools/asyncio/atomic_file.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

namespace fs = std::filesystem;

class AtomicFile : public testing::Test {
 protected:
  AtomicFile() {
    std::string name = (fs::temp_directory_path() / "asyncio_tool_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~AtomicFile() override { fs::remove_all(folder_); }

  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

TEST_F(AtomicFile, replaces_the_whole_file_and_leaves_nothing_beside_it) {
  fs::path path = folder_ / "report.html";
  write_file_atomically(path, "a long first version");
  write_file_atomically(path, "second");
  EXPECT_EQ(content(path), "second");
  EXPECT_EQ(files(), 1);
}

TEST_F(AtomicFile, a_full_disk_is_reported_by_name) {
  try {
    write_file_atomically("/dev/full", "x");
    FAIL();
  } catch (const ToolError& error) {
    EXPECT_STREQ(error.what(), "cannot write '/dev/full': No space left on device");
  }
}

TEST_F(AtomicFile, what_is_no_regular_file_is_written_and_not_replaced) {
  write_file_atomically("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const fs::path link = folder_ / "link";
  fs::create_symlink("/dev/null", link);
  write_file_atomically(link, "gone");
  EXPECT_TRUE(fs::is_symlink(link));
}

TEST_F(AtomicFile, a_missing_folder_is_reported_and_nothing_appears) {
  EXPECT_THROW(write_file_atomically(folder_ / "no" / "file", "x"), ToolError);
  EXPECT_EQ(files(), 0);
}

}  // namespace
}  // namespace asyncio::tool
