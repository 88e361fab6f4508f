#include <fcntl.h>
#include <linux/limits.h>

#include <array>

#include "asyncio/files/os.hpp"
#include "files/path_call.hpp"

namespace asyncio::files::ospath {
namespace {

using detail::begin_call;
using detail::FileResult;
using detail::PathCall;
using Kind = FileCall::Kind;

// A question that has an answer also when there is nothing.
class Question : public PathCall<bool> {
 public:
  using Ask = bool (*)(const FileStatus& status);
  Question(const char* operation, Kind what, std::string_view first, std::string_view second,
           Ask ask, int look_flags)
      : PathCall(operation, what, first, second), ask_(ask) {
    flags = look_flags;
    status = &found_;
  }
  // What cannot be looked at is not there.
  std::exception_ptr error() const override {
    return result == -ECANCELED ? PathCall::error() : nullptr;
  }
  bool take() override { return result == 0 && ask_(found_); }

 private:
  Ask ask_;
  FileStatus found_;
};

FileResult<bool> ask(const char* operation, std::string_view path, Question::Ask question,
                     int flags = 0) {
  // Python: a name that no file can have is one that no file has.
  if (path.find('\0') != std::string_view::npos) path = {};
  return begin_call<Question, bool>(operation, Kind::stat, path, {}, question, flags);
}

template <class T>
class Property final : public PathCall<T> {
 public:
  using Get = T (*)(const FileStatus& status);
  Property(const char* operation, Kind what, std::string_view first, std::string_view second,
           Get get)
      : PathCall<T>(operation, what, first, second), get_(get) {
    this->status = &found_;
  }
  T take() override { return get_(found_); }

 private:
  Get get_;
  FileStatus found_;
};

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

FileResult<double> time_of(const char* operation, std::string_view path,
                           Property<double>::Get get) {
  return begin_call<Property<double>, double>(operation, Kind::stat, path, {}, get);
}

// Whether two names stand for one file, or a folder and the one above it for two file systems.
class TwoFiles final : public PathCall<bool> {
 public:
  using Compare = bool (*)(const FileStatus& one, const FileStatus& other);
  TwoFiles(const char* operation, Kind, std::string_view first, std::string_view second,
           Compare compare, bool missing_is_no)
      : PathCall(operation, Kind::other, first, second),
        compare_(compare),
        missing_is_no_(missing_is_no) {}
  void run() noexcept override {
    result = look(first_, one_);
    if (result == 0) result = look(second_, other_);
  }
  std::exception_ptr error() const override {
    return missing_is_no_ && result != -ECANCELED ? nullptr : PathCall::error();
  }
  bool take() override { return result == 0 && compare_(one_, other_); }

 private:
  std::ptrdiff_t look(const std::string& where, FileStatus& into) const noexcept {
    FileCall looking;
    looking.kind = Kind::stat;
    looking.path = where.c_str();
    looking.flags = missing_is_no_ ? AT_SYMLINK_NOFOLLOW : 0;
    looking.status = &into;
    return make(looking);
  }
  Compare compare_;
  bool missing_is_no_;
  FileStatus one_;
  FileStatus other_;
};

std::string without_dots(std::string_view path) {
  // Two slashes at the beginning stay two, as POSIX has it.
  const bool two = path.starts_with("//") && !path.starts_with("///");
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string all;
  for (const std::string_view part : parts) {
    all += '/';
    all += part;
  }
  if (all.empty()) all = "/";
  return two ? "/" + all : all;
}

class AbsolutePath final : public PathCall<std::string> {
 public:
  AbsolutePath(const char* operation, Kind what, std::string_view first, std::string_view second)
      : PathCall(operation, what, first, second) {
    buffer = folder_.data();
    size = folder_.size();
  }
  std::string take() override {
    if (first_.starts_with('/')) return without_dots(first_);
    return without_dots(std::string(folder_.data()) + "/" + first_);
  }

 private:
  std::array<char, PATH_MAX> folder_{};
};

}  // namespace

FileResult<bool> exists(std::string_view path) {
  return ask("exists", path, [](const FileStatus&) { return true; });
}
FileResult<bool> isfile(std::string_view path) {
  return ask("isfile", path, [](const FileStatus& status) { return status.is_file(); });
}
FileResult<bool> isdir(std::string_view path) {
  return ask("isdir", path, [](const FileStatus& status) { return status.is_dir(); });
}
FileResult<bool> islink(std::string_view path) {
  return ask(
      "islink", path, [](const FileStatus& status) { return status.is_symlink(); },
      AT_SYMLINK_NOFOLLOW);
}
FileResult<bool> ismount(std::string_view path) {
  const TwoFiles::Compare differ = [](const FileStatus& here, const FileStatus& above) {
    return here.is_dir() && (here.st_dev != above.st_dev || here.st_ino == above.st_ino);
  };
  return begin_call<TwoFiles, bool>("ismount", Kind::other, path, std::string(path) + "/..", differ,
                                    true);
}
FileResult<std::int64_t> getsize(std::string_view path) {
  const Property<std::int64_t>::Get get = [](const FileStatus& status) { return status.st_size; };
  return begin_call<Property<std::int64_t>, std::int64_t>("getsize", Kind::stat, path, {}, get);
}
FileResult<double> getmtime(std::string_view path) {
  return time_of("getmtime", path,
                 [](const FileStatus& status) { return seconds(status.modification_time); });
}
FileResult<double> getatime(std::string_view path) {
  return time_of("getatime", path,
                 [](const FileStatus& status) { return seconds(status.access_time); });
}
FileResult<double> getctime(std::string_view path) {
  return time_of("getctime", path,
                 [](const FileStatus& status) { return seconds(status.change_time); });
}
FileResult<bool> samefile(std::string_view one, std::string_view other) {
  const TwoFiles::Compare same = [](const FileStatus& first, const FileStatus& second) {
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
  };
  return begin_call<TwoFiles, bool>("samefile", Kind::other, one, other, same, false);
}
FileResult<std::string> abspath(std::string_view path) {
  return begin_call<AbsolutePath, std::string>("abspath", Kind::current_folder, path, {});
}

}  // namespace asyncio::files::ospath
