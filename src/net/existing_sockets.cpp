#include "asyncio/net/existing_sockets.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/io/sock_calls.hpp"
#include "asyncio/task/future.hpp"
#include "net/sock_connect.hpp"

namespace asyncio::detail {
namespace {

void check_stream_socket(const PlainSocket& sock) {
  const int type = sock.getsockopt(SOL_SOCKET, SO_TYPE);
  if (type != SOCK_STREAM) {
    throw ValueError("A Stream Socket was expected, got " + sock.repr());
  }
}

Coro<StreamPair> take_over(PlainSocket sock, std::size_t limit) {
  Scheduler& scheduler = *sock.state()->scheduler;
  co_return make_streams(scheduler, sock.detach(), limit);
}

}  // namespace

Coro<StreamPair> streams_over(PlainSocket sock, std::size_t limit, SecureSetup secure) {
  check_stream_socket(sock);
  std::exception_ptr mistake = find_mistake_without_host(secure);
  if (mistake) co_await raise(mistake);
  sock.setblocking(false);
  Coro<StreamPair> connected = take_over(std::move(sock), limit);
  if (secure.wanted()) connected = connect_secure(std::move(connected), std::move(secure));
  co_return co_await pass(std::move(connected));
}

Coro<Server> listen_on(ConnectionCallback callback, PlainSocket sock, ServerOptions options,
                       SecureSetup secure) {
  std::exception_ptr mistake = secure.find_mistake();
  if (mistake) co_await raise(mistake);
  check_stream_socket(sock);
  sock.setblocking(false);
  const Ref<ServerState> state(
      new ServerState(*sock.state()->scheduler, std::move(callback), options, std::move(secure)));
  state->adopt_listener(sock.detach());
  co_return co_await pass(begin_to_serve(state, options.start_serving));
}

Coro<> connect_by_name(std::shared_ptr<PlainSocketState> socket, std::string host, int port) {
  if (!socket || socket->fd < 0) co_await raise(make_os_error(EBADF, "connect"));
  SocketAddress own;
  socket->backend->local_address(socket->fd, own);
  ResolveOptions how;
  how.family = own.family();
  const std::vector<SocketAddress> found = co_await pass(getaddrinfo(host, port, how));
  co_await pass(SockConnect(std::move(socket), found.front()));
}

}  // namespace asyncio::detail
