// TCP connections to a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/base/delay.hpp"
#include "asyncio/coro/coro.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/net/connect_filter.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio {

/// Options of open_connection.
struct ConnectOptions {
  int family = 0;                    ///< AF_INET or AF_INET6; 0: both
  std::string_view local_host = {};  ///< numeric address to connect from; empty: any. Copied.
  int local_port = 0;                ///< port to connect from; 0: any
  std::size_t limit = kStreamLimit;  ///< of the reader
  /// How long one address is waited for alone; then the next is tried beside it, and the first that
  /// answers wins (RFC 8305, which recommends 250 ms). None: the next is tried when one has failed.
  std::optional<Delay> happy_eyeballs_delay = std::nullopt;
  /// Lets the families take turns, after so many addresses of the first one; 0: in the resolver's
  /// order. By itself 1 with a happy_eyeballs_delay, and else 0.
  std::optional<int> interleave = std::nullopt;
  bool all_errors = false;  ///< a failure is an ExceptionGroup of what each address failed with
  ConnectFilter connect_filter = {};  ///< which addresses may be tried
  /// Speak TLS; copied. An ssl::SSLContext, of asyncio/ssl.hpp.
  const TlsContext* ssl = nullptr;
  /// Whom to ask for, and whose certificate to expect; empty: the host. Copied.
  std::string_view server_hostname = {};
  std::optional<Delay> ssl_handshake_timeout = {};  ///< 60 s unless given
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< 30 s unless given
};

namespace detail {

/// How to try several addresses.
struct RaceOptions {
  std::optional<Delay> delay = std::nullopt;
  int interleave = 0;
  bool all_errors = false;
  ConnectFilter filter = {};
};

Coro<StreamPair> connect_tcp(std::string host, int port, std::string local_host,
                             ConnectOptions options);
/// Tries them in order. What all of them failed with becomes one error.
Coro<StreamPair> connect_any(std::vector<SocketAddress> addresses, SocketAddress from,
                             std::size_t limit, RaceOptions options = {});

}  // namespace detail

/// Connects to the first address of `host` that answers; small writes go out at once (TCP_NODELAY).
/// Everything is closed again when it fails or is cancelled. Errors: GaiError; OSError's kin that
/// name the address, "connect 127.0.0.1:80: connection refused"; when several addresses fail in
/// different ways, one OSError that lists them, or with `all_errors` an ExceptionGroup; ValueError
/// for a port beyond 0-65535; with ssl what the handshake failed with, see StreamWriter::start_tls.
/// There is no time limit but the kernel's, and the handshake's own: use wait_for. As in Python,
/// addresses are tried one after the other unless there is a `happy_eyeballs_delay`.
/// Python: asyncio.open_connection.
[[nodiscard]] inline Coro<StreamPair> open_connection(std::string_view host, int port,
                                                      ConnectOptions options = {}) {
  detail::SecureSetup setup(std::exchange(options.ssl, nullptr),
                            {.server_hostname = std::exchange(options.server_hostname, {}),
                             .ssl_handshake_timeout = options.ssl_handshake_timeout,
                             .ssl_shutdown_timeout = options.ssl_shutdown_timeout});
  std::string local_host(std::exchange(options.local_host, {}));
  if (setup.find_mistake()) return detail::connect_secure({}, std::move(setup));
  Coro<StreamPair> connecting =
      detail::connect_tcp(std::string(host), port, std::move(local_host), options);
  if (!setup.wanted()) return connecting;
  setup.set_destination(host, port);
  return detail::connect_secure(std::move(connecting), std::move(setup));
}

/// The same to one given address.
[[nodiscard]] inline Coro<StreamPair> open_connection(const SocketAddress& address,
                                                      std::size_t limit = kStreamLimit) {
  return detail::connect_any(std::vector<SocketAddress>(1, address), SocketAddress(), limit);
}

}  // namespace asyncio
