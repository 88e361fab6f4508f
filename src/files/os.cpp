#include "asyncio/files/os.hpp"

#include <fcntl.h>
#include <linux/limits.h>

#include <array>

#include "asyncio/base/error.hpp"
#include "files/path_call.hpp"

namespace asyncio::files::os {
namespace {

using detail::begin_call;
using detail::FileResult;
using detail::PathCall;
using detail::PlainCall;
using Kind = FileCall::Kind;

FileResult<void> plain(const char* operation, Kind kind, std::string_view first,
                       std::string_view second = {}) {
  return begin_call<PlainCall, void>(operation, kind, first, second);
}

std::string parent_of(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {};
  path.resize(slash == 0 ? 1 : slash);
  return path;
}

// --- several calls in one hop -------------------------------------------------------------------

/// For calls that walk over folders.
class FolderWork : public PlainCall {
 public:
  using PlainCall::PlainCall;

  void run() noexcept final {
    try {
      result = work();
    } catch (const std::bad_alloc&) {
      result = -ENOMEM;
    }
  }

 protected:
  virtual std::ptrdiff_t work() = 0;

  std::ptrdiff_t on_path(Kind what, const std::string& where, unsigned permissions = 0777) {
    FileCall call;
    call.kind = what;
    call.path = where.c_str();
    call.mode = permissions;
    return make(call);
  }
  bool is_folder(const std::string& where) {
    FileStatus found;
    FileCall call;
    call.kind = Kind::stat;
    call.path = where.c_str();
    call.status = &found;
    return make(call) == 0 && found.is_dir();
  }
  // The last one with `permissions`, those above it as the umask has it.
  std::ptrdiff_t make_folders(const std::string& where, unsigned permissions, bool may_be_there) {
    std::ptrdiff_t made = on_path(Kind::mkdir, where, permissions);
    if (made == -ENOENT) {
      const std::string above = parent_of(where);
      if (above.empty() || above == where) return made;
      const std::ptrdiff_t prepared = make_folders(above, 0777, true);
      if (prepared < 0) return prepared;
      made = on_path(Kind::mkdir, where, permissions);
    }
    if (made < 0 && may_be_there && is_folder(where)) return 0;
    return made;
  }
  void remove_empty_above(const std::string& where) {
    for (std::string above = parent_of(where); !above.empty() && above != "/";
         above = parent_of(above)) {
      if (on_path(Kind::rmdir, above) < 0) return;
    }
  }
};

class MakeFolders final : public FolderWork {
 public:
  MakeFolders(const char* operation, Kind, std::string_view first, std::string_view second,
              const MakeDirOptions& options)
      : FolderWork(operation, Kind::other, first, second), options_(options) {}

 private:
  std::ptrdiff_t work() override { return make_folders(first_, options_.mode, options_.exist_ok); }
  MakeDirOptions options_;
};

class RemoveFolders final : public FolderWork {
 public:
  using FolderWork::FolderWork;

 private:
  std::ptrdiff_t work() override {
    const std::ptrdiff_t removed = on_path(Kind::rmdir, first_);
    if (removed == 0) remove_empty_above(first_);
    return removed;
  }
};

class Renames final : public FolderWork {
 public:
  using FolderWork::FolderWork;

 private:
  std::ptrdiff_t work() override {
    const std::string above = parent_of(second_);
    if (!above.empty() && !is_folder(above)) {
      const std::ptrdiff_t made = make_folders(above, 0777, true);
      if (made < 0) return made;
    }
    FileCall call;
    call.kind = Kind::rename;
    call.path = first_.c_str();
    call.path2 = second_.c_str();
    const std::ptrdiff_t renamed = make(call);
    if (renamed == 0) remove_empty_above(first_);
    return renamed;
  }
};

class MakeOne final : public PlainCall {
 public:
  MakeOne(const char* operation, Kind what, std::string_view first, std::string_view second,
          unsigned permissions)
      : PlainCall(operation, what, first, second) {
    mode = permissions;
  }
};

// --- calls that give something ------------------------------------------------------------------

class StatusCall final : public PathCall<FileStatus> {
 public:
  StatusCall(const char* operation, Kind what, std::string_view first, std::string_view second,
             FollowLinks follow)
      : PathCall(operation, what, first, second) {
    flags = follow == FollowLinks::yes ? 0 : AT_SYMLINK_NOFOLLOW;
    status = &status_;
  }
  explicit StatusCall(int of) : PathCall("fstat", Kind::stat, "fd " + std::to_string(of)) {
    fd = of;
    path = nullptr;
    status = &status_;
  }
  FileStatus take() override { return status_; }

 private:
  FileStatus status_;
};

class FileSystemCall final : public PathCall<FileSystemStatus> {
 public:
  FileSystemCall(const char* operation, Kind what, std::string_view first, std::string_view second)
      : PathCall(operation, what, first, second) {
    file_system = &found_;
  }
  FileSystemStatus take() override { return found_; }

 private:
  FileSystemStatus found_;
};

class ReadLink final : public PathCall<std::string> {
 public:
  ReadLink(const char* operation, Kind what, std::string_view first, std::string_view second)
      : PathCall(operation, what, first, second) {
    buffer = target_.data();
    size = target_.size();
  }
  std::string take() override { return {target_.data(), static_cast<std::size_t>(result)}; }

 private:
  std::array<char, PATH_MAX> target_{};
};

template <class T>
class ListCall : public PathCall<std::vector<T>> {
 public:
  ListCall(const char* operation, Kind what, std::string_view first, std::string_view second)
      : PathCall<std::vector<T>>(operation, what, first, second) {
    this->entries = &found_;
  }
  std::vector<T> take() override {
    std::vector<T> all;
    all.reserve(found_.size());
    for (FolderEntry& entry : found_) {
      if constexpr (std::is_same_v<T, std::string>) {
        all.push_back(std::move(entry.name));
      } else {
        std::string place = this->first_;
        if (!place.ends_with('/')) place += '/';
        place += entry.name;
        all.push_back({std::move(entry.name), std::move(place), entry.type, entry.inode});
      }
    }
    return all;
  }

 private:
  std::vector<FolderEntry> found_;
};

class AccessCall final : public PathCall<bool> {
 public:
  AccessCall(const char* operation, Kind what, std::string_view first, std::string_view second,
             unsigned wanted)
      : PathCall(operation, what, first, second) {
    mode = wanted;
  }
  std::exception_ptr error() const override { return nullptr; }
  bool take() override { return result == 0; }
};

class SendFile final : public PathCall<std::int64_t> {
 public:
  SendFile(int to, int from, std::optional<std::int64_t> where, std::size_t count)
      : PathCall("sendfile", Kind::send_file, "fd " + std::to_string(from),
                 "fd " + std::to_string(to)) {
    fd = from;
    fd2 = to;
    offset = where.value_or(-1);
    size = count;
  }
  std::int64_t take() override { return result; }
};

class CurrentFolder final : public PathCall<std::string> {
 public:
  CurrentFolder() : PathCall("getcwd", Kind::current_folder, "") {
    buffer = found_.data();
    size = found_.size();
  }
  std::string take() override { return found_.data(); }

 private:
  std::array<char, PATH_MAX> found_{};
};

}  // namespace

FileResult<void> rename(std::string_view from, std::string_view to) {
  return plain("rename", Kind::rename, from, to);
}
FileResult<void> replace(std::string_view from, std::string_view to) {
  return plain("replace", Kind::rename, from, to);
}
FileResult<void> renames(std::string_view from, std::string_view to) {
  return begin_call<Renames, void>("renames", Kind::other, from, to);
}
FileResult<void> remove(std::string_view path) { return plain("remove", Kind::unlink, path); }
FileResult<void> unlink(std::string_view path) { return plain("unlink", Kind::unlink, path); }
FileResult<void> mkdir(std::string_view path, unsigned mode) {
  return begin_call<MakeOne, void>("mkdir", Kind::mkdir, path, {}, mode);
}
FileResult<void> makedirs(std::string_view path, MakeDirOptions options) {
  return begin_call<MakeFolders, void>("makedirs", Kind::other, path, {}, options);
}
FileResult<void> rmdir(std::string_view path) { return plain("rmdir", Kind::rmdir, path); }
FileResult<void> removedirs(std::string_view path) {
  return begin_call<RemoveFolders, void>("removedirs", Kind::other, path, {});
}
FileResult<void> rmtree(std::string_view path) { return plain("rmtree", Kind::remove_tree, path); }
FileResult<void> link(std::string_view target, std::string_view name) {
  return plain("link", Kind::link, target, name);
}
FileResult<void> symlink(std::string_view target, std::string_view name) {
  return plain("symlink", Kind::symlink, target, name);
}
FileResult<std::string> readlink(std::string_view path) {
  return begin_call<ReadLink, std::string>("readlink", Kind::read_link, path, {});
}
FileResult<std::vector<std::string>> listdir(std::string_view path) {
  return begin_call<ListCall<std::string>, std::vector<std::string>>("listdir", Kind::list, path,
                                                                     {});
}
FileResult<std::vector<DirEntry>> scandir(std::string_view path) {
  return begin_call<ListCall<DirEntry>, std::vector<DirEntry>>("scandir", Kind::list, path, {});
}
FileResult<FileStatus> stat(std::string_view path, FollowLinks follow) {
  return begin_call<StatusCall, FileStatus>("stat", Kind::stat, path, {}, follow);
}
FileResult<FileStatus> lstat(std::string_view path) {
  return begin_call<StatusCall, FileStatus>("lstat", Kind::stat, path, {}, FollowLinks::no);
}
FileResult<FileStatus> fstat(int fd) {
  return FileResult<FileStatus>(std::make_unique<StatusCall>(fd));
}
FileResult<FileSystemStatus> statvfs(std::string_view path) {
  return begin_call<FileSystemCall, FileSystemStatus>("statvfs", Kind::statvfs, path, {});
}
FileResult<bool> access(std::string_view path, unsigned mode) {
  return begin_call<AccessCall, bool>("access", Kind::access, path, {}, mode);
}
FileResult<std::int64_t> sendfile(int out_fd, int in_fd, std::optional<std::int64_t> offset,
                                  std::size_t count) {
  return FileResult<std::int64_t>(std::make_unique<SendFile>(out_fd, in_fd, offset, count));
}
FileResult<std::string> getcwd() {
  return FileResult<std::string>(std::make_unique<CurrentFolder>());
}

}  // namespace asyncio::files::os
