// loop.sock_sendfile: the kernel copies, or, where it cannot, a thread reads and the loop sends.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "asyncio/loop/file_call.hpp"
#include "asyncio/loop/scheduler.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
// What one call takes; Linux sends no more at once anyway.
constexpr std::size_t kMostAtOnce = 0x7ffff000;

/// Await of one call on a file. The call and its buffer belong to themselves until it has ended, so
/// cancelling leaves at once.
class FileWait final : public Suspend {
 public:
  struct Call final : FileCall {
    void done() noexcept override {
      if (waiter != nullptr) {
        waiter->call_ = nullptr;
        waiter->result_ = result;
        waiter->data_ = std::move(data);
        waiter->wake();
      }
      delete this;
    }
    FileWait* waiter = nullptr;
    std::vector<std::byte> data;
  };

  FileWait(FileCall::Kind kind, int fd, std::int64_t offset, std::size_t size)
      : call_(new Call), kind_(kind) {
    call_->kind = kind;
    call_->fd = fd;
    call_->offset = offset;
    call_->flags = SEEK_SET;
    call_->data.resize(size);
    call_->buffer = call_->data.data();
    call_->size = size;
  }
  ~FileWait() {
    if (call_ != nullptr && !begun_) delete call_;
    forget();
  }

  static constexpr bool await_ready() noexcept { return false; }
  bool await_suspend(Continuation continuation) {
    call_->waiter = this;
    try {
      begun_ = true;
      running_scheduler().backend().start(*call_);
    } catch (...) {
      failure_ = std::current_exception();
      begun_ = false;
      return false;
    }
    return park(continuation);
  }
  std::vector<std::byte> await_resume() {
    if (std::exception_ptr failure = error()) std::rethrow_exception(failure);
    data_.resize(kind_ == FileCall::Kind::read ? static_cast<std::size_t>(result_) : 0);
    return std::move(data_);
  }
  [[nodiscard]] std::exception_ptr error() const {
    if (cancelled()) return cancellation();
    if (failure_ || result_ >= 0) return failure_;
    return make_os_error(static_cast<int>(-result_),
                         kind_ == FileCall::Kind::read ? "read" : "seek");
  }

 private:
  bool abort() override {
    forget();
    return true;
  }
  void forget() noexcept {
    if (begun_ && call_ != nullptr) std::exchange(call_, nullptr)->waiter = nullptr;
  }

  Call* call_;
  FileCall::Kind kind_;
  bool begun_ = false;
  std::exception_ptr failure_;
  std::ptrdiff_t result_ = 0;
  std::vector<std::byte> data_;
};

// How the kernel says that it does not send this file to this socket.
bool is_unable(const std::exception_ptr& error) noexcept {
  const auto* failure = base::exception_cast<OSError>(error);
  if (failure == nullptr) return false;
  switch (failure->error()) {
    case EINVAL:
    case ENOSYS:
    case EOPNOTSUPP:
    case ENOTSOCK:
    case ESPIPE:
    case EOVERFLOW:
      return true;
    default:
      return false;
  }
}

struct Progress {
  std::int64_t offset;
  std::size_t left;  // the most there may be
  std::size_t sent = 0;

  void add(std::size_t count) noexcept {
    offset += static_cast<std::int64_t>(count);
    left -= count;
    sent += count;
  }
};

// False: the kernel cannot, and nothing was sent.
Coro<bool> send_natively(std::shared_ptr<PlainSocketState> socket, int file, Progress& progress) {
  while (progress.left > 0) {
    const std::size_t wanted = std::min(progress.left, kMostAtOnce);
    auto part = co_await try_(SockSendFilePart(socket, file, progress.offset, wanted));
    if (!part.ok()) {
      const bool unable = progress.sent == 0 && is_unable(part.exception());
      if (unable) co_return false;
      co_await raise(part.exception());
    }
    const auto count = static_cast<std::size_t>(part.value());
    if (count == 0) break;
    progress.add(count);
  }
  co_return true;
}

Coro<> send_blocks(std::shared_ptr<PlainSocketState> socket, int file, Progress& progress) {
  while (progress.left > 0) {
    const std::size_t wanted = std::min(progress.left, kBlock);
    const std::vector<std::byte> block =
        co_await pass(FileWait(FileCall::Kind::read, file, progress.offset, wanted));
    if (block.empty()) break;
    co_await pass(SockSendAll(socket, block));
    progress.add(block.size());
  }
}

void check_parameters(PlainSocketState& socket, const SendfileOptions& options) {
  int type = 0;
  if (socket.fd >= 0 && socket.backend->get_option(socket.fd, SOL_SOCKET, SO_TYPE, type) >= 0 &&
      type != SOCK_STREAM) {
    throw ValueError("only SOCK_STREAM type sockets are supported");
  }
  if (options.count == 0U) throw ValueError("count must be a positive integer (got 0)");
  if (options.offset < 0) {
    throw ValueError("offset must be a non-negative integer (got " +
                     std::to_string(options.offset) + ")");
  }
}

Coro<> send_either_way(std::shared_ptr<PlainSocketState> socket, int file, bool fallback,
                       Progress& progress) {
  const bool native = co_await pass(send_natively(socket, file, progress));
  if (native) co_return;
  if (!fallback) {
    co_await raise<SendfileNotAvailableError>("the kernel cannot send file descriptor " +
                                              std::to_string(file) + " to this socket");
  }
  co_await pass(send_blocks(socket, file, progress));
}

}  // namespace

Coro<std::size_t> send_file_over(std::shared_ptr<PlainSocketState> socket, int file,
                                 SendfileOptions options) {
  if (!socket) co_await raise(make_os_error(EBADF, "sendfile"));
  check_parameters(*socket, options);
  Progress progress{options.offset,
                    options.count.value_or(std::numeric_limits<std::size_t>::max())};
  Result<void> sent = co_await try_(send_either_way(socket, file, options.fallback, progress));
  // The file stands where the sending has stopped, whatever stopped it; a pipe stands nowhere.
  (void)co_await try_(FileWait(FileCall::Kind::seek, file, progress.offset, 0));
  if (!sent.ok()) co_await raise(sent.exception());
  co_return progress.sent;
}

}  // namespace asyncio::detail
