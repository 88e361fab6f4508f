// Unix sockets: streams between processes of one machine, by a path.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/net/server.hpp"

namespace asyncio {

/// Options of a connection whose other end is no host and port.
struct StreamOptions {
  std::size_t limit = kStreamLimit;  ///< of the reader
  /// Speak TLS; copied. An ssl::SSLContext, of asyncio/ssl.hpp.
  const TlsContext* ssl = nullptr;
  /// Whose certificate to expect: needed with ssl. Copied.
  std::string_view server_hostname = {};
  std::optional<Delay> ssl_handshake_timeout = {};  ///< 60 s unless given
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< 30 s unless given
};

/// Options of start_unix_server.
struct UnixServerOptions {
  int backlog = 100;                 ///< connections that may wait to be accepted
  bool start_serving = true;         ///< false: begin with start_serving() or serve_forever()
  bool cleanup_socket = true;        ///< close() removes the socket's file, if it is still its own
  std::size_t limit = kStreamLimit;  ///< of the readers
  const TlsContext* ssl = nullptr;   ///< speak TLS, as in ServerOptions
  std::optional<Delay> ssl_handshake_timeout = {};  ///< 60 s unless given
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< 30 s unless given
};

namespace detail {

SecureSetup secure_setup_of_client(const StreamOptions& options);
/// What is wrong with it for a client that knows no host, or null.
std::exception_ptr find_mistake_without_host(const SecureSetup& secure);
Coro<StreamPair> connect_unix(std::string path, std::size_t limit, SecureSetup secure);
Coro<Server> listen_unix(ConnectionCallback callback, std::string path, UnixServerOptions options,
                         SecureSetup secure);

}  // namespace detail

/// Connects to the server at `path`; a path that begins with a NUL is a name in the abstract
/// namespace. Errors name the path: FileNotFoundError; ConnectionRefusedError when nobody listens
/// there; BlockingIOError when its queue is full; OSError for a path that is too long; ValueError
/// for one that is empty or has a NUL in it. Python: asyncio.open_unix_connection.
[[nodiscard]] inline Coro<StreamPair> open_unix_connection(std::string_view path,
                                                           const StreamOptions& options = {}) {
  return detail::connect_unix(std::string(path), options.limit,
                              detail::secure_setup_of_client(options));
}

/// As start_server, at a path. A socket file that a dead server has left there is replaced; one of
/// a server that lives is "address already in use" (Python takes it away). Closing removes the
/// file, unless somebody else has put another in its place by then. Errors name the path. Python:
/// asyncio.start_unix_server.
template <class F>
[[nodiscard]] Coro<Server> start_unix_server(F&& callback, std::string_view path,
                                             UnixServerOptions options = {}) {
  static_assert(detail::kSafeInPlace<F>,
                "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give "
                "it a name, and pass that");
  return detail::listen_unix(detail::make_connection_callback(std::forward<F>(callback)),
                             std::string(path), options, detail::secure_setup_of(options));
}

}  // namespace asyncio
