// TLS of one connection, over OpenSSL: bytes in, bytes out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asyncio/streams/stream_layer.hpp"
#include "tls/openssl.hpp"

namespace asyncio::tls {

class ContextState;

/// OpenSSL reads and writes through a BIO of ours, straight from what the socket gave and straight
/// into what goes out.
class Layer final : public asyncio::detail::StreamLayer {
 public:
  Layer(std::shared_ptr<ContextState> context, const asyncio::detail::LayerRole& role);
  ~Layer() override;

  std::size_t receive(std::span<const std::byte> wire, std::span<std::byte> plain,
                      std::string& out) noexcept override;
  void receive_end() noexcept override;
  void send(std::span<const std::byte> plain, std::string& out) noexcept override;
  void close(std::string& out) noexcept override;

  [[nodiscard]] std::string version() const override;
  [[nodiscard]] std::optional<SSLCipher> cipher() const override;
  [[nodiscard]] std::string selected_alpn_protocol() const override;
  [[nodiscard]] std::optional<SSLCertificate> getpeercert() const override;
  [[nodiscard]] std::string getpeercert_der() const override;
  [[nodiscard]] std::string_view server_hostname() const noexcept override {
    return server_hostname_;
  }
  [[nodiscard]] bool server_side() const noexcept override { return server_side_; }
  [[nodiscard]] bool session_reused() const noexcept override;

  // --- for OpenSSL's callbacks ------------------------------------------------------------------

  [[nodiscard]] static Layer& of(const SSL& ssl) noexcept;
  /// BIO: takes up to `size` bytes from the wire; 0 when there are none now.
  std::size_t take(char* to, std::size_t size) noexcept;
  /// BIO: false when there is no memory.
  bool give(const char* from, std::size_t size) noexcept;
  /// A verification has failed, for the first time.
  void note_verification(X509_STORE_CTX& store) noexcept;
  void note_server_name(std::string_view name) { server_hostname_ = name; }
  void switch_context(std::shared_ptr<ContextState> context);
  [[nodiscard]] ContextState& context() const noexcept { return *context_; }
  /// Sessions are kept by this; empty: not at all.
  [[nodiscard]] const std::string& session_key() const noexcept { return session_key_; }

 private:
  void shake_hands() noexcept;
  std::size_t decrypt(std::span<std::byte> plain) noexcept;
  void fail() noexcept;
  void fail_as_barren() noexcept;
  void answer_in_clear() noexcept;
  std::exception_ptr make_error();
  std::exception_ptr make_handshake_end_error() const;
  [[nodiscard]] std::string context_text() const;

  std::shared_ptr<ContextState> context_;
  std::string peer_;
  std::string server_hostname_;
  std::string session_key_;
  struct Verification;
  std::unique_ptr<Verification> verification_;  // the one that failed
  Ssl ssl_;
  std::span<const std::byte> wire_;  // what is not taken yet of this call's
  std::string* out_ = nullptr;       // this call's
  std::string_view answer_in_clear_;
  std::size_t barren_ = 0;       // bytes that came since the last one for or of the user
  std::array<char, 8> first_{};  // what the peer began with, to tell what it speaks
  std::uint8_t first_size_ = 0;
  bool server_side_;
  bool no_memory_ = false;
};

/// X509's callback: notes what it fails with.
int on_verify(int ok, X509_STORE_CTX* store);

}  // namespace asyncio::tls
