#include "asyncio/files/whole.hpp"

#include <fcntl.h>

#include "asyncio/base/error.hpp"
#include "asyncio/files/errors.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "files/path_call.hpp"
#include "files/random_name.hpp"
#include "files/utf8.hpp"

namespace asyncio::files {
namespace {

using detail::FileResult;
using detail::PathCall;
using Kind = FileCall::Kind;

// What all of these do: open, something, close.
template <class T>
class WholeFile : public PathCall<T> {
 public:
  using PathCall<T>::PathCall;

  void run() noexcept final {
    try {
      this->result = work();
    } catch (const std::bad_alloc&) {
      this->result = -ENOMEM;
    }
  }

 protected:
  virtual std::ptrdiff_t work() = 0;

  std::ptrdiff_t open_file(const std::string& where, int how, unsigned permissions) {
    FileCall call;
    call.kind = Kind::open;
    call.path = where.c_str();
    call.flags = how;
    call.mode = permissions;
    return this->make(call);
  }
  std::ptrdiff_t close_file(int file) {
    FileCall call;
    call.kind = Kind::close;
    call.fd = file;
    return this->make(call);
  }
  std::ptrdiff_t on_file(Kind what, int file, unsigned permissions = 0) {
    FileCall call;
    call.kind = what;
    call.fd = file;
    call.mode = permissions;
    return this->make(call);
  }
  std::ptrdiff_t write_all(int file, const std::string& data) {
    FileCall call;
    call.kind = Kind::write;
    call.fd = file;
    call.buffer = const_cast<char*>(data.data());
    call.size = data.size();
    call.whole = true;
    const std::ptrdiff_t written = this->make(call);
    return call.stopped_by != 0 ? -call.stopped_by : written;
  }
};

class ReadWhole final : public WholeFile<std::string> {
 public:
  ReadWhole(const char* operation, Kind what, std::string_view first, std::string_view second,
            bool text)
      : WholeFile(operation, what, first, second), text_(text) {}
  std::string take() override {
    if (text_) check_text();
    return std::move(data_);
  }

 private:
  [[nodiscard]] bool tries_at_once() const noexcept override { return true; }
  std::ptrdiff_t work() override {
    data_.clear();
    const std::ptrdiff_t opened = open_file(first_, O_RDONLY, 0);
    if (opened < 0) return opened;
    const int file = static_cast<int>(opened);
    std::ptrdiff_t outcome = 0;
    try {
      outcome = read_all(file);
    } catch (const std::bad_alloc&) {
      outcome = -ENOMEM;
    }
    close_file(file);
    return outcome;
  }
  std::ptrdiff_t read_all(int file) {
    FileStatus status;
    FileCall looking;
    looking.kind = Kind::stat;
    looking.fd = file;
    looking.status = &status;
    const std::ptrdiff_t looked = make(looking);
    if (looked < 0) return looked;
    constexpr std::size_t kStep = 1024 * 1024;
    constexpr std::size_t kMostAtOnce = kStep;  // a step of a loop should be short
    const auto known = static_cast<std::size_t>(std::max<std::int64_t>(status.st_size, 0));
    if (at_once && known > kMostAtOnce) return -EAGAIN;
    data_.reserve(known + 1);
    std::size_t end = 0;
    for (;;) {
      const std::size_t left = known + 1 > end ? known + 1 - end : 64 * 1024;
      data_.resize(end + std::min(left, kStep));
      FileCall reading;
      reading.kind = Kind::read;
      reading.fd = file;
      reading.buffer = data_.data() + end;
      reading.size = data_.size() - end;
      reading.whole = true;
      const std::ptrdiff_t count = make(reading);
      if (count < 0) return count;
      if (reading.stopped_by != 0) return -reading.stopped_by;
      end += static_cast<std::size_t>(count);
      // A call that asked for more and stops where the file ends has found its end.
      const bool at_size = status.is_file() && end == known && end < data_.size();
      if (!reading.ended && !at_size) continue;
      data_.resize(end);
      return 0;
    }
  }
  void check_text() {
    const std::size_t valid = detail::utf8_prefix(data_);
    if (valid < data_.size()) {
      const detail::Utf8Character bad = detail::utf8_at(std::string_view(data_).substr(valid));
      const auto start = static_cast<std::int64_t>(valid);
      throw UnicodeDecodeError(start, start + static_cast<std::int64_t>(bad.size),
                               static_cast<unsigned char>(data_[valid]), bad.problem);
    }
    if (data_.find('\r') != std::string::npos) data_ = detail::with_plain_newlines(data_);
  }
  std::string data_;
  bool text_;
};

class WriteWhole final : public WholeFile<std::size_t> {
 public:
  WriteWhole(const char* operation, Kind what, std::string_view first, std::string_view second,
             std::string_view data, std::size_t count)
      : WholeFile(operation, what, first, second), data_(data), count_(count) {}
  std::size_t take() override { return count_; }

 private:
  std::ptrdiff_t work() override {
    const std::ptrdiff_t opened = open_file(first_, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (opened < 0) return opened;
    const int file = static_cast<int>(opened);
    const std::ptrdiff_t written = write_all(file, data_);
    // Some file systems tell only now that the disk is full.
    const std::ptrdiff_t closed = close_file(file);
    return written < 0 ? written : closed;
  }
  std::string data_;
  std::size_t count_;
};

class WriteAtomic final : public WholeFile<std::size_t> {
 public:
  WriteAtomic(const char* operation, Kind what, std::string_view first, std::string_view second,
              std::string_view data)
      : WholeFile(operation, what, first, second), data_(data) {}
  std::size_t take() override { return data_.size(); }

 private:
  void prepare(Scheduler& scheduler) override {
    const std::size_t slash = first_.rfind('/') + 1;  // 0 when there is none
    folder_ = slash == 0 ? "." : first_.substr(0, slash);
    temporary_ = first_.substr(0, slash) + "." + first_.substr(slash) + "." +
                 detail::random_name(scheduler.backend()) + ".tmp";
  }
  // O_EXCL: never a file or a link that somebody else has put there.
  std::ptrdiff_t work() override {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const std::ptrdiff_t opened = open_file(temporary_, kFlags, 0666);
    if (opened < 0) return opened;
    std::ptrdiff_t outcome = fill(static_cast<int>(opened));
    const std::ptrdiff_t closed = close_file(static_cast<int>(opened));
    if (outcome >= 0) outcome = closed;
    if (outcome >= 0) outcome = on_paths(Kind::rename);
    if (outcome < 0) {
      on_paths(Kind::unlink);
      return outcome;
    }
    return sync_folder();
  }
  std::ptrdiff_t fill(int file) {
    FileStatus before;
    FileCall looking;
    looking.kind = Kind::stat;
    looking.path = first_.c_str();
    looking.flags = AT_SYMLINK_NOFOLLOW;
    looking.status = &before;
    if (make(looking) == 0 && before.is_file()) {
      const std::ptrdiff_t kept = on_file(Kind::chmod, file, before.st_mode & 07777);
      if (kept < 0) return kept;
    }
    const std::ptrdiff_t written = write_all(file, data_);
    return written < 0 ? written : on_file(Kind::fsync, file);
  }
  // The new name must be on the disk, too. The file is in place by now: no error any more, where a
  // file system cannot do this for a folder.
  std::ptrdiff_t sync_folder() {
    const std::ptrdiff_t opened = open_file(folder_, O_RDONLY | O_DIRECTORY, 0);
    if (opened < 0) return 0;
    on_file(Kind::fsync, static_cast<int>(opened));
    close_file(static_cast<int>(opened));
    return 0;
  }
  std::ptrdiff_t on_paths(Kind what) {
    FileCall call;
    call.kind = what;
    call.path = temporary_.c_str();
    call.path2 = first_.c_str();
    return make(call);
  }
  std::string data_;
  std::string folder_;
  std::string temporary_;
};

}  // namespace

FileResult<std::string> read_bytes(std::string_view path) {
  return detail::begin_call<ReadWhole, std::string>("read", Kind::other, path, {}, false);
}

FileResult<std::string> read_text(std::string_view path) {
  return detail::begin_call<ReadWhole, std::string>("read", Kind::other, path, {}, true);
}

FileResult<std::size_t> write_bytes(std::string_view path, std::string_view data) {
  return detail::begin_call<WriteWhole, std::size_t>("write", Kind::other, path, {}, data,
                                                     data.size());
}

FileResult<std::size_t> write_text(std::string_view path, std::string_view text) {
  const std::size_t valid = detail::utf8_prefix(text);
  if (valid != text.size()) {
    return FileResult<std::size_t>(std::make_exception_ptr(detail::encode_error(valid)));
  }
  return detail::begin_call<WriteWhole, std::size_t>("write", Kind::other, path, {}, text,
                                                     detail::utf8_length(text));
}

FileResult<std::size_t> write_atomic(std::string_view path, std::string_view data) {
  return detail::begin_call<WriteAtomic, std::size_t>("write", Kind::other, path, {}, data);
}

}  // namespace asyncio::files
