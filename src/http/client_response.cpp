#include "asyncio/http/client_response.hpp"

#include <algorithm>

#include "asyncio/coro/pass.hpp"
#include "asyncio/http/errors.hpp"
#include "http/chars.hpp"
#include "http/charset.hpp"
#include "http/response_state.hpp"

namespace asyncio::http {
namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(), [](char c) { return chars::lower(c); });
  return small;
}

Coro<std::string> read_bytes(std::shared_ptr<detail::ResponseState> state, bool take) {
  co_await pass(detail::read_body(state));
  if (take && state.use_count() == 1) co_return std::move(state->body);
  co_return state->body;
}

Coro<std::string> read_text(std::shared_ptr<detail::ResponseState> state, std::string charset,
                            bool take) {
  std::string bytes = co_await pass(read_bytes(std::move(state), take));
  co_return to_utf8(std::move(bytes), charset);
}

}  // namespace

int ClientResponse::status() const noexcept { return state_->head.status; }
const std::string& ClientResponse::reason() const noexcept { return state_->head.reason; }
const Headers& ClientResponse::headers() const noexcept { return state_->head.headers; }
HttpVersion ClientResponse::version() const noexcept { return state_->head.version; }
const Url& ClientResponse::url() const noexcept { return state_->url; }
const std::string& ClientResponse::method() const noexcept { return state_->method; }

std::string ClientResponse::content_type() const {
  const std::string_view value = headers().get("Content-Type", "application/octet-stream");
  return lower(chars::trim(value.substr(0, value.find(';'))));
}

std::string ClientResponse::charset() const {
  std::string_view value = headers().get("Content-Type", "");
  for (auto at = value.find(';'); at != std::string_view::npos; at = value.find(';')) {
    value = chars::trim(value.substr(at + 1));
    if (!same_name(value.substr(0, 8), "charset=")) continue;
    std::string_view name = chars::trim(value.substr(8, value.find(';') - 8));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') {
      name = name.substr(1, name.size() - 2);
    }
    return lower(name);
  }
  return {};
}

std::optional<std::uint64_t> ClientResponse::content_length() const noexcept {
  const auto value = headers().get("Content-Length");
  if (!value || value->empty() || value->size() > 19) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : *value) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

const std::vector<ClientResponse>& ClientResponse::history() const noexcept {
  return state_->history;
}

void ClientResponse::raise_for_status() const {
  if (ok()) return;
  constexpr std::size_t kMostBody = 64 * 1024;
  ClientResponseError::Details details;
  details.status = status();
  details.message = reason();
  details.headers = headers();
  details.method = method();
  details.url = url().without_credentials();
  details.body = state_->body.substr(0, kMostBody);
  throw ClientResponseError(std::move(details));
}

Coro<std::string> ClientResponse::read() const& { return read_bytes(state_, false); }
Coro<std::string> ClientResponse::read() && { return read_bytes(std::move(state_), true); }
Coro<std::string> ClientResponse::text() const& { return read_text(state_, charset(), false); }
Coro<std::string> ClientResponse::text() && {
  std::string name = charset();
  return read_text(std::move(state_), std::move(name), true);
}
Coro<std::string> ClientResponse::readany() const { return detail::read_any(state_); }

void ClientResponse::close() const noexcept { state_->close(); }

}  // namespace asyncio::http
