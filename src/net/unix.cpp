#include "asyncio/net/unix.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/task/future.hpp"

namespace asyncio::detail {
namespace {

SocketAddress unix_address(const std::string& path) {
  if (path.empty()) throw ValueError("the path of a Unix socket is empty");
  if (path.find('\0', 1) != std::string::npos && path.front() != '\0') {
    throw ValueError("embedded null character in the path of a Unix socket");
  }
  return SocketAddress::unix_path(path);
}

// Whether a process has a socket bound there. A datagram socket is refused for its type by one that
// streams, so the server does not notice that somebody asks.
bool is_dead(Backend& backend, const SocketAddress& address) noexcept {
  const int fd = backend.socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0) return false;
  const int answer = backend.connect(fd, address);
  backend.close(fd);
  return answer == -ECONNREFUSED;
}

// What stands in the way of bind() but belongs to nobody any more.
void remove_stale_socket(Backend& backend, const std::string& path, const SocketAddress& address) {
  FileIdentity found;
  if (path.front() == '\0' || backend.identify_file(path, found) < 0) return;
  if (found.is_socket && is_dead(backend, address)) backend.unlink(path);
}

Coro<StreamPair> connect_plain(SocketAddress address, std::size_t limit) {
  Scheduler& scheduler = running_scheduler();
  Backend& backend = scheduler.backend();
  const int fd = backend.socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) co_await raise(make_os_error(-fd, "socket"));
  StreamPair streams = make_streams(scheduler, fd, limit);
  // At once, or not at all: there is nothing to wait for.
  const int connected = backend.connect(fd, address);
  if (connected < 0) {
    streams.second.abort();
    co_await raise(make_os_error(-connected, "connect", address.to_string()));
  }
  streams.second.connection()->set_peer(address);
  co_return streams;
}

}  // namespace

SecureSetup secure_setup_of_client(const StreamOptions& options) {
  return SecureSetup(options.ssl, {.server_hostname = options.server_hostname,
                                   .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                   .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
}

std::exception_ptr find_mistake_without_host(const SecureSetup& secure) {
  if (secure.wanted() && secure.server_hostname().empty()) {
    return std::make_exception_ptr(ValueError("you have to pass server_hostname when using ssl"));
  }
  return secure.find_mistake();
}

Coro<StreamPair> connect_unix(std::string path, std::size_t limit, SecureSetup secure) {
  const SocketAddress address = unix_address(path);
  std::exception_ptr mistake = find_mistake_without_host(secure);
  if (mistake) co_await raise(mistake);
  Coro<StreamPair> connecting = connect_plain(address, limit);
  if (secure.wanted()) connecting = connect_secure(std::move(connecting), std::move(secure));
  co_return co_await pass(std::move(connecting));
}

Coro<Server> listen_unix(ConnectionCallback callback, std::string path, UnixServerOptions options,
                         SecureSetup secure) {
  std::exception_ptr mistake = secure.find_mistake();
  if (mistake) co_await raise(mistake);
  const SocketAddress address = unix_address(path);
  Scheduler& scheduler = running_scheduler();
  ServerOptions shared;
  shared.backlog = options.backlog;
  shared.limit = options.limit;
  const Ref<ServerState> state(
      new ServerState(scheduler, std::move(callback), shared, std::move(secure)));
  remove_stale_socket(scheduler.backend(), path, address);
  const char* operation = "";
  const int added = state->add_listener(address, operation);
  if (added < 0) co_await raise(make_os_error(-added, operation, address.to_string()));
  if (options.cleanup_socket) state->unlink_at_close();
  co_return co_await pass(begin_to_serve(state, options.start_serving));
}

}  // namespace asyncio::detail
