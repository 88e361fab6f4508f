#include "tools/asyncio/served_folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asyncio/files.hpp>
#include <cerrno>
#include <memory>
#include <utility>

#include "tools/asyncio/errors.hpp"

namespace asyncio::tool {
namespace {

constexpr std::uint64_t kPiece = 256 * 1024;

// Non-blocking, so that a FIFO in the folder cannot hang the open.
int open_beneath(int folder, const std::string& path) {
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
}

struct OpenFile {
  UniqueFd fd;
  std::uint64_t size = 0;
};

// Empty when there is nothing to serve.
OpenFile open_regular(int folder, std::string path) {
  path.erase(0, path.find_first_not_of('/'));
  if (path.empty() || path.ends_with('/')) path += "index.html";
  if (path.find('\0') != std::string::npos) return {};
  UniqueFd fd(open_beneath(folder, path));
  struct stat status = {};
  if (fd.get() < 0 || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  return {std::move(fd), static_cast<std::uint64_t>(status.st_size)};
}

Coro<> send_file(std::shared_ptr<const OpenFile> file, http::BodyWriter& out) {
  files::File in = co_await files::open(file->fd.get(), "rb", {.buffering = 0, .closefd = false});
  std::uint64_t left = file->size;
  while (left > 0) {
    const auto most = static_cast<std::ptrdiff_t>(std::min(kPiece, left));
    const std::string piece = co_await in.read(most);
    if (piece.empty()) co_return;  // it has shrunk: the server cuts the connection
    co_await out.write(piece);
    left -= piece.size();
  }
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".htm", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/markdown; charset=utf-8"},
    {".xml", "application/xml"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".gif", "image/gif"},
    {".pdf", "application/pdf"},
}};

}  // namespace

std::string content_type_of(const std::string& path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return std::string(type);
  }
  return "application/octet-stream";
}

ServedFolder::ServedFolder(const std::string& folder)
    : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (folder_.get() < 0) throw system_error(errno, "serve", folder);
}

Coro<http::Response> ServedFolder::open(std::string path) const {
  OpenFile opened = co_await to_thread(&open_regular, folder_.get(), path);
  if (opened.fd.get() < 0) throw http::HTTPException(404);
  const auto file = std::make_shared<const OpenFile>(std::move(opened));
  const std::string type = content_type_of(path.ends_with('/') ? path + "index.html" : path);
  co_return http::Response::stream(
      [file](http::BodyWriter& out) -> Coro<> { return send_file(file, out); }, type, file->size);
}

}  // namespace asyncio::tool
