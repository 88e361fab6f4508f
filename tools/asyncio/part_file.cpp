#include "tools/asyncio/part_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "asyncio/base/error.hpp"
#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"

namespace asyncio::tool {
namespace {

// 0 or errno.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string random_letters() {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) bits = 0;
  std::array<char, 9> letters{};
  std::snprintf(letters.data(), letters.size(), "%08x", bits);
  return letters.data();
}

}  // namespace

OutputFolder::OutputFolder(const std::string& path) : path_(path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  fd_.reset(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd_) return;
  // When making it failed, that is the reason why there is nothing to open.
  throw system_error(error ? error.value() : errno, "use the folder", quote(path));
}

std::string OutputFolder::path_of(const std::string& name) const {
  return path_ + (path_.ends_with('/') ? "" : "/") + name;
}

bool OutputFolder::has(const std::string& name) const {
  struct stat status{};
  return ::fstatat(fd_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

PartFile::PartFile(std::shared_ptr<const OutputFolder> folder, std::string name)
    : folder_(std::move(folder)), name_(std::move(name)) {}

PartFile::~PartFile() {
  if (!temporary_.empty()) ::unlinkat(folder_->fd(), temporary_.c_str(), 0);
}

void PartFile::fail(int error) const { throw_os_error(error, "write", folder_->path_of(name_)); }

void PartFile::open() {
  // O_EXCL: never a file or a link that somebody else has put there.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  for (int tries = 0; tries < 100; ++tries) {
    std::string temporary = "." + name_ + "." + random_letters() + ".part";
    fd_.reset(::openat(folder_->fd(), temporary.c_str(), kFlags, 0666));
    if (fd_) {
      temporary_ = std::move(temporary);
      return;
    }
    if (errno != EEXIST) fail(errno);
  }
  fail(EEXIST);
}

void PartFile::append(std::string_view bytes) {
  if (!fd_) open();
  if (const int error = write_all(fd_.get(), bytes); error != 0) fail(error);
}

// 0 or errno.
int PartFile::rename_to_new() const {
  const int folder = folder_->fd();
  const char* temporary = temporary_.c_str();
  if (::renameat2(folder, temporary, folder, name_.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // Network file systems do not know the flag; a link is never made over something, either.
  if (::linkat(folder, temporary, folder, name_.c_str(), 0) != 0) return errno;
  ::unlinkat(folder, temporary, 0);
  return 0;
}

void PartFile::commit(Overwrite overwrite) {
  if (!fd_) open();
  // Some file systems tell only now that the disk is full.
  if (::close(fd_.release()) != 0) fail(errno);
  int error = 0;
  if (overwrite == Overwrite::never) {
    error = rename_to_new();
  } else if (::renameat(folder_->fd(), temporary_.c_str(), folder_->fd(), name_.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) fail(error);
  temporary_.clear();
}

}  // namespace asyncio::tool
