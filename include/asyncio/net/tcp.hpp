// TCP connections to a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/loop/socket_address.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"

namespace asyncio {

/// Options of open_connection.
struct ConnectOptions {
  int family = 0;                    ///< AF_INET or AF_INET6; 0: both
  std::string_view local_host = {};  ///< numeric address to connect from; empty: any. Copied.
  int local_port = 0;                ///< port to connect from; 0: any
  std::size_t limit = kStreamLimit;  ///< of the reader
};

namespace detail {

Coro<StreamPair> connect_tcp(std::string host, int port, int family, std::string local_host,
                             int local_port, std::size_t limit);
/// Tries them in order. What all of them failed with becomes one error.
Coro<StreamPair> connect_any(std::vector<SocketAddress> addresses, SocketAddress from,
                             std::size_t limit);

}  // namespace detail

/// Connects to the first address of `host` that answers; small writes go out at once (TCP_NODELAY).
/// Everything is closed again when it fails or is cancelled. Errors: GaiError; OSError's kin that
/// name the address, "connect 127.0.0.1:80: connection refused"; when several addresses fail in
/// different ways, one OSError that lists them; ValueError for a port beyond 0-65535. There is no
/// time limit but the kernel's: use wait_for. Python: asyncio.open_connection.
[[nodiscard]] inline Coro<StreamPair> open_connection(std::string_view host, int port,
                                                      ConnectOptions options = {}) {
  return detail::connect_tcp(std::string(host), port, options.family,
                             std::string(options.local_host), options.local_port, options.limit);
}

/// The same to one given address.
[[nodiscard]] inline Coro<StreamPair> open_connection(const SocketAddress& address,
                                                      std::size_t limit = kStreamLimit) {
  return detail::connect_any(std::vector<SocketAddress>(1, address), SocketAddress(), limit);
}

}  // namespace asyncio
