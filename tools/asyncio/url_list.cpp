#include "tools/asyncio/url_list.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {
namespace {

constexpr std::size_t kLargestList = std::size_t{256} << 20;

UsageError unreadable(const std::string& name, int error_number) {
  return UsageError("cannot read " + name + ": " + std::generic_category().message(error_number));
}

std::string read_whole(int fd, const std::string& name) {
  std::string text;
  std::array<char, 65536> chunk;
  while (true) {
    ssize_t got = ::read(fd, chunk.data(), chunk.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw unreadable(name, errno);
    text.append(chunk.data(), static_cast<std::size_t>(got));
    if (text.size() > kLargestList) throw UsageError(name + " is larger than 256 MB");
  }
}

}  // namespace

std::vector<std::string> read_url_list(const std::string& path) {
  bool from_stdin = path == "-";
  std::string name = from_stdin ? "standard input" : quote(path);
  UniqueFd file;
  if (!from_stdin) {
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw unreadable(name, errno);
  }
  std::vector<std::string> urls =
      parse_url_list(read_whole(from_stdin ? STDIN_FILENO : file.get(), name));
  if (urls.empty()) throw UsageError(name + " holds no address");
  return urls;
}

std::vector<std::string> parse_url_list(std::string_view text) {
  std::vector<std::string> urls;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
    std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    std::size_t end = line.find_last_not_of(" \t\r");
    urls.emplace_back(line.substr(begin, end - begin + 1));
  }
  return urls;
}

}  // namespace asyncio::tool
