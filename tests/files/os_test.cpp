// files::os and files::ospath beside what the kernel says.
#include "asyncio/files/os.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

namespace os = asyncio::files::os;
namespace path = asyncio::files::ospath;

class files_os : public FilesTest {
 protected:
  std::string kind_of_error(const std::string& text) { return text.substr(0, text.find(':')); }
};

INSTANTIATE_TEST_SUITE_P(on, files_os, each_backend(), backend_name);

TEST_P(files_os, names_are_moved_linked_and_removed) {
  const std::string a = folder.put("a", "one");
  const std::string b = folder / "b";
  run(os::rename(a, b));
  EXPECT_EQ(folder.content("b"), "one");
  folder.put("a", "two");
  run(os::replace(a, b));
  EXPECT_EQ(folder.content("b"), "two");
  run(os::link(b, a));
  EXPECT_EQ(run(os::stat(a)).st_nlink, 2U);
  EXPECT_TRUE(run(path::samefile(a, b)));
  run(os::symlink("b", folder / "c"));
  EXPECT_EQ(run(os::readlink(folder / "c")), "b");
  EXPECT_TRUE(run(path::islink(folder / "c")));
  EXPECT_TRUE(run(os::lstat(folder / "c")).is_symlink());
  EXPECT_TRUE(run(os::stat(folder / "c")).is_file());
  run(os::remove(a));
  run(os::unlink(folder / "c"));
  EXPECT_EQ(folder.entries(), 1U);
  EXPECT_EQ(thrown_by([&] { run(os::rename(a, b)); }),
            "FileNotFoundError: rename " + a + " -> " + b + ": no such file or directory");
}

TEST_P(files_os, folders_are_made_listed_and_removed) {
  const std::string deep = folder / "one/two/three";
  EXPECT_EQ(kind_of_error(thrown_by([&] { run(os::mkdir(deep)); })), "FileNotFoundError");
  run(os::makedirs(deep));
  EXPECT_TRUE(run(path::isdir(deep)));
  EXPECT_EQ(kind_of_error(thrown_by([&] { run(os::makedirs(deep)); })), "FileExistsError");
  run(os::makedirs(deep, {.exist_ok = true}));
  folder.put("one/file", "x");
  std::vector<std::string> names = run(os::listdir(folder / "one"));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"file", "two"}));
  for (const os::DirEntry& entry : run(os::scandir(folder / "one"))) {
    EXPECT_EQ(entry.path, folder / "one/" + entry.name);
    EXPECT_EQ(entry.is_dir(), entry.name == "two");
    EXPECT_EQ(entry.is_file(), entry.name == "file");
  }
  run(os::removedirs(deep));
  EXPECT_FALSE(run(path::exists(folder / "one/two")));
  EXPECT_TRUE(run(path::exists(folder / "one"))) << "it is not empty";
  run(os::renames(folder / "one/file", folder / "other/place/file"));
  EXPECT_FALSE(run(path::exists(folder / "one")));
  EXPECT_EQ(folder.content("other/place/file"), "x");
  EXPECT_EQ(kind_of_error(thrown_by([&] { run(os::rmdir(folder / "other")); })), "OSError");
}

TEST_P(files_os, rmtree_removes_links_and_not_what_they_lead_to) {
  folder.put("kept", "x");
  run(os::makedirs(folder / "tree/deep/er"));
  folder.put("tree/deep/file", "x");
  ::symlink((folder / "kept").c_str(), (folder / "tree/deep/link").c_str());
  ::symlink(folder.path().c_str(), (folder / "tree/up").c_str());
  run(os::rmtree(folder / "tree"));
  EXPECT_EQ(folder.entries(), 1U);
  EXPECT_EQ(folder.content("kept"), "x");
  ::symlink(folder.path().c_str(), (folder / "link").c_str());
  EXPECT_NE(thrown_by([&] { run(os::rmtree(folder / "link")); }), "nothing");
  EXPECT_EQ(folder.content("kept"), "x");
}

TEST_P(files_os, questions_have_answers_also_when_there_is_nothing) {
  const std::string file = folder.put("x", "12345");
  EXPECT_TRUE(run(path::exists(file)));
  EXPECT_TRUE(run(path::isfile(file)));
  EXPECT_FALSE(run(path::isdir(file)));
  EXPECT_FALSE(run(path::exists(folder / "nosuch")));
  EXPECT_FALSE(run(path::isfile(std::string_view("a\0b", 3))));
  EXPECT_EQ(run(path::getsize(file)), 5);
  struct stat status{};
  ::stat(file.c_str(), &status);
  EXPECT_NEAR(run(path::getmtime(file)), static_cast<double>(status.st_mtime), 1.0);
  EXPECT_EQ(run(os::stat(file)).st_ino, status.st_ino);
  EXPECT_TRUE(run(path::ismount("/proc")));
  EXPECT_FALSE(run(path::ismount(folder.path())));
  EXPECT_TRUE(run(os::access(file, R_OK)));
  EXPECT_FALSE(run(os::access(folder / "nosuch", F_OK)));
  EXPECT_GT(run(os::statvfs(folder.path())).f_blocks, 0U);
  EXPECT_EQ(kind_of_error(thrown_by([&] { run(path::getsize(folder / "nosuch")); })),
            "FileNotFoundError");
  EXPECT_EQ(thrown_by([&] { run(os::stat(std::string_view("a\0b", 3))); }),
            "ValueError: embedded null byte");
}

// Recorded from CPython: os.path.abspath.
TEST_P(files_os, abspath_is_pythons) {
  EXPECT_EQ(run(path::abspath("/a/./b//../c/")), "/a/c");
  EXPECT_EQ(run(path::abspath("/../x")), "/x");
  EXPECT_EQ(run(path::abspath("//a/b")), "//a/b");
  EXPECT_EQ(run(path::abspath("///a")), "/a");
  EXPECT_EQ(run(path::abspath("/")), "/");
  EXPECT_EQ(run(path::abspath("y")), run(os::getcwd()) + "/y");
}

TEST_P(files_os, sendfile_copies_from_a_place) {
  const std::string from = folder.put("from", "0123456789");
  const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const int out = ::open((folder / "to").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  EXPECT_EQ(run(os::sendfile(out, in, 3, 4)), 4);
  EXPECT_EQ(run(os::sendfile(out, in, std::nullopt, 2)), 2);
  EXPECT_EQ(run(os::sendfile(out, in, 10, 4)), 0);
  EXPECT_EQ(folder.content("to"), "345601");
  ::close(in);
  ::close(out);
}

}  // namespace
}  // namespace asyncio::test
