// StreamWriter: bytes to a connection, and the connection's life.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/loop/socket_address.hpp"
#include "asyncio/streams/connection.hpp"
#include "asyncio/streams/reader.hpp"

namespace asyncio {

namespace detail {

/// Sends what is unsent, then shakes hands.
Coro<> start_tls(Ref<Connection> connection, SecureSetup setup);

}  // namespace detail

/// The writing half of a connection. A copy is a handle to the same one. When the last writer goes
/// without close(), the connection is closed as by close(); debug mode reports a ResourceWarning.
/// Loop thread only. Python: asyncio.StreamWriter.
class StreamWriter {
 public:
  explicit StreamWriter(detail::Ref<detail::Connection> connection) noexcept
      : connection_(std::move(connection)) {
    connection_->add_writer();
  }
  StreamWriter(const StreamWriter& other) noexcept : connection_(other.connection_) {
    if (connection_) connection_->add_writer();
  }
  StreamWriter(StreamWriter&& other) noexcept = default;
  StreamWriter& operator=(StreamWriter other) noexcept {
    std::swap(connection_, other.connection_);
    return *this;
  }
  ~StreamWriter() {
    if (connection_) connection_->drop_writer();
  }

  /// Sends at once what the kernel takes and buffers the rest, without a bound: follow it with
  /// drain(). Never waits and does not fail: an error shows in drain(). RuntimeError after
  /// write_eof(). Python: StreamWriter.write.
  void write(std::string_view data) { write(std::as_bytes(std::span(data))); }
  void write(std::span<const std::byte> data) { connection_->write(data); }
  /// The pieces one after another, in as few calls as the kernel allows.
  /// Python: StreamWriter.writelines.
  void writelines(std::span<const std::string_view> pieces);
  void writelines(std::initializer_list<std::string_view> pieces) {
    writelines(std::span<const std::string_view>(pieces.begin(), pieces.size()));
  }
  /// Waits while more than the high mark is unsent, until it is down at the low one. Errors: what
  /// the reader or the connection failed with; ConnectionResetError once it is closed. Several
  /// tasks may drain. Cancelled, it loses nothing: what is buffered is sent all the same.
  /// Python: StreamWriter.drain.
  [[nodiscard]] detail::Drain drain() const { return detail::Drain(*connection_); }

  /// Closes the sending direction once everything buffered is sent; the peer reads an end, and one
  /// can go on reading. Python: StreamWriter.write_eof.
  void write_eof() { connection_->write_eof(); }
  /// Whether one direction can be closed: not over TLS. Python: StreamWriter.can_write_eof.
  [[nodiscard]] bool can_write_eof() const noexcept { return connection_->can_write_eof(); }

  /// Goes on over TLS: sends what is buffered, shakes hands, checks the peer. A client should name
  /// the server it expects; whoever accepted the connection is the server. Errors: what the
  /// handshake failed with (ssl::SSLError), ConnectionAbortedError when it took too long or when
  /// bytes were received in clear that should have come protected; the connection is closed then,
  /// as it is after a cancellation. `context` is copied. Python: StreamWriter.start_tls.
  [[nodiscard]] Coro<> start_tls(const TlsContext& context, const StartTlsOptions& options = {}) {
    return detail::start_tls(connection_, detail::SecureSetup(&context, options));
  }
  /// What TLS has agreed on, as long as this connection lives; null without TLS. Python:
  /// get_extra_info('ssl_object').
  [[nodiscard]] const SSLObject* ssl_object() const noexcept { return connection_->ssl_object(); }
  /// Of ssl_object(); empty without TLS. Python: get_extra_info('peercert'), ('cipher').
  [[nodiscard]] std::optional<SSLCertificate> peercert() const {
    return ssl_object() == nullptr ? std::nullopt : ssl_object()->getpeercert();
  }
  [[nodiscard]] std::optional<SSLCipher> cipher() const {
    return ssl_object() == nullptr ? std::nullopt : ssl_object()->cipher();
  }

  /// Sends what is buffered, in the background, then closes; reads end. No effect when closed.
  /// Python: StreamWriter.close.
  void close() noexcept { connection_->close_gently(); }
  /// Closes without sending what is buffered. Python: StreamWriter.transport.abort.
  void abort() noexcept { connection_->abort(); }
  /// close() was called, or the connection is broken. Python: StreamWriter.is_closing.
  [[nodiscard]] bool is_closing() const noexcept { return connection_->is_closing(); }
  /// Waits for the end of close(), which a peer that does not read can delay for ever. Throws what
  /// the connection broke with. Cancelling one wait leaves the others alone.
  /// Python: StreamWriter.wait_closed.
  [[nodiscard]] detail::CloseWaiter wait_closed() const {
    return detail::CloseWaiter(*connection_);
  }

  /// Also after the connection is gone, if it was asked for before. Python:
  /// get_extra_info('peername').
  [[nodiscard]] SocketAddress peername() const { return connection_->peer(); }
  /// Empty once closed. Python: get_extra_info('sockname').
  [[nodiscard]] SocketAddress sockname() const { return connection_->local_address(); }
  /// The descriptor, or -1. Python: get_extra_info('socket').fileno().
  [[nodiscard]] int fileno() const noexcept { return connection_->fileno(); }
  /// Of the socket, by the kernel's numbers (<sys/socket.h>). Errors: OSError, also once it is
  /// closed. Python: get_extra_info('socket').setsockopt, getsockopt.
  void setsockopt(int level, int option, int value);
  [[nodiscard]] int getsockopt(int level, int option) const;
  /// As far as the loop has heard, the peer has closed or the connection is broken: do not send a
  /// request into it. Costs no system call.
  [[nodiscard]] bool peer_closed() const noexcept {
    return connection_->hung_up() || connection_->at_end() || connection_->is_closing();
  }

  /// When drain() begins to wait and when it goes on, in bytes: 65536 and 16384 unless set.
  /// ValueError unless high >= low. Python: transport.set_write_buffer_limits.
  void set_write_buffer_limits(std::size_t high, std::size_t low) {
    connection_->set_limits(high, low);
  }
  /// With a low mark of a quarter.
  void set_write_buffer_limits(std::size_t high) { connection_->set_limits(high, high / 4); }
  /// {low, high}. Python: transport.get_write_buffer_limits.
  [[nodiscard]] std::pair<std::size_t, std::size_t> get_write_buffer_limits() const noexcept {
    return {connection_->low_water(), connection_->high_water()};
  }
  /// How many bytes are buffered. Python: transport.get_write_buffer_size.
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept { return connection_->unsent(); }

  /// "<StreamWriter transport=<...> reader=<...>>". Python: repr(writer).
  [[nodiscard]] std::string repr() const;

  // For the library.
  [[nodiscard]] const detail::Ref<detail::Connection>& connection() const noexcept {
    return connection_;
  }

 private:
  detail::Ref<detail::Connection> connection_;
};

/// Both halves: `auto [reader, writer] = co_await open_connection(...)`.
using StreamPair = std::pair<StreamReader, StreamWriter>;

namespace detail {

/// Takes over a connected, non-blocking descriptor.
StreamPair make_streams(Scheduler& scheduler, int fd, std::size_t limit = kStreamLimit);

/// Connects by `connecting`, then shakes hands as `setup` says; a mistake in that comes first, and
/// nothing is connected then.
Coro<StreamPair> connect_secure(Coro<StreamPair> connecting, SecureSetup setup);

}  // namespace detail
}  // namespace asyncio
