// Modes and options of open(): what CPython's open() says of each.
#include <sys/stat.h>

#include "asyncio/files/file.hpp"
#include "tests/files/files_fixture.hpp"

namespace asyncio::test {
namespace {

using open_mode = SimulatedFilesTest;

// Recorded from CPython 3.11: open(path, mode) of a file that has "hello\n".
TEST_F(open_mode, what_makes_no_sense_is_refused_with_pythons_words) {
  const std::string path = folder.put("x", "hello\n");
  const std::string none =
      "ValueError: Must have exactly one of create/read/write/append mode and at most one plus";
  const std::string several = "ValueError: must have exactly one of create/read/write/append mode";
  const std::pair<const char*, std::string> recorded[] = {
      {"q", "ValueError: invalid mode: 'q'"},
      {"", none},
      {"b", none},
      {"t", none},
      {"+", none},
      {"rw", several},
      {"ra", several},
      {"xw", several},
      {"wx", several},
      {"rbt", "ValueError: can't have text and binary mode at once"},
      {"rr", "ValueError: invalid mode: 'rr'"},
      {"r++", "ValueError: invalid mode: 'r++'"},
      {"rU", "ValueError: invalid mode: 'rU'"},
      {" r", "ValueError: invalid mode: ' r'"},
      {"rbb", "ValueError: invalid mode: 'rbb'"},
  };
  for (const auto& [mode, error] : recorded) {
    EXPECT_EQ(thrown_by([&, m = mode] { run(files::open(path, m)); }), error) << mode;
  }
  EXPECT_EQ(folder.content("x"), "hello\n") << "a mode that is refused must not touch the file";
}

TEST_F(open_mode, options_that_do_not_go_with_the_mode_are_refused) {
  const std::string path = folder.put("x", "hello\n");
  auto refusal = [&](const char* mode, files::OpenOptions options) {
    return thrown_by([&] { run(files::open(path, mode, options)); });
  };
  EXPECT_EQ(refusal("rb", {.encoding = "utf-8"}),
            "ValueError: binary mode doesn't take an encoding argument");
  EXPECT_EQ(refusal("rb", {.errors = "strict"}),
            "ValueError: binary mode doesn't take an errors argument");
  EXPECT_EQ(refusal("rb", {.newline = ""}),
            "ValueError: binary mode doesn't take a newline argument");
  EXPECT_EQ(refusal("r", {.buffering = 0}), "ValueError: can't have unbuffered text I/O");
  EXPECT_EQ(refusal("r", {.newline = "x"}), "ValueError: illegal newline value: x");
  EXPECT_EQ(refusal("r", {.errors = "foo"}), "LookupError: unknown error handler name 'foo'");
  EXPECT_EQ(refusal("r", {.encoding = "latin-1"}),
            "LookupError: unknown encoding: latin-1 (files are utf-8 here)");
  EXPECT_EQ(refusal("r", {.encoding = "UTF-8"}), "nothing");
  EXPECT_EQ(take_logs().size(), 1U) << "ResourceWarning: nobody has closed that one";
}

struct Opened {
  const char* mode;
  bool readable;
  bool writable;
  std::int64_t position;
};

TEST_F(open_mode, each_mode_opens_as_pythons_does) {
  const Opened recorded[] = {
      {"r", true, false, 0}, {"rb", true, false, 0}, {"r+", true, true, 0},
      {"+r", true, true, 0}, {"rb+", true, true, 0}, {"a", false, true, 6},
      {"a+", true, true, 6}, {"ab", false, true, 6}, {"w+", true, true, 0},
      {"w", false, true, 0}, {"wt", false, true, 0},
  };
  for (const Opened& expected : recorded) {
    const std::string path = folder.put("x", "hello\n");
    run([](std::string where, const Opened& as) -> Coro<> {
      files::File f = co_await files::open(where, as.mode);
      const std::int64_t position = co_await f.tell();
      EXPECT_EQ(f.readable(), as.readable) << as.mode;
      EXPECT_EQ(f.writable(), as.writable) << as.mode;
      EXPECT_EQ(position, as.position) << as.mode;
      EXPECT_EQ(f.mode(), as.mode);
      EXPECT_EQ(f.name(), where);
      EXPECT_FALSE(f.closed());
      co_await f.close();
      EXPECT_TRUE(f.closed());
    }(path, expected));
    EXPECT_EQ(folder.content("x"), expected.mode[0] == 'w' ? "" : "hello\n") << expected.mode;
  }
}

TEST_F(open_mode, x_makes_a_file_and_refuses_one_that_is_there) {
  const std::string path = folder / "new";
  run([](std::string where) -> Coro<> {
    files::File f = co_await files::open(where, "x");
    co_await f.write("once");
    co_await f.close();
  }(path));
  EXPECT_EQ(folder.content("new"), "once");
  EXPECT_EQ(thrown_by([&] { run(files::open(path, "x")); }),
            "FileExistsError: open " + path + ": file exists");
}

// Fault F5
TEST_F(open_mode, paths_that_lead_nowhere_are_typed_errors) {
  const std::string path = folder.put("x", "hello\n");
  ::symlink((folder / "nosuch").c_str(), (folder / "dangling").c_str());
  ::symlink("loop", (folder / "loop").c_str());
  auto error = [&](std::string_view name, const char* mode = "r") {
    const std::string text = thrown_by([&] { run(files::open(name, mode)); });
    return text.substr(0, text.find(':'));
  };
  EXPECT_EQ(thrown_by([&] { run(files::open(std::string_view("a\0b", 3))); }),
            "ValueError: embedded null byte");
  EXPECT_EQ(error(folder.path()), "IsADirectoryError");
  EXPECT_EQ(error(folder.path(), "w"), "IsADirectoryError");
  EXPECT_EQ(error(folder / "nosuch"), "FileNotFoundError");
  EXPECT_EQ(error(folder / "dangling"), "FileNotFoundError");
  EXPECT_EQ(error(""), "FileNotFoundError");
  EXPECT_EQ(error(folder / std::string(300, 'x')), "OSError");
  EXPECT_EQ(error(folder / "loop"), "OSError");
  EXPECT_EQ(error(path + "/y"), "NotADirectoryError");
  EXPECT_EQ(thrown_by([&] { run(files::open(folder / "nosuch")); }),
            "FileNotFoundError: open " + (folder / "nosuch") + ": no such file or directory");
}

TEST_F(open_mode, a_new_file_has_the_permissions_that_the_umask_leaves) {
  const mode_t before = ::umask(027);
  run([](std::string where) -> Coro<> {
    files::File f = co_await files::open(where, "w");
    co_await f.close();
  }(folder / "x"));
  ::umask(before);
  struct stat status{};
  ::stat((folder / "x").c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

}  // namespace
}  // namespace asyncio::test
