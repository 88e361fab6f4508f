// loop.sock_sendfile: the kernel copies, or, where it cannot, a thread reads and the loop sends.
#include <sys/socket.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "io/sendfile_parts.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
// What one call takes; Linux sends no more at once anyway.
constexpr std::size_t kMostAtOnce = 0x7ffff000;

bool is_unable(const std::exception_ptr& error) noexcept {
  const auto* failure = base::exception_cast<OSError>(error);
  return failure != nullptr && is_unable_to_send_file(failure->error());
}

// False: the kernel cannot, and nothing was sent.
Coro<bool> send_natively(std::shared_ptr<PlainSocketState> socket, int file,
                         SendProgress& progress) {
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

Coro<> send_blocks(std::shared_ptr<PlainSocketState> socket, int file, SendProgress& progress) {
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
                       SendProgress& progress) {
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
  SendProgress progress{options.offset,
                        options.count.value_or(std::numeric_limits<std::size_t>::max())};
  Result<void> sent = co_await try_(send_either_way(socket, file, options.fallback, progress));
  // The file stands where the sending has stopped, whatever stopped it; a pipe stands nowhere.
  (void)co_await try_(FileWait(FileCall::Kind::seek, file, progress.offset, 0));
  if (!sent.ok()) co_await raise(sent.exception());
  co_return progress.sent;
}

}  // namespace asyncio::detail
