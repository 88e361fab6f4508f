// The seam between a connection and what protects its bytes: TLS, of which streams know only this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "asyncio/base/delay.hpp"
#include "asyncio/streams/ssl_object.hpp"

namespace asyncio {

namespace detail {

/// Stands between a connection's socket and its streams: bytes in, bytes out. It does no I/O and
/// knows no loop. What it has to say to the peer it appends to the `out` of whatever call it is in,
/// also when that call is the one in which it fails: an alert must reach the peer.
class StreamLayer : public SSLObject {
 public:
  enum class State : std::uint8_t {
    handshake,  ///< nothing of the user's can pass yet
    open,
    ended,   ///< the peer has ended its side in order; sending is still possible
    failed,  ///< error() says why; nothing passes any more
  };

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
  /// The handshake has succeeded, whatever came after it.
  [[nodiscard]] bool was_open() const noexcept { return was_open_; }

  /// Bytes from the wire, all of which it takes; how many of the user's it has made of them, in
  /// `plain`, which must have room for kLayerSlack more than there are. In state `handshake` an
  /// empty `wire` begins it.
  virtual std::size_t receive(std::span<const std::byte> wire, std::span<std::byte> plain,
                              std::string& out) noexcept = 0;
  /// The wire has ended. State is `ended` or `failed` afterwards.
  virtual void receive_end() noexcept = 0;
  /// Bytes of the user's, in state `open` or `ended`.
  virtual void send(std::span<const std::byte> plain, std::string& out) noexcept = 0;
  /// Nothing more will be sent: tells the peer.
  virtual void close(std::string& out) noexcept = 0;

 protected:
  State state_ = State::handshake;
  bool was_open_ = false;
  std::exception_ptr error_;
};

/// How much more than it is given at once a layer may hold back: one record, not quite complete.
inline constexpr std::size_t kLayerSlack = 32 * 1024;

/// Which end of which connection a layer is for.
struct LayerRole {
  bool server_side = false;
  std::string_view server_hostname;  ///< of a client: whom to ask for, and to check; may be empty
  std::string_view peer;             ///< for messages and as the key of sessions: "example.com:443"
  /// Of a server: what it says, in clear, to a client that begins as one of plain HTTP does. A
  /// text that lives as long as the program; empty: nothing.
  std::string_view answer_in_clear = {};
};

class LayerFactory {
 public:
  virtual ~LayerFactory() = default;
  /// Throws ValueError when the role makes no sense, such as a name to check that is missing.
  virtual std::unique_ptr<StreamLayer> make_layer(const LayerRole& role) = 0;
  /// Another number after each change of a setting; no two factories share one.
  [[nodiscard]] virtual std::uint64_t settings_id() const noexcept = 0;
};

}  // namespace detail

/// What makes a connection secure. The one there is, is ssl::SSLContext (asyncio/ssl.hpp); code
/// that only passes it on takes this and needs no TLS library. A copy is a handle to the same one.
class TlsContext {
 public:
  /// Names the settings as they are now: whom it trusts, what it checks, who it is. Connections
  /// made under different ones must not be taken for each other, in a pool.
  [[nodiscard]] std::uint64_t settings_id() const noexcept { return factory_->settings_id(); }

  // For the library.
  [[nodiscard]] const std::shared_ptr<detail::LayerFactory>& factory() const noexcept {
    return factory_;
  }

 protected:
  explicit TlsContext(std::shared_ptr<detail::LayerFactory> factory) noexcept
      : factory_(std::move(factory)) {}
  ~TlsContext() = default;
  TlsContext(const TlsContext&) = default;
  TlsContext& operator=(const TlsContext&) = default;

 private:
  std::shared_ptr<detail::LayerFactory> factory_;
};

/// Options of StreamWriter::start_tls.
struct StartTlsOptions {
  /// Whom the client expects; copied. Empty: nobody, which a context that checks names refuses.
  std::string_view server_hostname = {};
  /// Else the side that accepted the connection is the server.
  std::optional<bool> server_side = {};
  std::optional<Delay> ssl_handshake_timeout = {};  ///< 60 s unless given
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< 30 s unless given
};

namespace detail {

/// How long the peer may take; 60 s and 30 s, as in Python.
struct LayerTimes {
  Nanoseconds handshake = std::chrono::seconds(60);
  Nanoseconds shutdown = std::chrono::seconds(30);
};

/// What the options of a call say of TLS, copied, so that it outlives the call.
class SecureSetup {
 public:
  /// None: the bytes go as they are.
  SecureSetup() = default;
  /// `context` may be null.
  SecureSetup(const TlsContext* context, const StartTlsOptions& options);

  /// TLS is wanted.
  [[nodiscard]] bool wanted() const noexcept { return factory_ != nullptr; }
  /// What is wrong with the options, or null.
  [[nodiscard]] std::exception_ptr find_mistake() const;
  [[nodiscard]] LayerFactory& factory() const noexcept { return *factory_; }
  [[nodiscard]] const std::string& server_hostname() const noexcept { return server_hostname_; }
  [[nodiscard]] const LayerTimes& times() const noexcept { return times_; }
  [[nodiscard]] std::optional<bool> server_side() const noexcept { return server_side_; }
  /// "host:port" for messages; the peer's address unless set.
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  /// A client names its peer so, unless told otherwise.
  void set_destination(std::string_view host, int port);

 private:
  std::shared_ptr<LayerFactory> factory_;
  std::string server_hostname_;
  std::string peer_;
  LayerTimes times_;
  std::optional<bool> server_side_;
  bool has_times_ = false;
};

}  // namespace detail
}  // namespace asyncio
