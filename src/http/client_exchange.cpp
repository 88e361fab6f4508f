// From a request to the head of its response: URL, slot, connection, redirects, one replay.
#include <algorithm>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/net/resolver.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/task/timeouts.hpp"
#include "asyncio/tls/errors.hpp"
#include "http/base64.hpp"
#include "http/decoder.hpp"
#include "http/http1_writer.hpp"
#include "http/response_state.hpp"
#include "http/session_state.hpp"

namespace asyncio::http::detail {
namespace {

/// One hop: the same request, at one URL.
struct Hop {
  SessionState& session;
  ConnectionPool& pool;
  RequestSpec& spec;
  const ClientTimeout& timeout;
  bool decompress;
  bool usual;           // no field but the usual ones, which are not in `spec`
  std::size_t tls = 0;  // number of the TLS context

  /// For a redirect, which may take some away.
  void spell_out_fields() {
    if (usual) session.add_usual_fields(spec.headers, decompress);
    usual = false;
  }
};

std::string request_head(const Hop& hop, const Url& url) {
  const RequestSpec& spec = hop.spec;
  const BodyLength body = spec.has_body ? BodyLength::known(spec.body.size()) : BodyLength::none();
  std::string head;
  append_request_head(head, spec.method, url.request_target(), url.host_port(), spec.headers, body,
                      hop.usual ? hop.session.usual_lines(hop.decompress) : std::string_view());
  return head;
}

/// What connections must have in common to be used for one another's requests.
class PoolKey {
 public:
  PoolKey(const Hop& hop, const Url& url) : view_(origin_of(url)) {
    if (!url.is_https() || (hop.tls == 0 && hop.spec.server_hostname.empty())) return;
    own_ = std::string(view_) + " #" + std::to_string(hop.tls) + " " + hop.spec.server_hostname;
    view_ = own_;
  }
  PoolKey(const PoolKey&) = delete;
  PoolKey& operator=(const PoolKey&) = delete;

  [[nodiscard]] std::string_view view() const noexcept { return view_; }

 private:
  /// Of a URL without userinfo, which all that are sent to are.
  static std::string_view origin_of(const Url& url) {
    const std::string_view authority = url.host_port();
    const char* begin = url.to_string().data();
    return {begin, static_cast<std::size_t>(authority.data() + authority.size() - begin)};
  }

  std::string_view view_;
  std::string own_;
};

std::exception_ptr connector_error(const std::exception_ptr& error, const std::string& what,
                                   const Url& url) {
  try {
    std::rethrow_exception(error);
  } catch (const ssl::SSLCertVerificationError& e) {
    return std::make_exception_ptr(
        ClientConnectorCertificateError(url.host(), url.port(), e.error(), what + ": " + e.what()));
  } catch (const ssl::SSLError& e) {
    return std::make_exception_ptr(
        ClientConnectorSSLError(url.host(), url.port(), e.error(), what + ": " + e.what()));
  } catch (const GaiError& e) {
    return std::make_exception_ptr(
        ClientConnectorDNSError(url.host(), url.port(), e.error(), what + ": " + e.what()));
  } catch (const OSError& e) {
    return std::make_exception_ptr(
        ClientConnectorError(url.host(), url.port(), e.error(), what + ": " + e.what()));
  } catch (...) {
    return error;
  }
}

Coro<StreamPair> open_streams(const Hop& hop, const Url& url) {
  std::vector<SocketAddress> addresses = co_await pass(getaddrinfo(url.host(), url.port()));
  // As aiohttp: a family without a way to the host costs a quarter of a second, not a timeout.
  asyncio::detail::RaceOptions race;
  race.delay = std::chrono::milliseconds(250);
  race.interleave = 1;
  race.filter = hop.session.options.connect_filter;
  co_return co_await pass(
      asyncio::detail::connect_any(std::move(addresses), SocketAddress(), kStreamLimit, race));
}

/// With TLS where the URL says so.
Coro<StreamPair> open_securely(const Hop& hop, const Url& url) {
  if (!url.is_https()) return open_streams(hop, url);
  const std::string_view name = hop.spec.server_hostname;
  StartTlsOptions options;
  options.server_hostname = name.empty() ? url.host() : name;
  asyncio::detail::SecureSetup setup(&hop.session.tls.at(hop.tls), options);
  setup.set_destination(url.host(), url.port());
  return asyncio::detail::connect_secure(open_streams(hop, url), std::move(setup));
}

Coro<std::unique_ptr<ClientConnection>> connect(const Hop& hop, const Url& url) {
  const std::string what = describe_request(hop.spec.method, url);
  const auto limit = hop.timeout.sock_connect;
  auto streams = co_await try_(wait_for(open_securely(hop, url), limit));
  if (!streams.ok()) {
    // The kernel's own ETIMEDOUT has a subject and stays what it is.
    const bool late = limit && is_deadline(streams.exception());
    if (late) {
      co_await raise<ConnectionTimeoutError>(what + ": connect " + std::string(url.host_port()) +
                                             ": no connection for " + seconds_text(*limit) +
                                             " (sock_connect)");
    }
    co_await raise(connector_error(streams.exception(), what, url));
  }
  co_return std::make_unique<ClientConnection>(std::move(streams).value(), client_limits());
}

/// From now on: the time in the queue does not count.
void start_total(const Hop& hop, ResponseState& response) {
  if (response.deadline.total || !hop.timeout.total) return;
  response.deadline.total =
      base::saturating_add(hop.pool.scheduler()->time(), hop.timeout.total->value());
}

/// The usual case: a slot is free, and an idle connection came with it. False, perhaps with the
/// slot: there is something to wait for.
bool acquire_at_once(const Hop& hop, ResponseState& response) {
  if (!response.slot) response.slot = hop.pool.try_acquire(PoolKey(hop, response.url).view());
  if (!response.slot) return false;
  start_total(hop, response);
  response.connection = response.slot.take_idle();
  return response.connection != nullptr;
}

/// A slot, and a connection in it: an idle one unless `fresh`.
Coro<> acquire(const Hop& hop, ResponseState& response, bool fresh) {
  using Connecting = Coro<std::unique_ptr<ClientConnection>>;
  if (!response.slot) {
    const PoolKey key(hop, response.url);
    response.slot = co_await pass(hop.pool.acquire(key.view()));
  }
  start_total(hop, response);
  if (!fresh) response.connection = response.slot.take_idle();
  if (!response.connection) {
    response.connection = co_await pass(asyncio::detail::WaitForAwaiter<Connecting>(
        connect(hop, response.url), response.deadline.total));
  }
}

Coro<> acquire_in_time(const Hop& hop, ResponseState& response, bool fresh) {
  if (!hop.timeout.connect) {
    co_await pass(acquire(hop, response, fresh));
    co_return;
  }
  const Nanoseconds until =
      base::saturating_add(hop.pool.scheduler()->time(), hop.timeout.connect->value());
  Result<void> result =
      co_await try_(asyncio::detail::WaitForAwaiter<Coro<>>(acquire(hop, response, fresh), until));
  if (result.ok()) co_return;
  const bool in_total = response.deadline.total && *response.deadline.total <= until;
  if (base::exception_is<TimeoutError>(result.exception()) && !in_total) {
    co_await raise<ConnectionTimeoutError>(describe_request(hop.spec.method, response.url) +
                                           ": no connection for " +
                                           seconds_text(*hop.timeout.connect) + " (connect)");
  }
  co_await raise(result.exception());
}

/// Whether sending the request again cannot do harm, and may help: the connection was kept from an
/// earlier request, and the server has closed it before it said anything.
bool may_replay(const Hop& hop, const ResponseState& response, const std::exception_ptr& error) {
  const ClientConnection& connection = *response.connection;
  if (!connection.reused() || connection.response_started()) return false;
  return is_idempotent(hop.spec.method) &&
         (base::exception_is<OSError>(error) ||
          base::exception_is<ServerDisconnectedError>(error)) &&
         !base::exception_is<TimeoutError>(error);
}

/// The response with its head, at one URL.
Coro<> send(const Hop& hop, ResponseState& response) {
  const std::string head = request_head(hop, response.url);
  for (bool fresh = false;; fresh = true) {
    if (fresh || !acquire_at_once(hop, response)) {
      Result<void> ready = co_await try_(acquire_in_time(hop, response, fresh));
      if (!ready.ok()) co_await raise(client_error(ready.exception(), response, false));
    }
    Result<void> answer = co_await try_(
        response.connection->exchange(head, hop.spec.body, hop.spec.method, response.deadline));
    if (answer.ok()) break;
    const bool again = !fresh && may_replay(hop, response, answer.exception());
    response.connection->abort();
    response.connection.reset();
    if (!again) co_await raise(client_error(answer.exception(), response, false));
  }
  response.head = response.connection->parser().take_response();
}

/// "Authorization: Basic ..." for the user and password of a URL. Python: aiohttp.BasicAuth.
void add_credentials(Headers& headers, const Url& url) {
  headers.set("Authorization", "Basic " + base64(url.user() + ":" + url.password()));
}

/// The request that a redirect asks for: method, body and secrets as browsers and aiohttp do it.
void follow(RequestSpec& spec, int status, const Url& from, const Url& to) {
  const bool rewritten = (status == 303 && spec.method != "HEAD") ||
                         ((status == 301 || status == 302) && spec.method == "POST");
  if (rewritten) {
    spec.method = "GET";
    spec.body.clear();
    spec.has_body = false;
    for (const char* name :
         {"Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding"}) {
      spec.headers.remove(name);
    }
  }
  if (!from.same_origin(to)) {
    // What another server puts into its Location is not sent either.
    for (const char* name : {"Authorization", "Cookie", "Proxy-Authorization", "Host"}) {
      spec.headers.remove(name);
    }
    spec.server_hostname.clear();
  } else if (!to.userinfo().empty()) {
    add_credentials(spec.headers, to);
  }
}

/// Where the response sends us, or nullopt when it is the answer.
std::optional<Url> redirect_target(const ResponseState& response) {
  if (!is_redirect(response.head.status)) return std::nullopt;
  const auto location = response.head.headers.get("Location");
  if (!location) return std::nullopt;
  try {
    return response.url.resolve(*location);
  } catch (const NonHttpUrlClientError& e) {
    throw NonHttpUrlRedirectClientError(
        e.url(), "redirect of " + response.url.to_string() + " refused: " + e.description());
  } catch (const InvalidURL& e) {
    throw InvalidUrlRedirectClientError(
        e.url(), "redirect of " + response.url.to_string() + ": " + e.description());
  }
}

TooManyRedirects too_many(const ResponseState& response, std::size_t most) {
  ClientResponseError::Details details;
  details.status = response.head.status;
  details.message = "more than " + std::to_string(most) + " redirects";
  details.headers = response.head.headers;
  details.method = response.method;
  details.url = response.url.without_credentials();
  return TooManyRedirects(std::move(details));
}

/// Reads a short body of a redirect away, so that the connection can serve the next hop.
Coro<> discard_body(const std::shared_ptr<ResponseState>& response) {
  constexpr std::uint64_t kWorthReading = 64 * 1024;
  if (!response->connection) co_return;
  const auto length = response->connection->parser().content_length();
  if (length && *length <= kWorthReading) {
    Result<void> result = co_await try_(read_body(response));
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
  } else {
    response->close();
  }
  response->body.clear();
}

Url without_userinfo(Url url) {
  if (url.userinfo().empty()) return url;
  const std::string fragment(url.fragment());
  return Url::parse(url.without_credentials() + (fragment.empty() ? "" : "#" + fragment));
}

/// Where the first request goes, with the session's fields and the URL's credentials in `spec`.
Url prepare(Hop& hop) {
  SessionState& session = hop.session;
  RequestSpec& spec = hop.spec;
  Url url = session.parse(spec.url);
  if (!url.userinfo().empty()) {
    if (spec.headers.contains("Authorization")) {
      throw ValueError(
          "Cannot combine AUTHORIZATION header with AUTH argument or credentials encoded in URL");
    }
    add_credentials(spec.headers, url);
  }
  hop.usual = spec.headers.empty() && !session.usual_lines(hop.decompress).empty();
  // Here and not for each hop: a redirect to another host must not carry them either.
  if (!hop.usual) session.add_usual_fields(spec.headers, hop.decompress);
  return without_userinfo(std::move(url));
}

}  // namespace

Coro<ClientResponse> perform(std::shared_ptr<SessionState> session, RequestSpec spec) {
  const ClientTimeout timeout = spec.timeout.value_or(session->options.timeout);
  const bool decompress = spec.auto_decompress.value_or(session->options.auto_decompress);
  const std::size_t most = spec.max_redirects.value_or(session->options.max_redirects);
  const std::shared_ptr<ConnectionPool> pool = session->pool();
  Hop hop{*session, *pool, spec, timeout, decompress, false};
  if (spec.ssl) hop.tls = session->tls.number_of(*spec.ssl);
  Url url = prepare(hop);
  std::vector<ClientResponse> history;
  std::optional<Nanoseconds> total;
  for (;;) {
    auto response = std::make_shared<ResponseState>(spec.method, std::move(url));
    response->deadline = {total, timeout.sock_read};
    response->total = timeout.total;
    response->max_body_bytes = session->options.max_body_bytes;
    co_await pass(send(hop, *response));
    total = response->deadline.total;
    response->begin_body(decompress);
    std::optional<Url> target;
    if (spec.allow_redirects) target = redirect_target(*response);
    if (!target) {
      if (response->connection) response->slot.offer(*response);
      response->history = std::move(history);
      ClientResponse answer(std::move(response));
      if (spec.raise_for_status.value_or(session->options.raise_for_status)) {
        answer.raise_for_status();
      }
      co_return answer;
    }
    if (history.size() >= most) throw too_many(*response, most);
    co_await pass(discard_body(response));
    hop.spell_out_fields();
    follow(spec, response->head.status, response->url, *target);
    history.emplace_back(std::move(response));
    url = without_userinfo(std::move(*target));
  }
}

}  // namespace asyncio::http::detail
