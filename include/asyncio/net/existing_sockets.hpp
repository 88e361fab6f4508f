// Streams and servers on sockets that the program has made itself.
#pragma once

#include <cstddef>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/io/plain_socket.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/unix.hpp"

namespace asyncio {
namespace detail {

Coro<StreamPair> streams_over(PlainSocket sock, std::size_t limit, SecureSetup secure);
Coro<Server> listen_on(ConnectionCallback callback, PlainSocket sock, ServerOptions options,
                       SecureSetup secure);

}  // namespace detail

/// Streams over a connected stream socket, TCP or Unix, which they take over: `sock` is closed when
/// this returns. ValueError for another type of socket. Python: open_connection(sock=sock),
/// open_unix_connection(sock=sock).
[[nodiscard]] inline Coro<StreamPair> open_connection(PlainSocket&& sock,
                                                      const StreamOptions& options = {}) {
  return detail::streams_over(std::move(sock), options.limit,
                              detail::secure_setup_of_client(options));
}

/// A server on a stream socket that is bound already, which it takes over. The options that concern
/// binding do nothing here. Python: start_server(callback, sock=sock), start_unix_server(callback,
/// sock=sock).
template <class F>
[[nodiscard]] Coro<Server> start_server(F&& callback, PlainSocket&& sock,
                                        ServerOptions options = {}) {
  static_assert(detail::kSafeInPlace<F>,
                "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give "
                "it a name, and pass that");
  return detail::listen_on(detail::make_connection_callback(std::forward<F>(callback)),
                           std::move(sock), options, detail::secure_setup_of(options));
}

}  // namespace asyncio
