// Files read whole and in blocks: ours beside blocking calls and beside our own thread pool.
//
//   bench_files ARM ROW FOLDER    prints ARM, ROW, CPU seconds, wall seconds, bytes
//   bench_files make FOLDER MEGABYTES FILES
//
// ROW: large (1 file, in blocks of 1 MB), lines (its first 100 MB, line by line), small (all
// the small ones, 100 at a time). ARM: asyncio, whole (read_bytes: one hop a file), pool, blocking.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <asyncio/files.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace files = asyncio::files;

constexpr std::size_t kBlock = 1024 * 1024;
constexpr int kAtOnce = 100;

std::string small_name(const std::string& folder, int number) {
  return folder + "/small." + std::to_string(number);
}

int count_small(const std::string& folder) {
  int count = 0;
  while (::access(small_name(folder, count).c_str(), F_OK) == 0) ++count;
  return count;
}

// --- by hand ------------------------------------------------------------------------------------

std::size_t read_blocking(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<char> block(kBlock);
  std::size_t total = 0;
  for (;;) {
    const ssize_t count = ::read(fd, block.data(), block.size());
    if (count <= 0) break;
    total += static_cast<std::size_t>(count);
  }
  ::close(fd);
  return total;
}

std::size_t read_small_blocking(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  char block[8192];
  std::size_t total = 0;
  for (;;) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count <= 0) break;
    total += static_cast<std::size_t>(count);
  }
  ::close(fd);
  return total;
}

std::size_t lines_blocking(const std::string& path, std::size_t most) {
  std::ifstream file(path);
  std::string line;
  std::size_t total = 0;
  while (total < most && std::getline(file, line)) total += line.size() + 1;
  return total;
}

// --- ours ---------------------------------------------------------------------------------------

asyncio::Coro<std::size_t> read_blocks(std::string path) {
  files::File f = co_await files::open(path, "rb");
  std::vector<std::byte> block(kBlock);
  std::size_t total = 0;
  for (;;) {
    const std::size_t count = co_await f.readinto(block);
    if (count == 0) break;
    total += count;
  }
  co_await f.close();
  co_return total;
}

asyncio::Coro<std::size_t> read_lines(std::string path, std::size_t most) {
  files::File f = co_await files::open(path, "rb");
  std::size_t total = 0;
  while (total < most) {
    auto line = co_await f.next_line();
    if (!line) break;
    total += line->size();
  }
  co_await f.close();
  co_return total;
}

asyncio::Coro<std::size_t> read_one(std::string path, bool whole) {
  if (whole) {
    const std::string data = co_await files::read_bytes(path);
    co_return data.size();
  }
  files::File f = co_await files::open(path, "rb");
  const std::string data = co_await f.read();
  co_await f.close();
  co_return data.size();
}

asyncio::Coro<std::size_t> read_share(std::string folder, int first, int count, bool whole) {
  std::size_t total = 0;
  for (int i = first; i < count; i += kAtOnce) {
    total += co_await read_one(small_name(folder, i), whole);
  }
  co_return total;
}

asyncio::Coro<std::size_t> read_pool(std::string path) {
  co_return co_await asyncio::to_thread(read_small_blocking, path);
}

asyncio::Coro<std::size_t> pool_share(std::string folder, int first, int count) {
  std::size_t total = 0;
  for (int i = first; i < count; i += kAtOnce) total += co_await read_pool(small_name(folder, i));
  co_return total;
}

asyncio::Coro<std::size_t> read_small(std::string folder, std::string arm) {
  const int count = count_small(folder);
  std::vector<asyncio::Coro<std::size_t>> shares;
  for (int i = 0; i < kAtOnce; ++i) {
    shares.push_back(arm == "pool" ? pool_share(folder, i, count)
                                   : read_share(folder, i, count, arm == "whole"));
  }
  std::size_t total = 0;
  for (const std::size_t one : co_await asyncio::gather(std::move(shares))) total += one;
  co_return total;
}

std::size_t run(const std::string& arm, const std::string& row, const std::string& folder) {
  const std::string large = folder + "/large";
  constexpr std::size_t kLines = 100'000'000;
  if (arm == "blocking") {
    if (row == "large") return read_blocking(large);
    if (row == "lines") return lines_blocking(large, kLines);
    std::size_t total = 0;
    const int count = count_small(folder);
    for (int i = 0; i < count; ++i) total += read_small_blocking(small_name(folder, i));
    return total;
  }
  if (row == "large") {
    if (arm == "pool") return asyncio::run(asyncio::to_thread(read_blocking, large));
    return asyncio::run(read_blocks(large));
  }
  if (row == "lines") return asyncio::run(read_lines(large, kLines));
  return asyncio::run(read_small(folder, arm));
}

void make(const std::string& folder, long megabytes, int count) {
  std::string line(99, 'x');
  line += '\n';
  std::string block;
  while (block.size() < kBlock) block += line;
  std::ofstream large(folder + "/large");
  for (long i = 0; i < megabytes; ++i) large << block;
  for (int i = 0; i < count; ++i) {
    std::ofstream(small_name(folder, i)) << std::string(1000 + i % 3000, 's');
  }
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "make") == 0) {
    make(argv[2], std::stol(argv[3]), std::stoi(argv[4]));
    return 0;
  }
  if (argc != 4) {
    std::fputs("usage: bench_files ARM ROW FOLDER\n", stderr);
    return 2;
  }
  const double cpu = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  const std::size_t bytes = run(argv[1], argv[2], argv[3]);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  std::printf("%s\t%s\t%.3f\t%.3f\t%zu\n", argv[1], argv[2], cpu_seconds() - cpu, wall.count(),
              bytes);
}
