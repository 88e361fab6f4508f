// ClientRequest: what session.get(url) returns; co_await sends it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asyncio/coro/coro.hpp"
#include "asyncio/http/client_options.hpp"
#include "asyncio/http/client_response.hpp"
#include "asyncio/http/headers.hpp"

namespace asyncio::http {

namespace detail {

struct SessionState;

/// A request as it was asked for.
struct RequestSpec {
  std::string method;
  std::string url;
  Headers headers;
  std::string body;
  std::optional<ClientTimeout> timeout;
  std::optional<std::size_t> max_redirects;
  std::optional<bool> auto_decompress;
  std::optional<bool> raise_for_status;
  std::shared_ptr<const TlsContext> ssl;
  std::string server_hostname;
  bool allow_redirects = true;
  bool has_body = false;
};

}  // namespace detail

/// A request to be: methods add to it, `co_await` sends it and gives the response when its head is
/// there. Nothing is sent, and nothing checked but header fields, before that.
///
///   auto response = co_await session.get(url).timeout(60s).header("Accept", "text/html");
///
/// "http://user:password@host/" becomes an Authorization field, which no other origin is sent.
/// When other requests wait for a connection, bodies that nobody reads yet are read ahead, up to
/// 128 KB each, so that a program may collect more responses than there are connections.
///
/// Errors of the await: InvalidURL; ValueError for credentials given twice; ClientConnectorError,
/// with https also ClientConnectorCertificateError and ClientConnectorSSLError;
/// ServerDisconnectedError; TimeoutError; TooManyRedirects; HttpProcessingError for an answer that
/// is not HTTP; ClientResponseError with raise_for_status. Each names method and URL. Cancelling
/// closes the connection.
class [[nodiscard("a request is sent when it is awaited: co_await it")]] ClientRequest {
 public:
  ClientRequest(std::shared_ptr<detail::SessionState> session, std::string_view method,
                std::string_view url);

  /// Adds a field. ValueError when name or value may not stand in a message.
  ClientRequest& header(std::string_view name, std::string_view value) &;
  ClientRequest&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  /// For the whole request, from its connection slot to the end of the body.
  ClientRequest& timeout(Delay total) &;
  ClientRequest&& timeout(Delay total) && { return std::move(timeout(total)); }
  ClientRequest& timeout(const ClientTimeout& limits) &;
  ClientRequest&& timeout(const ClientTimeout& limits) && { return std::move(timeout(limits)); }
  /// The body. Python: data=.
  ClientRequest& data(std::string body) &;
  ClientRequest&& data(std::string body) && { return std::move(data(std::move(body))); }
  /// False: a redirect is the answer. Python: allow_redirects=.
  ClientRequest& allow_redirects(bool follow) &;
  ClientRequest&& allow_redirects(bool follow) && { return std::move(allow_redirects(follow)); }
  /// More are TooManyRedirects. Python: max_redirects=.
  ClientRequest& max_redirects(std::size_t most) &;
  ClientRequest&& max_redirects(std::size_t most) && { return std::move(max_redirects(most)); }
  /// False: the body as it was sent. Python: auto_decompress of the session.
  ClientRequest& auto_decompress(bool decompress) &;
  ClientRequest&& auto_decompress(bool decompress) && {
    return std::move(auto_decompress(decompress));
  }
  /// A status of 400 or more is ClientResponseError. Python: raise_for_status=.
  ClientRequest& raise_for_status(bool raise = true) &;
  ClientRequest&& raise_for_status(bool raise = true) && {
    return std::move(raise_for_status(raise));
  }

  /// For https: this instead of the session's context. Only connections that were made with the
  /// same one are used. Python: ssl=.
  ClientRequest& ssl(const TlsContext& context) &;
  ClientRequest&& ssl(const TlsContext& context) && { return std::move(ssl(context)); }
  /// For https: whom to ask for, and whose certificate to expect, instead of the URL's host; for
  /// redirects to other origins it does not count. Python: server_hostname=.
  ClientRequest& server_hostname(std::string_view name) &;
  ClientRequest&& server_hostname(std::string_view name) && {
    return std::move(server_hostname(name));
  }

  asyncio::detail::CoroAwaiter<ClientResponse> operator co_await() &&;
  asyncio::detail::CoroAwaiter<ClientResponse> operator co_await() &;
  // NOLINTNEXTLINE(google-explicit-constructor): goes wherever a coroutine does
  operator Coro<ClientResponse>() &&;

 private:
  std::shared_ptr<detail::SessionState> session_;
  std::unique_ptr<detail::RequestSpec> spec_;
};

}  // namespace asyncio::http
