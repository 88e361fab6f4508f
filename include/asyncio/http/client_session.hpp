// ClientSession: many requests over few connections.
#pragma once

#include <memory>
#include <string_view>

#include "asyncio/http/client_options.hpp"
#include "asyncio/http/client_request.hpp"

namespace asyncio::http {

/// Keeps connections open between requests and bounds how many there are. Belongs to the loop that
/// runs at its first request. When it goes, idle connections are closed; requests under way end by
/// themselves. A request on a kept connection that the server had closed is sent again once, when
/// its method is idempotent. Python: aiohttp.ClientSession.
///
///   asyncio::http::ClientSession session;
///   auto response = co_await session.get("http://127.0.0.1:8000/");
///   response.raise_for_status();
///   std::string body = co_await response.text();
class ClientSession {
 public:
  /// ValueError when options.base_url or user_agent is not valid.
  explicit ClientSession(ClientSessionOptions options = {});
  ClientSession(ClientSession&&) noexcept = default;
  ClientSession& operator=(ClientSession&&) noexcept = default;
  ~ClientSession();

  /// A request of that method, which is sent when it is awaited. Python: session.get, session.head
  /// and so on.
  [[nodiscard]] ClientRequest get(std::string_view url) { return request("GET", url); }
  [[nodiscard]] ClientRequest head(std::string_view url);
  [[nodiscard]] ClientRequest post(std::string_view url) { return request("POST", url); }
  [[nodiscard]] ClientRequest put(std::string_view url) { return request("PUT", url); }
  [[nodiscard]] ClientRequest patch(std::string_view url) { return request("PATCH", url); }
  // `delete` is a keyword of C++. Python: session.delete.
  [[nodiscard]] ClientRequest delete_(std::string_view url) { return request("DELETE", url); }
  [[nodiscard]] ClientRequest options(std::string_view url) { return request("OPTIONS", url); }
  /// Any method. Python: session.request.
  [[nodiscard]] ClientRequest request(std::string_view method, std::string_view url);

  /// A field of every request that does not have its own. ValueError as Headers::add.
  void header(std::string_view name, std::string_view value);

  /// Closes the idle connections; later requests are RuntimeError. Python: close (a coroutine
  /// there).
  void close() noexcept;
  /// Whether close() was called. Python: session.closed.
  [[nodiscard]] bool closed() const noexcept;

  /// Connections in use, and idle ones.
  [[nodiscard]] std::size_t connections_in_use() const noexcept;
  [[nodiscard]] std::size_t connections_idle() const noexcept;

 private:
  std::shared_ptr<detail::SessionState> state_;
};

}  // namespace asyncio::http
