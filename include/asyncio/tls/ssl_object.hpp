// TLS without I/O: bytes in, bytes out, by hand. For protocols of one's own, and for tests; streams
// and transports need none of it.
//
//   ssl::MemoryBIO incoming, outgoing;
//   ssl::SSLObject tls = context.wrap_bio(incoming, outgoing, {.server_hostname = "example.com"});
//   try {
//     tls.do_handshake();
//   } catch (const ssl::SSLWantReadError&) {
//     send(outgoing.read());      // and when something has come:
//     incoming.write(received);   // try again
//   }
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asyncio/streams/ssl_object.hpp"
#include "asyncio/streams/stream_layer.hpp"
#include "asyncio/tls/context.hpp"
#include "asyncio/tls/errors.hpp"

namespace asyncio::ssl {

/// Bytes on their way between SSLObject and whoever does its I/O. A copy is a handle to the same
/// one. Python: ssl.MemoryBIO.
class MemoryBIO {
 public:
  MemoryBIO() : state_(std::make_shared<State>()) {}

  /// Up to `max_bytes` of what was written, all unless given; empty when there is nothing. Python:
  /// MemoryBIO.read.
  std::string read(std::optional<std::size_t> max_bytes = {});
  /// How many it took: all. SSLError after write_eof(). Python: MemoryBIO.write.
  std::size_t write(std::string_view data);
  /// Nothing more will be written. Python: MemoryBIO.write_eof.
  void write_eof() noexcept { state_->ended = true; }
  /// How many bytes wait to be read. Python: MemoryBIO.pending.
  [[nodiscard]] std::size_t pending() const noexcept {
    return state_->bytes.size() - state_->taken;
  }
  /// All was read, and nothing more will come. Python: MemoryBIO.eof.
  [[nodiscard]] bool eof() const noexcept { return state_->ended && pending() == 0; }

 private:
  struct State {
    std::string bytes;
    std::size_t taken = 0;
    bool ended = false;
  };

  std::shared_ptr<State> state_;
};

/// One side of a TLS connection between two MemoryBIOs, as SSLContext::wrap_bio makes it. Whatever
/// it has to say is in `outgoing` after each call, also when that throws. Calls that cannot go on
/// throw SSLWantReadError: repeat them when there is more in `incoming`. Other errors: SSLError and
/// its kin; ConnectionResetError when `incoming` ends in the handshake. Any thread, one at a time.
/// Python: ssl.SSLObject.
class SSLObject final : public asyncio::SSLObject {
 public:
  SSLObject(MemoryBIO incoming, MemoryBIO outgoing,
            std::unique_ptr<asyncio::detail::StreamLayer> layer);
  SSLObject(SSLObject&&) noexcept = default;

  /// Python: SSLObject.do_handshake.
  void do_handshake();
  /// Up to `max_bytes`, at least one; empty when the peer has said good-bye. What is missing of the
  /// handshake is done first, here and in write(). SSLEOFError: `incoming` has ended without a
  /// farewell. Python: SSLObject.read.
  std::string read(std::size_t max_bytes = 1024);
  /// How many it took: all. Python: SSLObject.write.
  std::size_t write(std::string_view data);
  /// Says good-bye, and returns when the peer has, too. Python: SSLObject.unwrap.
  void unwrap();
  /// How many bytes can be read without more from `incoming`. Python: SSLObject.pending.
  [[nodiscard]] std::size_t pending() const noexcept { return plain_.size() - taken_; }

  [[nodiscard]] std::string version() const override { return layer_->version(); }
  [[nodiscard]] std::optional<SSLCipher> cipher() const override { return layer_->cipher(); }
  [[nodiscard]] std::string selected_alpn_protocol() const override {
    return layer_->selected_alpn_protocol();
  }
  [[nodiscard]] std::optional<SSLCertificate> getpeercert() const override {
    return layer_->getpeercert();
  }
  [[nodiscard]] std::string getpeercert_der() const override { return layer_->getpeercert_der(); }
  [[nodiscard]] std::string_view server_hostname() const noexcept override {
    return layer_->server_hostname();
  }
  [[nodiscard]] bool server_side() const noexcept override { return layer_->server_side(); }
  [[nodiscard]] bool session_reused() const noexcept override { return layer_->session_reused(); }

 private:
  void take_incoming();
  void say(std::string_view wire);

  MemoryBIO incoming_;
  MemoryBIO outgoing_;
  std::unique_ptr<asyncio::detail::StreamLayer> layer_;
  std::string plain_;  // decrypted, of which `taken_` was read
  std::size_t taken_ = 0;
  bool begun_ = false;
  bool closed_ = false;
};

}  // namespace asyncio::ssl
