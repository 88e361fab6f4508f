#include "asyncio/net/transports.hpp"

#include <sys/socket.h>

#include "asyncio/base/error.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {
namespace {

// Null when `fd` can be the socket of a transport.
std::exception_ptr refusal_of(Backend& backend, int fd) {
  int type = 0;
  const int asked = backend.get_option(fd, SOL_SOCKET, SO_TYPE, type);
  if (asked == -EBADF) return make_os_error(EBADF, "sock", std::to_string(fd));
  // A world that cannot tell (-ENOSYS) has no others.
  if (asked != -ENOSYS && (asked < 0 || type != SOCK_STREAM)) {
    return std::make_exception_ptr(
        ValueError("A Stream Socket was expected, got descriptor " + std::to_string(fd)));
  }
  const int changed = backend.set_blocking(fd, false);
  if (changed < 0 && changed != -ENOSYS) return make_os_error(-changed, "set_blocking");
  return nullptr;
}

}  // namespace

Coro<StreamPair> adopt_connected(int sock) {
  Scheduler& scheduler = running_scheduler();
  if (std::exception_ptr refused = refusal_of(scheduler.backend(), sock)) {
    if (sock >= 0) scheduler.backend().close(sock);
    co_await raise(refused);
  }
  StreamPair streams = make_streams(scheduler, sock);
  (void)streams.second.peername();  // for messages: a connection that has failed cannot tell
  co_return streams;
}

Coro<Server> serve_protocols(ConnectionCallback callback, std::string_view host, int port,
                             const ServerOptions& options) {
  return listen_tcp(std::move(callback), std::vector<std::string>(1, std::string(host)), port,
                    options, secure_setup_of(options));
}

void refuse_connection(StreamWriter& writer) noexcept {
  writer.connection()->scheduler().report_caught(
      "Error on transport creation for incoming connection");
  writer.abort();
}

}  // namespace asyncio::detail
