// Coming from Python: aiofiles.
// Run: build/dev/examples/coming_from_python/files
#include <asyncio/files.hpp>
#include <cstdio>

namespace files = asyncio::files;

// [files]
asyncio::Coro<> count_words(std::string folder) {
  files::File out = co_await files::open(folder + "/poem.txt", "w");
  co_await out.write("so much depends\nupon\n");
  co_await out.write("a red wheel\nbarrow\n");
  co_await out.close();

  co_await asyncio::with(files::open(folder + "/poem.txt"), [](files::File& f) -> asyncio::Coro<> {
    while (auto line = co_await f.next_line()) std::printf("%zu: %s", line->size(), line->c_str());
  });

  co_await files::os::rename(folder + "/poem.txt", folder + "/old.txt");
  const std::vector<std::string> names = co_await files::os::listdir(folder);
  std::printf("%s\n", names[0].c_str());
}

asyncio::Coro<> main_task() {
  co_await asyncio::with(files::tempfile::TemporaryDirectory(), count_words);
}
// [/files]

int main() { asyncio::run(main_task()); }
