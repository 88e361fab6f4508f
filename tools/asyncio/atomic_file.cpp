#include "tools/asyncio/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "tools/asyncio/errors.hpp"
#include "tools/asyncio/text.hpp"
#include "tools/asyncio/unique_fd.hpp"

namespace asyncio::tool {
namespace {

// 0 or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

ToolError cannot_write(const std::string& path, int error_number) {
  return system_error(error_number, "write", quote(path));
}

// Removes the temporary file unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const std::string& path) : name_(path + ".XXXXXX") {
    fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));
    if (!fd_) throw cannot_write(path, errno);
  }
  ~Temporary() {
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int fill(std::string_view text) {
    if (int error = write_all(fd_.get(), text); error != 0) return error;
    // mkostemp made it 0600; a report is as public as any file this user makes.
    mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd_.get(), 0666 & ~mask) != 0 || ::fsync(fd_.get()) != 0) return errno;
    return ::close(fd_.release()) == 0 ? 0 : errno;
  }
  int rename_to(const std::string& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) return errno;
    name_.clear();
    return 0;
  }

 private:
  std::string name_;
  UniqueFd fd_;
};

}  // namespace

void write_file_atomically(const std::string& path, std::string_view text) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    int error = file ? write_all(file.get(), text) : errno;
    if (error != 0) throw cannot_write(path, error);
    return;
  }
  Temporary file(path);
  int error = file.fill(text);
  if (error == 0) error = file.rename_to(path);
  if (error != 0) throw cannot_write(path, error);
}

}  // namespace asyncio::tool
