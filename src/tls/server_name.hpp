// The name of a server: what may be sent as SNI, what a certificate is checked against.
#pragma once

#include <string>
#include <string_view>

#include "tls/openssl.hpp"

namespace asyncio::tls {

/// A host as the user gave it, cleaned: no dot at the end, no brackets around an IPv6 address.
class ServerName {
 public:
  ServerName() = default;
  /// ValueError for what no certificate can be of: too long, not ASCII, with a NUL or a space.
  explicit ServerName(std::string_view host);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// An address: it is never asked for by SNI, and only an address in the certificate matches it.
  [[nodiscard]] bool is_address() const noexcept { return is_address_; }

  /// The client asks for it, and with `check` the certificate must be of it.
  void apply(SSL& ssl, bool check) const;

 private:
  std::string text_;
  bool is_address_ = false;
};

}  // namespace asyncio::tls
