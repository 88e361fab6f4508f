#include <fcntl.h>
#include <unistd.h>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/files/file.hpp"
#include "asyncio/task/future.hpp"
#include "files/open_record.hpp"
#include "files/random_name.hpp"

namespace asyncio {
namespace detail {

OpenRecord::OpenRecord(std::string_view path, std::string_view mode,
                       const files::OpenOptions& options)
    : AwaitedFileCall("open", std::string(path)), place(path) {
  parts.mode = parse_mode(mode, options);
  parts.name = path;
  parts.mode_text = mode;
}

OpenRecord::OpenRecord(int open_fd, std::string_view mode, const files::OpenOptions& options)
    : AwaitedFileCall("open", "fd " + std::to_string(open_fd)), what(What::descriptor) {
  parts.mode = parse_mode(mode, options);
  parts.name = std::to_string(open_fd);
  parts.mode_text = mode;
  parts.closefd = options.closefd;
  fd = open_fd;
}

void OpenRecord::prepare(Scheduler& scheduler) {
  if (what != What::named_temporary && what != What::nameless) return;
  place += random_name(scheduler.backend()) + suffix;
  parts.name = place;
  if (goes_with_close) parts.unlink_path = place;
}

std::ptrdiff_t OpenRecord::get_descriptor() noexcept {
  if (what == What::descriptor) return fd;
  if (what != What::path) return make_temporary();
  FileCall opening;
  opening.kind = Kind::open;
  opening.path = place.c_str();
  opening.mode = 0666;
  opening.flags = parts.mode.flags;
  // A FIFO without a writer: it is the first read that waits. Of a regular file this says nothing.
  if (!parts.mode.writable) opening.flags |= O_NONBLOCK;
  return make(opening);
}

// 64 bits of chance are in the name: that it is taken is an attack or a broken clock, and an error.
std::ptrdiff_t OpenRecord::make_temporary() noexcept {
  FileCall opening;
  opening.kind = Kind::open;
  opening.mode = 0600;
  opening.flags = (parts.mode.flags & ~(O_CREAT | O_TRUNC)) | O_EXCL;
  if (what == What::nameless) {
    // A file without a name can only be read through this descriptor.
    const int flags = opening.flags;
    opening.flags = (flags & ~O_ACCMODE) | O_RDWR | O_TMPFILE;
    opening.path = folder.c_str();
    const std::ptrdiff_t opened = make(opening);
    if (opened != -EOPNOTSUPP && opened != -EISDIR && opened != -EINVAL) return opened;
    opening.flags = flags;
  }
  opening.flags |= O_CREAT | O_NOFOLLOW;
  opening.path = place.c_str();
  const std::ptrdiff_t opened = make(opening);
  if (opened < 0 || what == What::named_temporary) return opened;
  FileCall removing;
  removing.kind = Kind::unlink;
  removing.path = place.c_str();
  make(removing);
  return opened;
}

// What the file is. Negative: it cannot be used.
std::ptrdiff_t OpenRecord::look() noexcept {
  FileCall looking;
  looking.kind = Kind::stat;
  looking.fd = parts.fd;
  looking.status = &parts.status;
  const std::ptrdiff_t looked = make(looking);
  if (looked < 0) return looked;
  if (parts.status.is_dir()) return -EISDIR;
  const bool fresh = what != What::descriptor && !parts.mode.append;
  parts.seekable = parts.status.is_file() && fresh;
  if (parts.seekable) {
    parts.position = 0;
    return 0;
  }
  FileCall seeking;
  seeking.kind = Kind::seek;
  seeking.fd = parts.fd;
  seeking.offset = 0;
  seeking.flags = parts.mode.append ? SEEK_END : SEEK_CUR;
  parts.position = make(seeking);
  parts.seekable = parts.position >= 0;
  if (!parts.seekable) parts.position = -1;
  if (parts.status.is_file()) return 0;
  FileCall asking;
  asking.kind = Kind::is_terminal;
  asking.fd = parts.fd;
  parts.terminal = make(asking) == 1;
  if (parts.terminal && parts.mode.text) parts.mode.line_buffering = true;
  return 0;
}

void OpenRecord::run() noexcept {
  const std::ptrdiff_t opened = get_descriptor();
  if (opened < 0) {
    result = opened;
    return;
  }
  parts.fd = static_cast<int>(opened);
  result = look();
  if (result < 0) close_descriptor();
}

void OpenRecord::close_descriptor() noexcept {
  if (what == What::descriptor || parts.fd < 0) return;
  FileCall closing;
  closing.kind = Kind::close;
  closing.fd = std::exchange(parts.fd, -1);
  closing.run();
  if (what != What::named_temporary) return;
  closing.kind = Kind::unlink;
  closing.path = place.c_str();
  closing.run();
}

FileState* OpenRecord::take(Scheduler& scheduler) {
  // The memory comes first: when there is none, all is still here.
  auto* state = new FileState(scheduler, std::move(parts));
  parts.fd = -1;
  state->add_handle();
  return state;
}

}  // namespace detail

namespace files {
namespace {

template <class... Args>
std::unique_ptr<detail::OpenRecord> make_record(std::exception_ptr& failure, const Args&... args) {
  try {
    return std::make_unique<detail::OpenRecord>(args...);
  } catch (...) {
    failure = std::current_exception();
    return nullptr;
  }
}

}  // namespace

Open::Open(std::string_view path, std::string_view mode, OpenOptions options)
    : FileCallAwaiter(detail::check_path(path)) {
  if (await_ready()) return;
  std::exception_ptr failure;
  set(make_record(failure, path, mode, options));
  if (failure) refuse(std::move(failure));
}

Open::Open(int fd, std::string_view mode, OpenOptions options)
    : FileCallAwaiter(std::exception_ptr()) {
  std::exception_ptr failure;
  if (fd < 0) failure = std::make_exception_ptr(ValueError("negative file descriptor"));
  if (!failure) set(make_record(failure, fd, mode, options));
  if (failure) refuse(std::move(failure));
}

Open::Open(std::unique_ptr<detail::OpenRecord> record) noexcept
    : FileCallAwaiter(std::move(record)) {}

Open::Open(std::exception_ptr refusal) noexcept : FileCallAwaiter(std::move(refusal)) {}

Open::~Open() = default;
Open::Open(Open&&) noexcept = default;

File Open::await_resume() {
  check();
  return File(static_cast<detail::OpenRecord&>(call()).take(detail::running_scheduler()));
}

Coro<File&> Open::aenter() {
  file_ = co_await pass(*this);
  co_return file_;
}

}  // namespace files
}  // namespace asyncio
