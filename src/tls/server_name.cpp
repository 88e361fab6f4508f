#include "tls/server_name.hpp"

#include <openssl/x509v3.h>

#include <algorithm>

#include "asyncio/base/error.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio::tls {

namespace {

constexpr std::size_t kLongestName = 253;  // of the domain name system

}  // namespace

ServerName::ServerName(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  SocketAddress ignored;
  is_address_ = SocketAddress::parse(host, 0, ignored);
  // The root's dot, which certificates do not write.
  if (!is_address_ && host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  if (host.size() > kLongestName) {
    throw ValueError("server_hostname: longer than 253 bytes: " + std::string(host.substr(0, 40)) +
                     "...");
  }
  const auto is_wrong = [](char c) { return c <= ' ' || c > '~'; };
  if (std::any_of(host.begin(), host.end(), is_wrong)) {
    throw ValueError(
        "server_hostname: only visible ASCII characters; give a name of other letters in its "
        "xn-- form");
  }
  if (host.starts_with('.')) {
    throw ValueError("server_hostname cannot be an empty string or start with a leading dot.");
  }
  // A zone ("fe80::1%eth0") says which way, not who.
  text_ = is_address_ ? host.substr(0, host.find('%')) : host;
}

void ServerName::apply(SSL& ssl, bool check) const {
  if (empty()) return;
  if (!is_address_ && SSL_set_tlsext_host_name(&ssl, text_.c_str()) != 1) {
    throw_failure("server_hostname " + text_);
  }
  if (!check) return;
  X509_VERIFY_PARAM* parameters = SSL_get0_param(&ssl);
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = is_address_
                      ? X509_VERIFY_PARAM_set1_ip_asc(parameters, text_.c_str())
                      : X509_VERIFY_PARAM_set1_host(parameters, text_.c_str(), text_.size());
  if (set != 1) throw_failure("server_hostname " + text_);
}

}  // namespace asyncio::tls
