#include "asyncio/http/request.hpp"

#include "asyncio/http/url.hpp"
#include "http/server_connection.hpp"

namespace asyncio::http {
namespace {

// "/path" of "/path?query" and of "http://host/path?query", which a proxy's client sends.
std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with('/')) return target;
  const auto scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const auto slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? "/" : target.substr(slash);
}

}  // namespace

Request::Request(RequestHead head, detail::ServerConnection& connection)
    : head_(std::move(head)),
      path_(percent_decode(path_of(head_.target))),
      connection_(&connection) {}

// RFC 9112 section 3.2.2: a Host field that says something else than the target does not count.
std::string_view Request::host() const noexcept {
  const std::string_view target = head_.target;
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) {
    return head_.headers.get("Host", "");
  }
  const std::string_view rest = target.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?"));
}

std::string_view Request::query_string() const noexcept {
  const std::string_view target = head_.target;
  const auto mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

std::optional<std::string> Request::query(std::string_view name) const {
  std::string_view rest = query_string();
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals), true) != name) continue;
    if (equals == std::string_view::npos) return std::string();
    return percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

const std::string& Request::match_info(std::string_view name) const noexcept {
  static const std::string kNone;
  for (const auto& [key, value] : match_) {
    if (key == name) return value;
  }
  return kNone;
}

const SSLObject* Request::ssl_object() const noexcept { return connection_->ssl_object(); }

SocketAddress Request::remote() const { return connection_->peer(); }

bool Request::can_read_body() const noexcept { return connection_->body_pending(); }

Coro<std::string> Request::read() { return connection_->read_body(); }

}  // namespace asyncio::http
