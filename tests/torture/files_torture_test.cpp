// Files, with everything going wrong once: the calls of the kernel, memory, the tasks.
#include "asyncio/files/file.hpp"
#include "asyncio/files/tempfile.hpp"
#include "asyncio/files/whole.hpp"
#include "support/descriptors.hpp"
#include "support/temporary_folder.hpp"
#include "torture/torture.hpp"

namespace asyncio::torture {
namespace {

const test::TemporaryFolder& folder() {
  static const test::TemporaryFolder shared;
  return shared;
}

// Errors of the disk are main's to end with; what must hold is told in `wrong`.
Coro<> files(std::string& wrong) {
  const std::string path = folder() / "x";
  auto write = [](std::string where) -> Coro<> {
    files::File f = co_await files::open(where, "w", {.buffering = 8});
    for (int i = 0; i < 4; ++i) co_await f.write("line " + std::to_string(i) + "\n");
    co_await f.fsync();
    co_await f.close();
  };
  co_await write(path);
  files::File in = co_await files::open(path, "r", {.buffering = 8});
  int count = 0;
  while (auto line = co_await in.next_line()) {
    if (*line != "line " + std::to_string(count++) + "\n") wrong = "another line: " + *line;
  }
  co_await in.seek(0);
  const std::string all = co_await in.read();
  if (all.size() != 28) wrong = "read " + all;
  co_await in.close();
}
TEST(torture, files) {
  const int before = test::open_descriptors() + (folder().path().empty() ? 1 : 0);
  Survives survives("files", files);
  // What could not be closed in order is closed in the background, with a warning.
  survives.scenario()
      .tolerate("ResourceWarning: unclosed file")
      .tolerate("OSError")
      .tolerate("PermissionError")
      .tolerate("could be written")
      .tolerate("FileNotFoundError");
  survives.cancels().failing_calls().failing_allocations();
  EXPECT_EQ(test::open_descriptors(), before) << "descriptors leaked";
}

Coro<> several_at_one_file(std::string& wrong) {
  const std::string path = folder() / "y";
  files::File f = co_await files::open(path, "w+b", {.buffering = 4});
  auto append = [](files::File file, std::string text) -> Coro<> {
    co_await file.write(std::move(text));
  };
  co_await all_of(append(f, "aaaaaa"), append(f, "bbbbbb"), append(f, "cccccc"));
  co_await f.seek(0);
  const std::string all = co_await f.read();
  // Each is there as a whole or not at all.
  for (std::size_t at = 0; at < all.size(); at += 6) {
    if (all.substr(at, 6) != std::string(6, all[at])) wrong = "torn: " + all;
  }
  co_await f.close();
}
TEST(torture, several_tasks_at_one_file) {
  Survives survives("several_tasks_at_one_file", several_at_one_file);
  survives.scenario()
      .tolerate("ResourceWarning: unclosed file")
      .tolerate("exception was never retrieved")
      .tolerate("could be written");
  survives.cancels().failing_calls().failing_allocations();
}

Coro<> whole_and_temporary(std::string& wrong) {
  const std::string path = folder() / "z";
  co_await files::write_atomic(path, "contents");
  const std::string again = co_await files::read_text(path);
  if (again != "contents") wrong = "read " + again;
  files::File f = co_await files::tempfile::TemporaryFile();
  co_await f.write("x");
  co_await f.close();
  co_await files::os::remove(path);
}
TEST(torture, whole_and_temporary_files) {
  Survives survives("whole_and_temporary_files", whole_and_temporary);
  survives.scenario().tolerate("ResourceWarning: unclosed file").tolerate("could be written");
  survives.cancels().failing_calls().failing_allocations();
}

}  // namespace
}  // namespace asyncio::torture
