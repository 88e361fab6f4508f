// What a ClientSession is inside; its requests and responses keep it alive.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "asyncio/http/client_options.hpp"
#include "asyncio/http/client_request.hpp"
#include "asyncio/http/headers.hpp"
#include "asyncio/http/url.hpp"
#include "http/connection_pool.hpp"
#include "http/tls_contexts.hpp"

namespace asyncio::http::detail {

struct SessionState {
  explicit SessionState(const ClientSessionOptions& from);

  /// The pool of the running loop, made at the first request. RuntimeError when the session is
  /// closed or belongs to another loop.
  std::shared_ptr<ConnectionPool> pool();

  /// What every request has besides its own fields: `defaults`, Accept and Accept-Encoding.
  void add_usual_fields(Headers& headers, bool decompress) const;
  /// The same as lines, for a request without fields of its own, which most are; empty when they
  /// say something about framing or Host. Good until header() is called.
  std::string_view usual_lines(bool decompress);
  void set_default(std::string_view name, std::string_view value);

  /// Of an absolute URL, or one relative to base_url. The last one is remembered: many programs ask
  /// for the same again and again. Errors: as Url::parse.
  const Url& parse(const std::string& text);

  ClientSessionOptions options;  // its texts are empty: see below
  Headers defaults;              // User-Agent and what header() added
  std::optional<Url> base_url;
  std::string last_text;  // of last_url, as it was given
  std::optional<Url> last_url;
  std::array<std::optional<std::string>, 2> usual;  // lines, without and with Accept-Encoding
  std::shared_ptr<ConnectionPool> connections;
  TlsContexts tls;
  bool closed = false;
};

/// Sends the request, follows redirects, gives the response when its head is there.
Coro<ClientResponse> perform(std::shared_ptr<SessionState> session, RequestSpec spec);

}  // namespace asyncio::http::detail
