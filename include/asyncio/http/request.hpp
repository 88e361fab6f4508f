// Request: what a handler of our server is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/http/headers.hpp"
#include "asyncio/http/message.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio {
class SSLObject;
}

namespace asyncio::http {

namespace detail {
class ServerConnection;
}

/// A request whose head has arrived; the body may still be on its way. Lives as long as its
/// handler runs. Python: aiohttp.web.Request.
class Request {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  Request(RequestHead head, detail::ServerConnection& connection);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /// "GET", as it was sent.
  [[nodiscard]] const std::string& method() const noexcept { return head_.method; }
  /// The path with escapes decoded, "/a b" for "/a%20b?x=1". An escaped slash is a slash.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// As it was sent: "/a%20b?x=1". Python: raw_path.
  [[nodiscard]] const std::string& raw_path() const noexcept { return head_.target; }
  /// "x=1&y" of the target, without "?". Python: query_string (decoded there).
  [[nodiscard]] std::string_view query_string() const noexcept;
  /// The first value of a name in the query, decoded; nullopt when it is not there.
  /// Python: request.query.get.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  /// "name:port" that the client asked for: of the target when that is a whole URL, else of the
  /// Host field; empty for an HTTP/1.0 client that does not say. Python: request.host.
  [[nodiscard]] std::string_view host() const noexcept;
  [[nodiscard]] const Headers& headers() const noexcept { return head_.headers; }
  [[nodiscard]] HttpVersion version() const noexcept { return head_.version; }
  /// What `{name}` of the route matched; "" for a name that the route does not have.
  /// Python: request.match_info.
  [[nodiscard]] const std::string& match_info(std::string_view name) const noexcept;
  /// The peer's address. Python: request.remote (without the port).
  [[nodiscard]] SocketAddress remote() const;
  /// Came over TLS. Python: request.secure.
  [[nodiscard]] bool secure() const noexcept { return ssl_object() != nullptr; }
  /// "https" or "http". Python: request.scheme.
  [[nodiscard]] std::string_view scheme() const noexcept { return secure() ? "https" : "http"; }
  /// What TLS has agreed on, with the client's certificate where one was asked for; null for http.
  /// Python: request.transport.get_extra_info('ssl_object').
  [[nodiscard]] const SSLObject* ssl_object() const noexcept;
  /// Whether there is a body that was not read to its end. Python: can_read_body.
  [[nodiscard]] bool can_read_body() const noexcept;

  /// The whole body. Errors: HTTPException 413 above client_max_size, 408 when it does not come in
  /// time, 400 when it is broken; unless caught they are the answer. Python: read.
  [[nodiscard]] Coro<std::string> read();

  // For the router.
  void set_match(Pairs match) { match_ = std::move(match); }
  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }

 private:
  RequestHead head_;
  std::string path_;
  Pairs match_;
  detail::ServerConnection* connection_;
};

}  // namespace asyncio::http
