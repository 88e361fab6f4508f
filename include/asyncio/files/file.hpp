// Files that are read and written while the loop goes on: open(), File. The shape of Python's
// aiofiles over the rules of its open().
//
//   files::File f = co_await files::open("log.txt", "w");
//   co_await f.write("hello\n");
//   co_await f.close();
//
//   co_await with(files::open("log.txt"), [](files::File& file) -> Coro<> {
//     while (auto line = co_await file.next_line()) std::cout << *line;
//   });
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/files/call.hpp"
#include "asyncio/files/errors.hpp"
#include "asyncio/files/operation.hpp"
#include "asyncio/task/immediate.hpp"

namespace asyncio::files {

/// Options of open(), by Python's names.
struct OpenOptions {
  /// Bytes of the buffer; -1: 128 KiB; 0: none (binary files); 1: a text file that is flushed after
  /// each line, as terminals are always.
  int buffering = -1;
  std::optional<std::string_view> encoding = {};  ///< "utf-8", the only one
  std::optional<std::string_view> errors = {};    ///< "strict", "replace" or "ignore"
  /// None: "\n", "\r" and "\r\n" end a line and are read as "\n". "": they end one and stay what
  /// they are. Else only this ends a line, and "\n" is written as it.
  std::optional<std::string_view> newline = {};
  bool closefd = true;  ///< false: of a descriptor that was given, close() lets it be
};

/// How much read() is to read: all.
inline constexpr std::ptrdiff_t kAll = -1;

}  // namespace asyncio::files

namespace asyncio::detail {

class OpenRecord;

/// What a read takes, in the file's own units: bytes, or characters of a text.
class FileReadBase : public FileOperation {
 protected:
  FileReadBase(FileState* state, std::ptrdiff_t count) noexcept
      : FileOperation(state), count_(count) {}
  FileReadBase(FileReadBase&&) noexcept = default;
  ~FileReadBase() = default;
  bool advance(FileState& state) override;
  std::string take();

  std::ptrdiff_t count_;
  std::size_t found_ = 0;  // bytes of the buffer that it will take

 private:
  bool advance_bytes(FileState& state);
  bool advance_text(FileState& state);
  std::size_t counted_ = 0;  // characters in the first found_ bytes
};

class FileRead final : public FileReadBase, public AsCoro<FileRead, std::string> {
 public:
  FileRead(FileState* state, std::ptrdiff_t count) noexcept : FileReadBase(state, count) {}
  std::string await_resume() { return take(); }
};

class FileReadInto final : public FileReadBase, public AsCoro<FileReadInto, std::size_t> {
 public:
  FileReadInto(FileState* state, std::span<std::byte> buffer) noexcept
      : FileReadBase(state, static_cast<std::ptrdiff_t>(buffer.size())), buffer_(buffer) {}
  std::size_t await_resume();

 private:
  bool advance(FileState& state) override;
  bool past_buffer(FileState& state);
  std::span<std::byte> buffer_;
  bool past_buffer_ = false;  // it is there already
};

/// At most one call of the kernel, and none when something is in the buffer.
class FileReadSome final : public FileOperation, public AsCoro<FileReadSome, std::string> {
 public:
  FileReadSome(FileState* state, std::ptrdiff_t count, bool keep) noexcept
      : FileOperation(state), count_(count), keep_(keep) {}
  std::string await_resume();

 private:
  bool advance(FileState& state) override;
  std::ptrdiff_t count_;
  bool keep_;
};

class FileLineBase : public FileOperation {
 protected:
  FileLineBase(FileState* state, std::ptrdiff_t limit) noexcept
      : FileOperation(state), limit_(limit) {}
  FileLineBase(FileLineBase&&) noexcept = default;
  ~FileLineBase() = default;
  bool advance(FileState& state) override;
  std::string take();

  std::ptrdiff_t limit_;

 private:
  std::size_t found_ = 0;
  std::size_t searched_ = 0;
};

class FileReadLine final : public FileLineBase, public AsCoro<FileReadLine, std::string> {
 public:
  FileReadLine(FileState* state, std::ptrdiff_t limit) noexcept : FileLineBase(state, limit) {}
  std::string await_resume() { return take(); }
};

class FileNextLine final : public FileLineBase,
                           public AsCoro<FileNextLine, std::optional<std::string>> {
 public:
  explicit FileNextLine(FileState* state) noexcept : FileLineBase(state, -1) {}
  std::optional<std::string> await_resume() {
    std::string line = take();
    if (line.empty()) return std::nullopt;
    return line;
  }
};

class FileWrite final : public FileOperation, public AsCoro<FileWrite, std::size_t> {
 public:
  FileWrite(FileState* state, std::string data) noexcept
      : FileOperation(state), data_(std::move(data)) {}
  std::size_t await_resume() {
    check();
    return count_;
  }

 private:
  bool advance(FileState& state) override;
  std::string data_;
  std::size_t count_ = 0;
  bool taken_ = false;
};

class FileFlush final : public FileOperation, public AsCoro<FileFlush, void> {
 public:
  enum class Depth : unsigned char { buffer, disk, data };
  FileFlush(FileState* state, Depth depth) noexcept : FileOperation(state), depth_(depth) {}
  void await_resume() { check(); }

 private:
  bool advance(FileState& state) override;
  bool on_failure(FileState& state, int error_number) override;
  Depth depth_;
  bool synced_ = false;
};

class FileSeek final : public FileOperation, public AsCoro<FileSeek, std::int64_t> {
 public:
  FileSeek(FileState* state, std::int64_t offset, int whence) noexcept
      : FileOperation(state), offset_(offset), whence_(whence) {}
  std::int64_t await_resume();

 private:
  bool advance(FileState& state) override;
  bool refuse(FileState& state);
  std::int64_t offset_;
  int whence_;
  bool moved_ = false;
};

class FileTell final : public FileOperation, public AsCoro<FileTell, std::int64_t> {
 public:
  explicit FileTell(FileState* state) noexcept : FileOperation(state) {}
  std::int64_t await_resume();

 private:
  bool advance(FileState& state) override;
};

class FileTruncate final : public FileOperation, public AsCoro<FileTruncate, std::int64_t> {
 public:
  FileTruncate(FileState* state, std::optional<std::int64_t> size) noexcept
      : FileOperation(state), size_(size) {}
  std::int64_t await_resume() {
    check();
    return *size_;
  }

 private:
  bool advance(FileState& state) override;
  std::optional<std::int64_t> size_;
  bool cut_ = false;
};

class FileClose final : public FileOperation, public AsCoro<FileClose, void> {
 public:
  explicit FileClose(FileState* state) noexcept : FileOperation(state) {}
  void await_resume() { check(); }

 private:
  bool advance(FileState& state) override;
  bool on_failure(FileState& state, int error_number) override;
  [[nodiscard]] bool takes_closed() const noexcept override { return true; }
  std::exception_ptr first_failure_;
  bool gave_up_writing_ = false;
};

}  // namespace asyncio::detail

namespace asyncio::files {

/// An open file; a copy is a handle to the same one. Operations that are awaited at the same time
/// run one after another, in that order. When the last handle goes without close(), what is in the
/// buffer is written and the file is closed, both in the background, with a ResourceWarning.
///
/// A call of the kernel is one turn of the loop at least, also when all is cached. What the kernel
/// has in its cache is read there and then, at most 1 MB in a turn, so that a task which only reads
/// lets the others run; all else is done on worker threads, or on the kernel's ring. A read of a
/// FIFO, a terminal or a socket waits for bytes without a thread. An operation that is cancelled
/// leaves the file as it should be: a read has taken nothing, what was written before is in the
/// buffer or in the file, and a call that is under way ends in the background. Of a read to the end
/// of a file that grows, the end is where a call of the kernel found it.
///
/// A text is UTF-8: its units are characters for read() and readline(), bytes for seek() and
/// tell(). Bytes that are no UTF-8 are a UnicodeDecodeError that names their place; all before them
/// can be read, and none is lost. After close() all is ValueError "I/O operation on closed file.".
/// Errors of the kernel are OSError and its kin. Loop thread only. Python: what aiofiles.open
/// gives.
class File {
 public:
  /// Not open.
  File() = default;
  explicit File(detail::FileState* adopted) noexcept : state_(adopted) {}
  File(const File& other) noexcept;
  File(File&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  File& operator=(File other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~File();

  // --- reading: "" at the end -------------------------------------------------------------------

  /// `count` bytes or characters, fewer only at the end. With -1 all up to the end.
  [[nodiscard]] detail::FileRead read(std::ptrdiff_t count = kAll) { return {state_, count}; }
  [[nodiscard]] detail::FileRead readall() { return {state_, kAll}; }
  /// Binary files: what is there, at most `count`, with at most one call of the kernel.
  [[nodiscard]] detail::FileReadSome read1(std::ptrdiff_t count = kAll) {
    return {state_, count, false};
  }
  /// Binary files: into a buffer that lives as long as the await; how many bytes, 0 at the end. One
  /// of 128 KiB to 1 MiB is the cheapest way to read: nothing is copied twice.
  [[nodiscard]] detail::FileReadInto readinto(std::span<std::byte> buffer) {
    return {state_, buffer};
  }
  /// Up to and with the end of the line, at most `limit` bytes or characters of it.
  [[nodiscard]] detail::FileReadLine readline(std::ptrdiff_t limit = -1) { return {state_, limit}; }
  /// All lines, or as many whole ones as it takes to get `hint` bytes.
  [[nodiscard]] Coro<std::vector<std::string>> readlines(std::ptrdiff_t hint = -1);
  /// `while (auto line = co_await f.next_line())`. Python: async for line in f.
  [[nodiscard]] detail::FileNextLine next_line() { return detail::FileNextLine(state_); }
  /// Binary files: what is in the buffer, which stays there; reads a block when that is nothing.
  [[nodiscard]] detail::FileReadSome peek(std::ptrdiff_t count = 0) {
    return {state_, count, true};
  }

  // --- writing ----------------------------------------------------------------------------------

  /// Puts `data` into the buffer, and writes the buffer when it is full; gives how many bytes or
  /// characters that were. Cancelled before its turn it has written nothing, after that all of it
  /// will be. An error says how much of the buffer is in the file; the rest stays in the buffer,
  /// and flush() or close() try again.
  [[nodiscard]] detail::FileWrite write(std::string_view data) {
    return {state_, std::string(data)};
  }
  [[nodiscard]] detail::FileWrite write(const char* data) { return {state_, std::string(data)}; }
  [[nodiscard]] detail::FileWrite write(std::string&& data) { return {state_, std::move(data)}; }
  [[nodiscard]] detail::FileWrite write(std::span<const std::byte> data) {
    return {state_, std::string(reinterpret_cast<const char*>(data.data()), data.size())};
  }
  /// One after another, without anything between them.
  [[nodiscard]] detail::FileWrite writelines(const std::vector<std::string>& lines);
  /// Writes the buffer to the file.
  [[nodiscard]] detail::FileFlush flush() { return {state_, detail::FileFlush::Depth::buffer}; }
  /// flush(), and what is in the file goes to the disk. Once it has failed it fails always: the
  /// kernel forgets what it could not write. Python: os.fsync(f.fileno()).
  [[nodiscard]] detail::FileFlush fsync() { return {state_, detail::FileFlush::Depth::disk}; }
  [[nodiscard]] detail::FileFlush fdatasync() { return {state_, detail::FileFlush::Depth::data}; }
  /// Cuts it, or makes it longer with zeros; by itself where the file stands, which does not move.
  /// Gives the size.
  [[nodiscard]] detail::FileTruncate truncate(std::optional<std::int64_t> size = std::nullopt) {
    return {state_, size};
  }

  // --- where it stands --------------------------------------------------------------------------

  /// `whence`: SEEK_SET, SEEK_CUR or SEEK_END (0, 1, 2). In a text only places that tell() gave,
  /// the beginning and the end. Gives the position, in bytes.
  [[nodiscard]] detail::FileSeek seek(std::int64_t offset, int whence = 0) {
    return {state_, offset, whence};
  }
  [[nodiscard]] detail::FileTell tell() { return detail::FileTell(state_); }

  // --- its end, and what it is ------------------------------------------------------------------

  /// Writes what is in the buffer and closes; no effect the second time. It is closed also after an
  /// error and, in the background, when this is cancelled.
  [[nodiscard]] detail::FileClose close() { return detail::FileClose(state_); }
  [[nodiscard]] bool closed() const noexcept;
  /// ValueError when closed.
  [[nodiscard]] int fileno() const;
  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] const std::string& mode() const noexcept;
  [[nodiscard]] bool readable() const;
  [[nodiscard]] bool writable() const;
  [[nodiscard]] bool seekable() const;
  [[nodiscard]] bool isatty() const;
  /// "<asyncio.files.File name='log.txt' mode='w'>".
  [[nodiscard]] std::string repr() const;

  // For with() and enter(): closes at the end. Python: __aenter__, __aexit__.
  [[nodiscard]] static detail::Immediate aenter() { return detail::Immediate(); }
  detail::FileClose aexit(const std::exception_ptr&) { return close(); }

 private:
  detail::FileState* state_ = nullptr;  // one handle
};

/// The await that opens a file, and what with() takes: then the file is closed at the end.
class Open final : public detail::FileCallAwaiter, public AsCoro<Open, File> {
 public:
  explicit Open(std::string_view path, std::string_view mode = "r", OpenOptions options = {});
  /// Of a descriptor that is open.
  Open(int fd, std::string_view mode, OpenOptions options);
  explicit Open(std::unique_ptr<detail::OpenRecord> record) noexcept;
  explicit Open(std::exception_ptr refusal) noexcept;
  Open(Open&& other) noexcept;
  ~Open();

  File await_resume();

  Coro<File&> aenter();
  detail::FileClose aexit(const std::exception_ptr&) { return file_.close(); }

 private:
  File file_;  // of with()
};

/// Opens a file; modes are Python's: "r" "w" "x" "a", with "b" for bytes and "+" for both
/// directions. Errors: ValueError for a mode that makes no sense and for "embedded null byte",
/// FileNotFoundError "open nosuch.txt: no such file or directory" and the other kin of OSError.
/// Never blocks the loop; a FIFO is opened for reading at once, and reading it waits for a writer.
/// When it is cancelled, a descriptor that comes late is closed. Python: aiofiles.open.
[[nodiscard]] inline Open open(std::string_view path, std::string_view mode = "r",
                               OpenOptions options = {}) {
  return Open(path, mode, options);
}
/// The same of a descriptor, which the file owns unless `closefd` is false.
[[nodiscard]] inline Open open(int fd, std::string_view mode = "r", OpenOptions options = {}) {
  return {fd, mode, options};
}

}  // namespace asyncio::files
