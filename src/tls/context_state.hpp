// What the handles of one SSLContext share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "asyncio/tls/context.hpp"
#include "tls/openssl.hpp"
#include "tls/session_cache.hpp"

namespace asyncio::tls {

class ContextState final : public asyncio::detail::LayerFactory,
                           public std::enable_shared_from_this<ContextState> {
 public:
  explicit ContextState(ssl::Protocol protocol);

  std::unique_ptr<asyncio::detail::StreamLayer> make_layer(
      const asyncio::detail::LayerRole& role) override;
  [[nodiscard]] std::uint64_t settings_id() const noexcept override { return settings_id_; }

  [[nodiscard]] SSL_CTX& get() const noexcept { return *ctx_; }
  [[nodiscard]] bool is_client() const noexcept { return protocol == ssl::PROTOCOL_TLS_CLIENT; }
  [[nodiscard]] bool ignores_unexpected_eof() const noexcept {
    return (options & ssl::OP_IGNORE_UNEXPECTED_EOF) != 0;
  }
  /// After each change of a setting: what was agreed on before is not resumed.
  void changed() noexcept;
  /// Puts verify_mode into force.
  void apply_verify_mode() noexcept;

  void load_cert_chain(std::string_view certificates, std::string_view certfile,
                       std::string_view key, std::string_view keyfile,
                       const ssl::LoadCertOptions& options);
  void load_verify_data(std::string_view cadata);
  void set_alpn(std::string wire);

  // Of a server, when a ClientHello has come and nothing was agreed on yet. False: refuse.
  bool choose_by_name(SSL& ssl, std::string_view server_name);

  SessionCache sessions;
  ssl::SSLContext::SniCallback sni_callback;
  const ssl::Protocol protocol;
  ssl::VerifyMode verify_mode;
  bool check_hostname;
  std::uint64_t options =
      ssl::OP_NO_COMPRESSION | ssl::OP_NO_RENEGOTIATION | ssl::OP_CIPHER_SERVER_PREFERENCE;

 private:
  static int on_new_session(SSL* ssl, SSL_SESSION* session);
  static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                     const unsigned char* in, unsigned int in_size, void* self);

  SslCtx ctx_;
  std::string alpn_;  // as on the wire: each name behind its length
  std::atomic<std::uint64_t> settings_id_;
};

}  // namespace asyncio::tls
