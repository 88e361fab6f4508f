// A peer that is OpenSSL alone, in memory, over a plain connection: it can be made to do what ours
// never would, and what it sends can be kept, repeated, or sealed by hand.
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "asyncio/net/tcp.hpp"
#include "tls/openssl.hpp"
#include "tls/tls_fixture.hpp"

namespace asyncio::test {

/// Records of TLS 1.3 with AES-128-GCM, whatever is in them: of an end whose traffic secret is
/// known, from its first record on.
class HandSealer {
 public:
  explicit HandSealer(std::string secret)
      : key_(derive(secret, "key", 16)), iv_(derive(secret, "iv", 12)) {}

  static constexpr char kHandshake = 22;
  static constexpr char kData = 23;

  std::string seal(std::string_view content, char type) {
    std::string plain(content);
    plain += type;
    const std::size_t size = plain.size() + 16;
    std::string record{'\x17', '\x03', '\x03', static_cast<char>(size >> 8),
                       static_cast<char>(size & 0xff)};
    std::string nonce = iv_;
    for (std::size_t i = 0; i < 8; ++i) {
      nonce[11 - i] = static_cast<char>(nonce[11 - i] ^ static_cast<char>(sequence_ >> (8 * i)));
    }
    ++sequence_;
    const std::unique_ptr<EVP_CIPHER_CTX, tls::FreeWith<&EVP_CIPHER_CTX_free>> cipher(
        EVP_CIPHER_CTX_new());
    std::string sealed(size, '\0');
    int count = 0;
    bool ok = EVP_EncryptInit_ex(cipher.get(), EVP_aes_128_gcm(), nullptr, bytes(key_),
                                 bytes(nonce)) == 1;
    ok = ok && EVP_EncryptUpdate(cipher.get(), nullptr, &count, bytes(record), 5) == 1;
    ok = ok && EVP_EncryptUpdate(cipher.get(), bytes(sealed), &count, bytes(plain),
                                 static_cast<int>(plain.size())) == 1;
    ok = ok && EVP_EncryptFinal_ex(cipher.get(), bytes(sealed), &count) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, 16,
                                   sealed.data() + plain.size()) == 1;
    if (!ok) throw std::runtime_error("sealing by hand");
    return record + sealed;
  }

 private:
  static unsigned char* bytes(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
  }
  // HKDF-Expand-Label of RFC 8446, for less than one block.
  static std::string derive(const std::string& secret, std::string_view label, std::size_t size) {
    std::string info{'\0', static_cast<char>(size), static_cast<char>(6 + label.size())};
    info.append("tls13 ").append(label).append(std::string_view("\0\1", 2));
    std::string block(32, '\0');
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes(info), info.size(),
         bytes(block), nullptr);
    return block.substr(0, size);
  }

  std::string key_;
  std::string iv_;
  std::uint64_t sequence_ = 0;
};

class RawPeer {
 public:
  enum class Side : bool { client, server };

  /// The other end of `streams`, which speak no TLS themselves; of this version and no other.
  RawPeer(StreamPair streams, Side side, int version)
      : streams_(std::move(streams)), context_(make_context(side, version)) {
    SSL_CTX_set_app_data(context_.get(), this);
    SSL_CTX_set_keylog_callback(context_.get(), &RawPeer::on_key);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (side == Side::server) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), "example.test");
      SSL_set_connect_state(ssl_.get());
    }
  }
  RawPeer(const RawPeer&) = delete;

  [[nodiscard]] SSL* ssl() noexcept { return ssl_.get(); }
  [[nodiscard]] StreamWriter& writer() noexcept { return streams_.second; }
  /// OpenSSL's word for what it has failed with last, such as "no renegotiation".
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  /// All that has come from the wire.
  [[nodiscard]] const std::string& received() const noexcept { return received_; }

  /// What OpenSSL has said since the last time.
  std::string take_out() {
    BIO* const out = SSL_get_wbio(ssl_.get());
    std::string wire(BIO_ctrl_pending(out), '\0');
    if (!wire.empty()) BIO_read(out, wire.data(), static_cast<int>(wire.size()));
    return wire;
  }
  /// Sends that.
  Coro<> flush() {
    writer().write(take_out());
    co_await writer().drain();
  }
  /// Gives OpenSSL what comes; false at the end of the wire.
  Coro<bool> pull() {
    std::string wire = co_await streams_.first.read(64 * 1024);
    received_ += wire;
    BIO_write(SSL_get_rbio(ssl_.get()), wire.data(), static_cast<int>(wire.size()));
    co_return !wire.empty();
  }

  /// One step of OpenSSL: what it returned, having noted its failure.
  int step(int result) {
    if (result <= 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_SSL) {
      const char* words = ERR_reason_error_string(ERR_peek_error());
      failure_ = words != nullptr ? words : "?";
    }
    ERR_clear_error();
    return result;
  }
  /// Shakes hands; what it says is sent `times` over in its flight number `repeated`.
  Coro<bool> shake_hands(int repeated = -1) {
    for (int flight = 0; failure_.empty(); ++flight) {
      const int result = step(SSL_do_handshake(ssl_.get()));
      std::string wire = take_out();
      if (wire.empty()) --flight;
      if (flight == repeated) wire += wire;
      writer().write(wire);
      if (result == 1) co_return true;
      if (!failure_.empty()) break;
      const bool more = co_await pull();
      if (!more) break;
    }
    co_return false;
  }
  /// Reads until there is something, the end, or a failure.
  Coro<std::string> read() {
    std::string some(64 * 1024, '\0');
    while (true) {
      std::size_t count = 0;
      const int result = step(SSL_read_ex(ssl_.get(), some.data(), some.size(), &count));
      if (result == 1) {
        some.resize(count);
        co_return some;
      }
      if (!failure_.empty()) co_return "";
      const bool more = co_await pull();
      if (!more) co_return "";
    }
  }

  /// For what this end says after the handshake, in the place of its own first record.
  [[nodiscard]] HandSealer sealer() const { return HandSealer(secret_); }

 private:
  static tls::SslCtx make_context(Side side, int version) {
    tls::SslCtx context(
        SSL_CTX_new(side == Side::server ? TLS_server_method() : TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
    if (side == Side::server) {
      const std::string pem = Authority::get().server.pem();
      const tls::Bio certificate = tls::read_from(pem);
      const tls::X509Ptr x509(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
      const std::string key_pem = Authority::get().server.key_pem();
      const tls::Bio key = tls::read_from(key_pem);
      const tls::KeyPtr private_key(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
      SSL_CTX_use_certificate(context.get(), x509.get());
      SSL_CTX_use_PrivateKey(context.get(), private_key.get());
    }
    return context;
  }

  // "CLIENT_TRAFFIC_SECRET_0 random secret", in hexadecimal.
  static void on_key(const SSL* ssl, const char* line) {
    auto* self = static_cast<RawPeer*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const std::string_view text(line);
    const bool server = SSL_is_server(ssl) != 0;
    if (!text.starts_with(server ? "SERVER_TRAFFIC_SECRET_0" : "CLIENT_TRAFFIC_SECRET_0")) return;
    const std::string hex(text.substr(text.rfind(' ') + 1));
    self->secret_.clear();
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      self->secret_ += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
  }

  StreamPair streams_;
  tls::SslCtx context_;
  tls::Ssl ssl_;
  std::string failure_;
  std::string received_;
  std::string secret_;
};

}  // namespace asyncio::test
