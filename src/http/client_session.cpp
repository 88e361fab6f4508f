#include "asyncio/http/client_session.hpp"

#include "asyncio/base/error.hpp"
#include "asyncio/task/future.hpp"
#include "http/decoder.hpp"
#include "http/http1_writer.hpp"
#include "http/session_state.hpp"

namespace asyncio::http {
namespace detail {

SessionState::SessionState(const ClientSessionOptions& from) : options(from), tls(from.ssl) {
  if (!from.base_url.empty()) base_url = Url::parse(from.base_url);
  if (!from.user_agent.empty()) defaults.add("User-Agent", from.user_agent);
  options.base_url = {};
  options.user_agent = {};
  options.ssl = nullptr;
}

std::shared_ptr<ConnectionPool> SessionState::pool() {
  if (closed) throw RuntimeError("Session is closed");
  Scheduler& scheduler = asyncio::detail::running_scheduler();
  if (!connections) {
    const PoolLimits limits{options.limit, options.limit_per_host,
                            options.keepalive_timeout.value()};
    connections = std::make_shared<ConnectionPool>(scheduler, limits);
  } else if (connections->scheduler() != &scheduler) {
    throw RuntimeError("this ClientSession belongs to another event loop: make one for each loop");
  }
  return connections;
}

void SessionState::add_usual_fields(Headers& headers, bool decompress) const {
  constexpr std::size_t kMoreFields = 2;
  constexpr std::size_t kMoreBytes = 64;
  headers.reserve(defaults.size() + headers.size() + kMoreFields,
                  defaults.bytes() + headers.bytes() + kMoreBytes);
  headers.add_missing(defaults);
  if (!headers.contains("Accept")) headers.add("Accept", "*/*");
  if (decompress && !headers.contains("Accept-Encoding")) {
    headers.add("Accept-Encoding", accept_encoding());
  }
}

std::string_view SessionState::usual_lines(bool decompress) {
  std::optional<std::string>& lines = usual[decompress ? 1 : 0];
  if (lines) return *lines;
  Headers headers;
  add_usual_fields(headers, decompress);
  std::string text;
  const bool plain = !headers.contains("Host") && !headers.contains("Content-Length") &&
                     !headers.contains("Transfer-Encoding");
  if (plain) append_fields(text, headers);
  return lines.emplace(std::move(text));
}

void SessionState::set_default(std::string_view name, std::string_view value) {
  defaults.set(name, value);
  usual = {};
}

const Url& SessionState::parse(const std::string& text) {
  if (!last_url || text != last_text) {
    last_url.reset();  // should parsing or copying fail
    last_text = text;
    last_url = base_url ? base_url->resolve(text) : Url::parse(text);
  }
  return *last_url;
}

}  // namespace detail

ClientSession::ClientSession(ClientSessionOptions options)
    : state_(std::make_shared<detail::SessionState>(options)) {}

ClientSession::~ClientSession() {
  if (state_) close();
}

ClientRequest ClientSession::head(std::string_view url) {
  // As aiohttp: whoever asks for a head wants that of this very URL.
  return std::move(request("HEAD", url).allow_redirects(false));
}

ClientRequest ClientSession::request(std::string_view method, std::string_view url) {
  return {state_, method, url};
}

void ClientSession::header(std::string_view name, std::string_view value) {
  state_->set_default(name, value);
}

void ClientSession::close() noexcept {
  state_->closed = true;
  if (state_->connections) state_->connections->close();
}

bool ClientSession::closed() const noexcept { return state_->closed; }

std::size_t ClientSession::connections_in_use() const noexcept {
  return state_->connections ? state_->connections->in_use() : 0;
}

std::size_t ClientSession::connections_idle() const noexcept {
  return state_->connections ? state_->connections->idle() : 0;
}

}  // namespace asyncio::http
