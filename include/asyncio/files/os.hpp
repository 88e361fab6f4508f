// What one does with files by their names. Python: aiofiles.os, aiofiles.ospath.
//
// Each is one hop to a worker thread, however many calls of the kernel it takes. Errors are OSError
// and its kin and name what they are about: "rename a -> b: no such file or directory"; a path with
// a NUL in it is ValueError("embedded null byte"). Cancelled, the call that is under way ends in
// the background: whether it took effect cannot be known. Loop thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/files/call.hpp"
#include "asyncio/files/file.hpp"

namespace asyncio::files::os {

/// A link is followed, or seen as itself.
enum class FollowLinks : bool { no, yes };

struct MakeDirOptions {
  unsigned mode = 0777;
  bool exist_ok = false;  ///< of makedirs: a folder that is there is no error
};

/// One entry of a folder. Python: os.DirEntry.
struct DirEntry {
  std::string name;
  std::string path;
  FolderEntry::Type type = FolderEntry::Type::unknown;  ///< of a link: link
  std::uint64_t inode = 0;

  [[nodiscard]] bool is_symlink() const noexcept { return type == FolderEntry::Type::link; }
  /// Without following a link.
  [[nodiscard]] bool is_file() const noexcept { return type == FolderEntry::Type::file; }
  [[nodiscard]] bool is_dir() const noexcept { return type == FolderEntry::Type::folder; }
};

/// Replaces `to` when that is a file, as Python's does on Linux.
[[nodiscard]] detail::FileResult<void> rename(std::string_view from, std::string_view to);
[[nodiscard]] detail::FileResult<void> replace(std::string_view from, std::string_view to);
/// Makes the folders of the new name, and removes those of the old one that are empty then.
[[nodiscard]] detail::FileResult<void> renames(std::string_view from, std::string_view to);
[[nodiscard]] detail::FileResult<void> remove(std::string_view path);
[[nodiscard]] detail::FileResult<void> unlink(std::string_view path);
[[nodiscard]] detail::FileResult<void> mkdir(std::string_view path, unsigned mode = 0777);
/// With the folders above it.
[[nodiscard]] detail::FileResult<void> makedirs(std::string_view path, MakeDirOptions options = {});
[[nodiscard]] detail::FileResult<void> rmdir(std::string_view path);
/// rmdir(), then the folders above it as long as they are empty.
[[nodiscard]] detail::FileResult<void> removedirs(std::string_view path);
/// A folder with all that is in it; links are removed, not followed. Python: shutil.rmtree.
[[nodiscard]] detail::FileResult<void> rmtree(std::string_view path);
[[nodiscard]] detail::FileResult<void> link(std::string_view target, std::string_view name);
[[nodiscard]] detail::FileResult<void> symlink(std::string_view target, std::string_view name);
[[nodiscard]] detail::FileResult<std::string> readlink(std::string_view path);
/// Names, in the order in which the folder has them, without "." and "..".
[[nodiscard]] detail::FileResult<std::vector<std::string>> listdir(std::string_view path = ".");
[[nodiscard]] detail::FileResult<std::vector<DirEntry>> scandir(std::string_view path = ".");
[[nodiscard]] detail::FileResult<FileStatus> stat(std::string_view path,
                                                  FollowLinks follow = FollowLinks::yes);
[[nodiscard]] detail::FileResult<FileStatus> lstat(std::string_view path);
[[nodiscard]] detail::FileResult<FileStatus> fstat(int fd);
[[nodiscard]] detail::FileResult<FileSystemStatus> statvfs(std::string_view path);
/// Whether this process may; `mode` has the bits of <unistd.h>: F_OK, R_OK, W_OK, X_OK.
[[nodiscard]] detail::FileResult<bool> access(std::string_view path, unsigned mode);
/// Bytes of one file into another, or into a pipe or socket that does not mind blocking a thread:
/// how many, 0 at the end of `in_fd`. For sockets of the loop there is loop.sock_sendfile.
[[nodiscard]] detail::FileResult<std::int64_t> sendfile(int out_fd, int in_fd,
                                                        std::optional<std::int64_t> offset,
                                                        std::size_t count);
/// Where relative paths begin.
[[nodiscard]] detail::FileResult<std::string> getcwd();

}  // namespace asyncio::files::os

namespace asyncio::files::ospath {

/// Of what a link leads to; false for a dangling one.
[[nodiscard]] detail::FileResult<bool> exists(std::string_view path);
[[nodiscard]] detail::FileResult<bool> isfile(std::string_view path);
[[nodiscard]] detail::FileResult<bool> isdir(std::string_view path);
[[nodiscard]] detail::FileResult<bool> islink(std::string_view path);
[[nodiscard]] detail::FileResult<bool> ismount(std::string_view path);
[[nodiscard]] detail::FileResult<std::int64_t> getsize(std::string_view path);
/// Seconds since the Unix epoch.
[[nodiscard]] detail::FileResult<double> getmtime(std::string_view path);
[[nodiscard]] detail::FileResult<double> getatime(std::string_view path);
[[nodiscard]] detail::FileResult<double> getctime(std::string_view path);
[[nodiscard]] detail::FileResult<bool> samefile(std::string_view one, std::string_view other);
/// From the root on, without "." and ".."; links stay what they are.
[[nodiscard]] detail::FileResult<std::string> abspath(std::string_view path);

}  // namespace asyncio::files::ospath

namespace asyncio::files::os {
namespace path = ospath;
}
