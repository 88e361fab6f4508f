// The kernel's calls on files. They block: this runs on worker threads, but for those that are to
// be made at once or not at all.
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <new>
#include <string_view>

#include "asyncio/loop/file_call.hpp"

namespace asyncio {
namespace {

// The kernel moves no more than this in one call.
constexpr std::size_t kMostBytes = 0x7ffff000;

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

std::ptrdiff_t or_error(std::ptrdiff_t result) noexcept { return result < 0 ? -errno : result; }

Nanoseconds time_of(const timespec& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

void take(const struct stat& from, FileStatus& to) noexcept {
  to.st_mode = from.st_mode;
  to.st_ino = from.st_ino;
  to.st_dev = from.st_dev;
  to.st_nlink = from.st_nlink;
  to.st_uid = from.st_uid;
  to.st_gid = from.st_gid;
  to.st_size = from.st_size;
  to.st_blksize = from.st_blksize;
  to.st_blocks = from.st_blocks;
  to.access_time = time_of(from.st_atim);
  to.modification_time = time_of(from.st_mtim);
  to.change_time = time_of(from.st_ctim);
}

std::ptrdiff_t get_status(const FileCall& call) noexcept {
  struct stat status{};
  const int result = call.path == nullptr ? ::fstat(call.fd, &status)
                                          : ::fstatat(AT_FDCWD, call.path, &status, call.flags);
  if (result < 0) return -errno;
  take(status, *call.status);
  return 0;
}

std::ptrdiff_t get_file_system(const FileCall& call) noexcept {
  struct statvfs status{};
  if (::statvfs(call.path, &status) < 0) return -errno;
  *call.file_system = {status.f_bsize,  status.f_frsize, status.f_blocks, status.f_bfree,
                       status.f_bavail, status.f_files,  status.f_ffree,  status.f_favail,
                       status.f_flag,   status.f_namemax};
  return 0;
}

FolderEntry::Type type_of(const dirent& entry) noexcept {
  switch (entry.d_type) {
    case DT_REG:
      return FolderEntry::Type::file;
    case DT_DIR:
      return FolderEntry::Type::folder;
    case DT_LNK:
      return FolderEntry::Type::link;
    case DT_UNKNOWN:
      return FolderEntry::Type::unknown;
    default:
      return FolderEntry::Type::other;
  }
}

bool is_dots(const dirent& entry) noexcept {
  const std::string_view name = entry.d_name;
  return name == "." || name == "..";
}

std::ptrdiff_t list_folder(const FileCall& call) noexcept {
  const Folder folder(::opendir(call.path));
  if (!folder) return -errno;
  try {
    errno = 0;
    while (const dirent* entry = ::readdir(folder.get())) {
      if (!is_dots(*entry)) {
        call.entries->push_back({entry->d_name, type_of(*entry), entry->d_ino});
      }
      errno = 0;
    }
  } catch (const std::bad_alloc&) {
    return -ENOMEM;
  }
  return -errno;
}

std::ptrdiff_t remove_within(int folder_fd);

// From a folder that is held open: nobody can put a link in its place meanwhile.
std::ptrdiff_t remove_entry(int folder, const dirent& entry) {
  if (entry.d_type != DT_DIR && ::unlinkat(folder, entry.d_name, 0) == 0) return 0;
  if (entry.d_type != DT_DIR && errno != EISDIR && errno != EPERM) return -errno;
  const int fd = ::openat(folder, entry.d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::ptrdiff_t result = remove_within(fd);
  if (result < 0) return result;
  return or_error(::unlinkat(folder, entry.d_name, AT_REMOVEDIR));
}

// Takes over the descriptor.
std::ptrdiff_t remove_within(int folder_fd) {
  const Folder folder(::fdopendir(folder_fd));
  if (!folder) {
    const int error = errno;
    ::close(folder_fd);
    return -error;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    if (is_dots(*entry)) continue;
    const std::ptrdiff_t result = remove_entry(::dirfd(folder.get()), *entry);
    if (result < 0 && result != -ENOENT) return result;
  }
  return 0;
}

std::ptrdiff_t remove_folder(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  const std::ptrdiff_t result = remove_within(fd);
  return result < 0 ? result : or_error(::rmdir(path));
}

std::ptrdiff_t send_bytes(const FileCall& call) noexcept {
  off_t from = call.offset;
  return or_error(::sendfile(call.fd2, call.fd, call.offset < 0 ? nullptr : &from, call.size));
}

// --- at once ------------------------------------------------------------------------------------

// What the kernel's ring, too, tries first on the thread that asks.

// Only what is there already: to make or to empty a file is work for a disk.
std::ptrdiff_t open_cached(const FileCall& call) noexcept {
  constexpr int kChanging = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
  if ((call.flags & O_ACCMODE) != O_RDONLY || (call.flags & kChanging) != 0) return -EAGAIN;
  open_how how{};
  how.flags = static_cast<std::uint64_t>(call.flags | O_CLOEXEC);
  how.resolve = RESOLVE_CACHED;
  const long opened = ::syscall(SYS_openat2, AT_FDCWD, call.path, &how, sizeof how);
  if (opened >= 0) return opened;
  // An old kernel or a sandbox does not know the call; every error is told by the ordinary one.
  return errno == ENOENT ? -ENOENT : -EAGAIN;
}

std::ptrdiff_t read_cached(const FileCall& call) noexcept {
  iovec piece{call.buffer, std::min(call.size, kMostBytes)};
  const ssize_t count = ::preadv2(call.fd, &piece, 1, call.offset, RWF_NOWAIT);
  if (count > 0) return count;
  // No bytes: the end, or Linux 5.9 and 5.10, which say so elsewhere too (preadv2(2), BUGS). The
  // ordinary call tells.
  return count == 0 || errno == EAGAIN || errno == EINTR ? -EAGAIN : -EOPNOTSUPP;
}

Nanoseconds time_of(const statx_timestamp& time) noexcept {
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

// Without asking the server of a network file system.
std::ptrdiff_t get_cached_status(const FileCall& call) noexcept {
  struct statx from{};
  constexpr int kFlags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (call.path != nullptr || ::statx(call.fd, "", kFlags, STATX_BASIC_STATS, &from) < 0) {
    return -EAGAIN;
  }
  FileStatus& to = *call.status;
  to.st_mode = from.stx_mode;
  to.st_ino = from.stx_ino;
  to.st_dev = makedev(from.stx_dev_major, from.stx_dev_minor);
  to.st_nlink = from.stx_nlink;
  to.st_uid = from.stx_uid;
  to.st_gid = from.stx_gid;
  to.st_size = static_cast<std::int64_t>(from.stx_size);
  to.st_blksize = from.stx_blksize;
  to.st_blocks = static_cast<std::int64_t>(from.stx_blocks);
  to.access_time = time_of(from.stx_atime);
  to.modification_time = time_of(from.stx_mtime);
  to.change_time = time_of(from.stx_ctime);
  return 0;
}

}  // namespace

std::ptrdiff_t FileCall::call_at_once() noexcept {
  switch (kind) {
    case Kind::open:
      return open_cached(*this);
    case Kind::read:
      return read_cached(*this);
    case Kind::stat:
      return get_cached_status(*this);
    case Kind::seek:
      return flags == SEEK_END ? -EAGAIN : call();
    case Kind::close:
    case Kind::is_terminal:
      return call();
    default:
      return -EAGAIN;
  }
}

std::ptrdiff_t FileCall::call_path() noexcept {
  switch (kind) {
    case Kind::access:
      return or_error(::access(path, static_cast<int>(mode)));
    case Kind::rename:
      return or_error(::rename(path, path2));
    case Kind::unlink:
      return or_error(::unlink(path));
    case Kind::mkdir:
      return or_error(::mkdir(path, mode));
    case Kind::rmdir:
      return or_error(::rmdir(path));
    case Kind::link:
      return or_error(::link(path, path2));
    case Kind::symlink:
      return or_error(::symlink(path, path2));
    case Kind::read_link:
      return or_error(::readlink(path, static_cast<char*>(buffer), size));
    case Kind::statvfs:
      return get_file_system(*this);
    case Kind::list:
      return list_folder(*this);
    case Kind::remove_tree:
      return remove_folder(path);
    case Kind::current_folder:
      return ::getcwd(static_cast<char*>(buffer), size) == nullptr ? -errno : 0;
    default:
      return -ENOSYS;
  }
}

std::ptrdiff_t FileCall::call() noexcept {
  switch (kind) {
    case Kind::open:
      return or_error(::open(path, flags | O_CLOEXEC, mode));
    case Kind::close:
      // Never again after EINTR: Linux has let go of the number by then.
      return ::close(fd) == 0 || errno == EINTR ? 0 : -errno;
    case Kind::read:
      return or_error(offset < 0 ? ::read(fd, buffer, size) : ::pread(fd, buffer, size, offset));
    case Kind::write:
      return or_error(offset < 0 ? ::write(fd, buffer, size) : ::pwrite(fd, buffer, size, offset));
    case Kind::fsync:
      return or_error(::fsync(fd));
    case Kind::fdatasync:
      return or_error(::fdatasync(fd));
    case Kind::seek:
      return or_error(::lseek(fd, offset, flags));
    case Kind::truncate:
      return or_error(::ftruncate(fd, offset));
    case Kind::stat:
      return get_status(*this);
    case Kind::chmod:
      return or_error(::fchmod(fd, mode));
    case Kind::send_file:
      return send_bytes(*this);
    case Kind::is_terminal:
      return ::isatty(fd);
    default:
      return call_path();
  }
}

std::ptrdiff_t FileCall::make_once() noexcept {
  const std::size_t asked = size;
  for (;;) {
    size = std::min(asked, kMostBytes);
    const int fault = faults == nullptr ? 0 : faults->before(kind, size);
    if (fault != 0 && kind == Kind::close) {
      call();  // a close that fails has closed
      return fault == -EINTR ? 0 : fault;
    }
    const std::ptrdiff_t answer = fault != 0 ? fault : call();
    size = asked;
    if (answer != -EINTR) return answer;
  }
}

// Piece by piece, as a kernel that is short of something takes them.
std::ptrdiff_t FileCall::transfer() noexcept {
  FileCall rest;
  rest.kind = kind;
  rest.fd = fd;
  rest.faults = faults;
  std::size_t count = 0;
  while (count < size) {
    rest.buffer = static_cast<char*>(buffer) + count;
    rest.size = size - count;
    rest.offset = offset < 0 ? -1 : offset + static_cast<std::int64_t>(count);
    const std::ptrdiff_t moved = rest.make_once();
    if (moved < 0 && count == 0) return moved;
    if (moved < 0) stopped_by = static_cast<int>(-moved);
    if (moved == 0) ended = true;
    if (moved <= 0) break;
    count += static_cast<std::size_t>(moved);
  }
  return static_cast<std::ptrdiff_t>(count);
}

void FileCall::run() noexcept {
  stopped_by = 0;
  ended = false;
  const bool moves_bytes = kind == Kind::read || kind == Kind::write;
  if (at_once) {
    result = call_at_once();
  } else {
    result = whole && moves_bytes && size > 0 ? transfer() : make_once();
  }
  if (kind == Kind::read && result == 0 && size > 0) ended = true;
}

}  // namespace asyncio
