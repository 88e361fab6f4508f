// A call on a file, which the kernel cannot make without blocking.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/loop/backend.hpp"

namespace asyncio {

class FileFaults;

/// What the kernel knows of a file. Python: os.stat_result.
struct FileStatus {
  std::uint32_t st_mode = 0;  ///< type and permissions
  std::uint64_t st_ino = 0;
  std::uint64_t st_dev = 0;
  std::uint64_t st_nlink = 0;
  std::uint32_t st_uid = 0;
  std::uint32_t st_gid = 0;
  std::int64_t st_size = 0;
  std::int64_t st_blksize = 0;
  std::int64_t st_blocks = 0;
  Nanoseconds access_time{0};  ///< these since the Unix epoch; Python: st_atime_ns ...
  Nanoseconds modification_time{0};
  Nanoseconds change_time{0};

  [[nodiscard]] bool is_file() const noexcept { return type() == 0100000U; }
  [[nodiscard]] bool is_dir() const noexcept { return type() == 0040000U; }
  [[nodiscard]] bool is_symlink() const noexcept { return type() == 0120000U; }
  [[nodiscard]] bool is_block_device() const noexcept { return type() == 0060000U; }
  bool operator==(const FileStatus&) const = default;

 private:
  [[nodiscard]] std::uint32_t type() const noexcept { return st_mode & 0170000U; }
};

/// What a file system has left. Python: os.statvfs_result.
struct FileSystemStatus {
  std::uint64_t f_bsize = 0;
  std::uint64_t f_frsize = 0;
  std::uint64_t f_blocks = 0;
  std::uint64_t f_bfree = 0;
  std::uint64_t f_bavail = 0;
  std::uint64_t f_files = 0;
  std::uint64_t f_ffree = 0;
  std::uint64_t f_favail = 0;
  std::uint64_t f_flag = 0;
  std::uint64_t f_namemax = 0;
};

/// What a folder says of one of its entries, without a look at the entry itself.
struct FolderEntry {
  enum class Type : unsigned char { unknown, file, folder, link, other };
  std::string name;
  Type type = Type::unknown;
  std::uint64_t inode = 0;
};

/// One call of the kernel, or several in a row where a derived class overrides run(). As a job it
/// is made on a thread; a backend with a ring may begin some kinds otherwise, and then it sets
/// `result` itself and calls done() in a turn of the loop. What the call refers to (paths, buffers)
/// belongs to whoever derives from it, until done().
class FileCall : public BlockingJob {
 public:
  enum class Kind : unsigned char {
    other,          ///< only run() knows
    open,           ///< path, flags, mode: the descriptor
    close,          ///< fd; the number is free whatever the result is
    read,           ///< fd, buffer, size, offset: how many bytes; 0 at the end
    write,          ///< the same
    fsync,          ///< fd
    fdatasync,      ///< fd
    seek,           ///< fd, offset, flags (SEEK_): the position
    truncate,       ///< fd, offset
    stat,           ///< fd, or path and flags (AT_SYMLINK_NOFOLLOW): into `status`
    access,         ///< path, mode
    rename,         ///< path, path2
    unlink,         ///< path
    mkdir,          ///< path, mode
    rmdir,          ///< path
    link,           ///< path, path2
    symlink,        ///< path is what the link path2 will say
    read_link,      ///< path, buffer, size
    chmod,          ///< fd, mode
    is_terminal,    ///< fd: 1 or 0
    statvfs,        ///< path: into `file_system`
    list,           ///< path: into `entries`
    remove_tree,    ///< path, a folder; links are removed, not followed
    send_file,      ///< from fd, offset to fd2, size bytes: how many
    current_folder  ///< into buffer
  };

  /// Makes the call, again when a signal has interrupted it. Any thread.
  void run() noexcept override;

  Kind kind = Kind::other;
  /// Of read and write: go on until `size` is reached, the end, or an error. A backend may ignore
  /// it and give less.
  bool whole = false;
  /// Not for a ring: of pipes and terminals, where a signal may come of it or no answer ever.
  bool needs_thread = false;
  /// Only what the kernel has at hand, without a wait for a disk or a network: run() may then be
  /// called on a loop's thread. Else the result is -EAGAIN, or -EOPNOTSUPP when it will never be
  /// otherwise for this file, and nothing was done. A read may give less than there is.
  bool at_once = false;
  int fd = -1;
  int fd2 = -1;
  int flags = 0;
  unsigned mode = 0;
  const char* path = nullptr;
  const char* path2 = nullptr;
  void* buffer = nullptr;
  std::size_t size = 0;
  std::int64_t offset = -1;  ///< of read and write; -1: where the descriptor stands
  FileStatus* status = nullptr;
  FileSystemStatus* file_system = nullptr;
  std::vector<FolderEntry>* entries = nullptr;
  FileFaults* faults = nullptr;  ///< of a simulated world, or null

  /// Of the call, or -errno; set by the time of done(). -ECANCELED: it was never made.
  std::ptrdiff_t result = -ECANCELED;
  /// Of a `whole` call: the errno that has ended it behind `result` bytes, or 0.
  int stopped_by = 0;
  bool ended = false;  ///< a read has come to the end of the file

 protected:
  /// One call after another from a run() of one's own: `next` with the faults of this one, and at
  /// once where this one is.
  std::ptrdiff_t make(FileCall& next) const noexcept {
    next.faults = faults;
    next.at_once = at_once;
    next.FileCall::run();
    return next.result;
  }

 private:
  std::ptrdiff_t make_once() noexcept;
  std::ptrdiff_t transfer() noexcept;
  std::ptrdiff_t call() noexcept;
  std::ptrdiff_t call_at_once() noexcept;
  std::ptrdiff_t call_path() noexcept;
  void done() noexcept override {}
};

/// Makes calls on files fail: for tests.
class FileFaults {
 public:
  /// Before each call of the kernel: 0, or the -errno to end with instead. May shorten `size`, the
  /// bytes to be read or written.
  virtual int before(FileCall::Kind kind, std::size_t& size) noexcept = 0;

 protected:
  ~FileFaults() = default;
};

}  // namespace asyncio
