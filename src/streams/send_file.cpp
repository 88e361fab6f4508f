// loop.sendfile: the kernel copies from the file into the socket, or, where it cannot (TLS, odd
// files), a thread reads and the connection writes.
#include "asyncio/streams/send_file.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <vector>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "io/sendfile_parts.hpp"
#include "streams/stream_transport.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kBlock = 256 * 1024;
// What one call takes; Linux sends no more at once anyway.
constexpr std::size_t kMostAtOnce = 0x7ffff000;

// No write() may come between, whatever way this ends.
class SendingFile {
 public:
  explicit SendingFile(Connection& connection) noexcept : connection_(&connection) {
    connection.set_sending_file(true);
  }
  SendingFile(const SendingFile&) = delete;
  SendingFile& operator=(const SendingFile&) = delete;
  ~SendingFile() { connection_->set_sending_file(false); }

 private:
  Connection* connection_;
};

std::exception_ptr find_mistake(const Connection& connection, const SendfileOptions& options) {
  if (connection.is_closing()) {
    return std::make_exception_ptr(RuntimeError("Transport is closing"));
  }
  if (connection.sending_file()) {
    return std::make_exception_ptr(RuntimeError("sendfile is in progress already"));
  }
  if (options.count == 0U) {
    return std::make_exception_ptr(ValueError("count must be a positive integer (got 0)"));
  }
  if (options.offset < 0) {
    return std::make_exception_ptr(ValueError("offset must be a non-negative integer (got " +
                                              std::to_string(options.offset) + ")"));
  }
  return nullptr;
}

std::exception_ptr closed_error(Connection& connection) {
  if (connection.error()) return connection.error();
  return std::make_exception_ptr(
      ConnectionResetError(ECONNRESET, "sendfile", "the connection was closed meanwhile"));
}

// False: the kernel cannot, and nothing was sent.
Coro<bool> send_natively(Connection& connection, int file, SendProgress& progress) {
  while (progress.left > 0) {
    const std::size_t wanted = std::min(progress.left, kMostAtOnce);
    if (connection.is_closing()) co_await raise(closed_error(connection));
    const std::ptrdiff_t count = connection.try_send_file(file, progress.offset, wanted);
    if (count == -EAGAIN) {
      co_await pass(connection.wait_writable());
      continue;
    }
    if (count < 0 && is_unable_to_send_file(static_cast<int>(-count)) && progress.sent == 0)
      co_return false;
    if (count < 0) co_await raise(make_os_error(static_cast<int>(-count), "sendfile"));
    if (count == 0) break;
    progress.add(static_cast<std::size_t>(count));
  }
  co_return true;
}

Coro<> send_blocks(Connection& connection, int file, SendProgress& progress) {
  while (progress.left > 0) {
    const std::size_t wanted = std::min(progress.left, kBlock);
    const std::vector<std::byte> block =
        co_await pass(FileWait(FileCall::Kind::read, file, progress.offset, wanted));
    if (block.empty()) break;
    if (connection.is_closing()) co_await raise(closed_error(connection));
    connection.write_block(block);
    progress.add(block.size());
    co_await pass(Drain(connection));
  }
}

Coro<> send_either_way(Connection& connection, int file, bool fallback, SendProgress& progress) {
  co_await pass(Drain(connection, Drain::Until::empty));
  bool done = false;
  if (connection.ssl_object() == nullptr) {
    done = co_await pass(send_natively(connection, file, progress));
  }
  if (done) co_return;
  if (!fallback) {
    co_await raise<SendfileNotAvailableError>("the kernel cannot send file descriptor " +
                                              std::to_string(file) + " to this connection");
  }
  co_await pass(send_blocks(connection, file, progress));
}

}  // namespace

Coro<std::size_t> send_file(Ref<Connection> connection, int file, SendfileOptions options) {
  std::exception_ptr mistake = find_mistake(*connection, options);
  if (mistake) co_await raise(mistake);
  const SendingFile sending(*connection);
  SendProgress progress{options.offset,
                        options.count.value_or(std::numeric_limits<std::size_t>::max())};
  Result<void> sent = co_await try_(send_either_way(*connection, file, options.fallback, progress));
  // The file stands where the sending has stopped, whatever stopped it; a pipe stands nowhere.
  (void)co_await try_(FileWait(FileCall::Kind::seek, file, progress.offset, 0));
  if (!sent.ok()) co_await raise(sent.exception());
  co_return progress.sent;
}

Coro<std::size_t> send_file(Transport transport, int file, SendfileOptions options) {
  auto& state = static_cast<StreamTransport&>(*transport.state());
  const bool was_reading = state.is_reading();
  state.pause_reading();
  Result<std::size_t> sent = co_await try_(send_file(state.writer().connection(), file, options));
  if (was_reading) state.resume_reading();
  if (!sent.ok()) co_await raise(sent.exception());
  co_return std::move(sent).value();
}

}  // namespace asyncio::detail
