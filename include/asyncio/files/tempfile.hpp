// Temporary files and folders. Python: aiofiles.tempfile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include "asyncio/coro/coro.hpp"
#include "asyncio/files/file.hpp"
#include "asyncio/files/os.hpp"

namespace asyncio::files::tempfile {

/// Where and under which name; the rest of the name is eight characters by the backend's chance.
struct TemporaryOptions {
  std::string_view prefix = "tmp";
  std::string_view suffix = {};
  std::string_view dir = {};  ///< empty: TMPDIR, or /tmp
  bool delete_ = true;        ///< of a named file: close() removes it
};

/// A file that nobody else can find, mode 0600, in the folder for temporary files; it goes with its
/// descriptor. Await it or give it to with(), as open(). Python: tempfile.TemporaryFile.
[[nodiscard]] Open TemporaryFile(std::string_view mode = "w+b", TemporaryOptions options = {});
/// A new file with a name (File::name()), mode 0600; close() removes it, unless it was moved or
/// `delete_` is false. Python: tempfile.NamedTemporaryFile.
[[nodiscard]] Open NamedTemporaryFile(std::string_view mode = "w+b", TemporaryOptions options = {});

/// A file of bytes in memory, which becomes a TemporaryFile when it is longer than `max_size`, or
/// at rollover(). One operation at a time. Python: tempfile.SpooledTemporaryFile.
class SpooledTemporaryFile {
 public:
  explicit SpooledTemporaryFile(std::size_t max_size = 0) noexcept : max_size_(max_size) {}

  [[nodiscard]] Coro<std::string> read(std::ptrdiff_t count = kAll);
  [[nodiscard]] Coro<std::string> readline();
  [[nodiscard]] Coro<std::size_t> write(std::string data);
  [[nodiscard]] Coro<std::int64_t> seek(std::int64_t offset, int whence = 0);
  [[nodiscard]] Coro<std::int64_t> tell();
  [[nodiscard]] Coro<> truncate();
  [[nodiscard]] Coro<> flush();
  /// From now on it is a file.
  [[nodiscard]] Coro<> rollover();
  [[nodiscard]] Coro<> close();
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  /// Whether it is a file by now.
  [[nodiscard]] bool rolled() const noexcept { return rolled_; }

  [[nodiscard]] static detail::Immediate aenter() { return detail::Immediate(); }
  Coro<> aexit(const std::exception_ptr&) { return close(); }

 private:
  [[nodiscard]] std::string take(std::size_t count);
  std::size_t max_size_;
  std::string memory_;
  std::size_t at_ = 0;
  File file_;
  bool rolled_ = false;
  bool closed_ = false;
};

/// A new folder, mode 0700, that with() removes at its end with all that is in it:
///
///   co_await with(tempfile::TemporaryDirectory(), [](const std::string& name) -> Coro<> { ... });
///
/// Python: tempfile.TemporaryDirectory.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(TemporaryOptions options = {});

  /// The path, once it was made.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Removes it now.
  [[nodiscard]] Coro<> cleanup();

  /// Makes it and gives its path.
  [[nodiscard]] Coro<std::string> aenter();
  Coro<> aexit(const std::exception_ptr&) { return cleanup(); }

 private:
  std::string prefix_;
  std::string suffix_;
  std::string dir_;
  std::string name_;
  bool made_ = false;
};

/// The folder for temporary files.
[[nodiscard]] std::string gettempdir();
/// A folder that stays: its path. Python: tempfile.mkdtemp.
[[nodiscard]] Coro<std::string> mkdtemp(TemporaryOptions options = {});

}  // namespace asyncio::files::tempfile
