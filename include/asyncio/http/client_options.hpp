// Settings of the client, as aggregates: `ClientSession session({.limit = 20});`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "asyncio/base/delay.hpp"
#include "asyncio/net/connect_filter.hpp"

namespace asyncio {
class TlsContext;
}

namespace asyncio::http {

/// Time limits of one request; nullopt: none. Python: aiohttp.ClientTimeout.
///
/// `total` begins when the request has its connection slot, not while it queues for one: with 500
/// requests over 100 connections the last must not fail because it waited its turn (in aiohttp it
/// does). `connect` does count the queue.
struct ClientTimeout {
  std::optional<Delay> total = Delay(std::chrono::minutes(5));  ///< until the body is read
  std::optional<Delay> connect = std::nullopt;  ///< queueing for a slot and connecting
  std::optional<Delay> sock_connect = Delay(std::chrono::seconds(30));  ///< look-up and connect
  std::optional<Delay> sock_read = std::nullopt;  ///< between two pieces from the peer
};

/// Settings of a ClientSession. Texts are copied.
struct ClientSessionOptions {
  std::size_t limit = 100;         ///< connections at once, idle ones too; 0: no limit
  std::size_t limit_per_host = 0;  ///< the same for one host and port; 0: no limit
  Delay keepalive_timeout = Delay(std::chrono::seconds(15));  ///< an idle connection's life
  ClientTimeout timeout = {};  ///< of each request, unless it has its own
  std::size_t max_redirects = 10;
  bool auto_decompress = true;    ///< offer gzip and deflate, and undo them
  bool raise_for_status = false;  ///< a status of 400 or more is ClientResponseError
  std::optional<std::uint64_t> max_body_bytes = std::nullopt;  ///< of one response, decoded
  std::string_view base_url = {};                   ///< what relative URLs are resolved against
  std::string_view user_agent = "asyncio-cpp/0.1";  ///< empty: none is sent
  /// For https, an ssl::SSLContext; null: ssl::create_default_context(), which trusts what the
  /// system trusts. Copied. Python: TCPConnector(ssl=...).
  const TlsContext* ssl = nullptr;
  /// Which addresses may be connected to, whatever host a URL or a redirect names; an object must
  /// outlive the session. Refused is ClientConnectorError. Python:
  /// TCPConnector(socket_factory=...), which may raise.
  ConnectFilter connect_filter = {};
};

}  // namespace asyncio::http
