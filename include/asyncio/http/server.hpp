// The HTTP server: an Application at an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/http/application.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio {
class TlsContext;
}

namespace asyncio::http {

namespace detail {
class ServerCore;
}

/// Limits of a server. A peer that keeps to none of them costs a connection and at most the buffers
/// named here. Python: the arguments of aiohttp.web.run_app and Application.
struct ServerOptions {
  int backlog = 128;                                          ///< connections not accepted yet
  bool reuse_port = false;                                    ///< SO_REUSEPORT
  std::size_t max_head_bytes = 32 * 1024;                     ///< 431 above it
  std::size_t client_max_size = 1024 * 1024;                  ///< of a body that read() takes; 413
  Delay header_timeout = Delay(std::chrono::seconds(10));     ///< for a whole head; 408
  Delay body_timeout = Delay(std::chrono::seconds(30));       ///< between pieces of a body, and for
                                                              ///< all of it at 256 bytes/s; 408
  Delay write_timeout = Delay(std::chrono::seconds(30));      ///< for a peer that does not read
  Delay keepalive_timeout = Delay(std::chrono::seconds(75));  ///< between two requests
  /// Serve https with it, an ssl::SSLContext; null: http. Copied. Python: ssl_context=.
  const TlsContext* ssl = nullptr;
  Delay ssl_handshake_timeout = Delay(std::chrono::seconds(60));  ///< for the whole of it
  Delay ssl_shutdown_timeout = Delay(std::chrono::seconds(30));   ///< for the peer's good-bye
  std::string_view server_name = "asyncio-cpp";  ///< the Server field; empty: none. Copied
};

/// What an access log is told of each answer.
struct AccessEntry {
  const Request& request;
  int status;
  std::uint64_t body_bytes;
  Nanoseconds duration;
};
using AccessLog = std::function<void(const AccessEntry&)>;

/// A running server, as a handle; when the last handle goes it stops listening. Loop thread only.
/// Python: aiohttp.web.AppRunner with a TCPSite.
class [[nodiscard("a server that nobody holds is closed at once")]] Server {
 public:
  explicit Server(std::shared_ptr<detail::ServerCore> core) noexcept;

  /// Where it listens, with the real port where 0 was asked for.
  [[nodiscard]] std::vector<SocketAddress> sockets() const;
  [[nodiscard]] std::uint16_t port() const;
  /// Called after each answer; null for none.
  void set_access_log(AccessLog log);
  /// Until the task is cancelled or shutdown() is called elsewhere. A cancellation does not shut
  /// down: call shutdown() then.
  [[nodiscard]] Coro<> serve_forever();
  /// Stops accepting and closes idle connections at once; requests under way may finish within
  /// `grace`, then their handlers are cancelled. Python: AppRunner.cleanup, shutdown_timeout.
  [[nodiscard]] Coro<> shutdown(Delay grace = Delay(std::chrono::seconds(60)));

 private:
  std::shared_ptr<detail::ServerCore> core_;
};

/// Listens on `host` and `port` (0: any free one) and serves `app`. Errors: OSError's kin with the
/// address, "bind 127.0.0.1:80: permission denied".
[[nodiscard]] Coro<Server> start_server(std::shared_ptr<const Application> app,
                                        std::string_view host, int port,
                                        ServerOptions options = {});
/// The same with an application that moves in.
[[nodiscard]] Coro<Server> start_server(Application app, std::string_view host, int port,
                                        ServerOptions options = {});

}  // namespace asyncio::http
