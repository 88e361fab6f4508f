// Opening a file on a worker: the open, and what must be known of the file before it can be used.
#pragma once

#include <memory>
#include <string>

#include "asyncio/files/call.hpp"
#include "files/file_state.hpp"

namespace asyncio::detail {

class OpenRecord final : public AwaitedFileCall {
 public:
  enum class What : unsigned char {
    path,
    descriptor,       ///< that is open already
    named_temporary,  ///< made at `place` and a random name, where nothing may be
    nameless          ///< made in `folder`, or where that cannot be, at `place` and unlinked
  };
  /// ValueError, LookupError for the mode.
  OpenRecord(std::string_view path, std::string_view mode, const files::OpenOptions& options);
  OpenRecord(int open_fd, std::string_view mode, const files::OpenOptions& options);

  OpenRecord(const OpenRecord&) = delete;
  OpenRecord& operator=(const OpenRecord&) = delete;
  ~OpenRecord() override { close_descriptor(); }

  void run() noexcept override;
  /// The file, once it is there. Gives a handle. May throw bad_alloc.
  FileState* take(Scheduler& scheduler);

  What what = What::path;
  std::string place;
  std::string folder;
  std::string suffix;
  bool goes_with_close = false;  ///< of a named one
  FileParts parts;

 private:
  void prepare(Scheduler& scheduler) override;
  [[nodiscard]] bool tries_at_once() const noexcept override {
    return what == What::descriptor || (what == What::path && !parts.mode.writable);
  }
  std::ptrdiff_t get_descriptor() noexcept;
  std::ptrdiff_t make_temporary() noexcept;
  std::ptrdiff_t look() noexcept;
  void close_descriptor() noexcept;
};

}  // namespace asyncio::detail
