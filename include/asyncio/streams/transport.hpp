// Transports: a connection as a protocol has it, which is called back (protocol.hpp) where the
// users of StreamReader and StreamWriter await.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/base/pool.hpp"
#include "asyncio/base/ref.hpp"
#include "asyncio/loop/exception_context.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio {

class BaseProtocol;
class BufferedProtocol;
class DatagramProtocol;
class Protocol;
class SSLObject;
class Socket;

namespace detail {

class TransportMade;

/// What the handles of one transport share. It is alive while there are handles, and while the
/// connection is open: it holds the protocol, and lets go of it after connection_lost().
class TransportState : public Describable, public base::Pooled {
 public:
  TransportState() = default;
  TransportState(const TransportState&) = delete;
  TransportState& operator=(const TransportState&) = delete;
  virtual ~TransportState() = default;

  void add_reference() noexcept { ++references_; }
  void drop_reference() noexcept {
    if (--references_ == 0) delete this;
  }

  virtual void close() noexcept = 0;
  virtual void abort() noexcept = 0;
  [[nodiscard]] virtual bool is_closing() const noexcept = 0;
  [[nodiscard]] virtual std::shared_ptr<BaseProtocol> protocol() const = 0;
  [[nodiscard]] virtual SocketAddress peername() = 0;
  [[nodiscard]] virtual SocketAddress sockname() = 0;
  [[nodiscard]] virtual int fileno() const noexcept = 0;
  [[nodiscard]] virtual const SSLObject* ssl_object() const noexcept { return nullptr; }
  /// What setsockopt() is done to; null when it is no socket.
  [[nodiscard]] virtual Socket* socket() noexcept { return nullptr; }
  virtual void set_limits(std::size_t high, std::size_t low) = 0;
  struct Limits {
    std::size_t low;
    std::size_t high;
  };
  [[nodiscard]] virtual Limits limits() const noexcept = 0;
  [[nodiscard]] virtual std::size_t unsent() const noexcept = 0;

  /// Whether connection_made() was called.
  [[nodiscard]] bool made() const noexcept { return made_; }
  /// Who waits for that; null for nobody.
  void set_creator(TransportMade* creator) noexcept { creator_ = creator; }

 protected:
  /// connection_made() was called, or never will be.
  void tell_made() noexcept;

 private:
  TransportMade* creator_ = nullptr;
  std::uint32_t references_ = 0;
  bool made_ = false;
};

}  // namespace detail

/// What all transports have in common. A copy is a handle to the same one; one made by default
/// refers to none, for a protocol to keep as a member. An open transport lives without handles, as
/// long as its loop. Loop thread only. Python: asyncio.BaseTransport.
class BaseTransport {
 public:
  BaseTransport() = default;
  explicit BaseTransport(base::Ref<detail::TransportState> state) noexcept
      : state_(std::move(state)) {}

  /// False for a handle that refers to none.
  explicit operator bool() const noexcept { return static_cast<bool>(state_); }
  /// Whether both are handles to the same one. Python: `is`.
  bool operator==(const BaseTransport& other) const noexcept {
    return state_.get() == other.state_.get();
  }

  /// Sends what is buffered, in the background; nothing more is received; then
  /// connection_lost(null) comes, in a turn of its own. The second time nothing. Python:
  /// BaseTransport.close.
  void close() const noexcept { state_->close(); }
  /// It closes or is closed. Python: BaseTransport.is_closing.
  [[nodiscard]] bool is_closing() const noexcept { return state_->is_closing(); }
  /// Null once connection_lost() was called. Python: BaseTransport.get_protocol.
  [[nodiscard]] std::shared_ptr<BaseProtocol> get_protocol() const { return state_->protocol(); }

  /// Empty when there is none. Python: get_extra_info('peername').
  [[nodiscard]] SocketAddress peername() const { return state_->peername(); }
  /// Empty once closed. Python: get_extra_info('sockname').
  [[nodiscard]] SocketAddress sockname() const { return state_->sockname(); }
  /// The descriptor, which stays the transport's; -1 once closed.
  /// Python: get_extra_info('socket').fileno().
  [[nodiscard]] int fileno() const noexcept { return state_->fileno(); }
  /// Of the transport's socket, by the kernel's numbers (<sys/socket.h>). Errors: OSError, also
  /// once it is closed. Python: get_extra_info('socket').setsockopt, getsockopt.
  void setsockopt(int level, int option, int value) const;
  [[nodiscard]] int getsockopt(int level, int option) const;
  /// What TLS has agreed on, as long as the transport is there; null without TLS.
  /// Python: get_extra_info('ssl_object').
  [[nodiscard]] const SSLObject* ssl_object() const noexcept { return state_->ssl_object(); }
  /// "<Transport fd=7 read=polling write=<idle, bufsize=0>>".
  [[nodiscard]] std::string repr() const { return state_->repr(); }

  // For the library.
  [[nodiscard]] const base::Ref<detail::TransportState>& state() const noexcept { return state_; }

 private:
  base::Ref<detail::TransportState> state_;
};

/// Python: asyncio.ReadTransport.
class ReadTransport : public BaseTransport {
 public:
  using BaseTransport::BaseTransport;

  /// Neither paused nor closing. Python: ReadTransport.is_reading.
  [[nodiscard]] bool is_reading() const noexcept;
  /// The protocol gets no data until resume_reading(); the peer is held up by the kernel. The
  /// second time nothing. Python: ReadTransport.pause_reading.
  void pause_reading() const noexcept;
  /// Python: ReadTransport.resume_reading.
  void resume_reading() const noexcept;
};

/// Python: asyncio.WriteTransport.
class WriteTransport : public BaseTransport {
 public:
  using BaseTransport::BaseTransport;

  /// Sends at once what the kernel takes and buffers the rest, without a bound: a protocol that
  /// sends much minds pause_writing(), which comes within this call. Does not wait and does not
  /// fail: what the connection breaks with is connection_lost()'s. RuntimeError after write_eof()
  /// and during a sendfile. Python: WriteTransport.write.
  void write(std::string_view data) const { write(std::as_bytes(std::span(data))); }
  void write(std::span<const std::byte> data) const;
  /// The pieces one after another, in as few calls as the kernel allows.
  /// Python: WriteTransport.writelines.
  void writelines(std::span<const std::string_view> pieces) const;
  void writelines(std::initializer_list<std::string_view> pieces) const {
    writelines(std::span<const std::string_view>(pieces.begin(), pieces.size()));
  }
  /// Closes the sending direction once everything buffered is sent; what the peer sends still
  /// comes. Python: WriteTransport.write_eof.
  void write_eof() const;
  /// Python: WriteTransport.can_write_eof.
  [[nodiscard]] bool can_write_eof() const noexcept;
  /// close() that throws away what is buffered. Python: WriteTransport.abort.
  void abort() const noexcept { state()->abort(); }

  /// pause_writing() comes when more than `high` bytes are buffered, resume_writing() when no more
  /// than `low` are left: 65536 and 16384 unless set. Applies to what is buffered by now, too.
  /// ValueError unless high >= low. Python: WriteTransport.set_write_buffer_limits.
  void set_write_buffer_limits(std::size_t high, std::size_t low) const {
    state()->set_limits(high, low);
  }
  /// With a low mark of a quarter.
  void set_write_buffer_limits(std::size_t high) const { state()->set_limits(high, high / 4); }
  /// {low, high}. Python: WriteTransport.get_write_buffer_limits.
  [[nodiscard]] std::pair<std::size_t, std::size_t> get_write_buffer_limits() const noexcept {
    return {state()->limits().low, state()->limits().high};
  }
  /// How many bytes are buffered. Python: WriteTransport.get_write_buffer_size.
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept { return state()->unsent(); }
};

/// A connection in both directions. Python: asyncio.Transport.
class Transport : public WriteTransport {
 public:
  using WriteTransport::WriteTransport;

  // As ReadTransport, which it can be used as.
  [[nodiscard]] bool is_reading() const noexcept { return reading().is_reading(); }
  void pause_reading() const noexcept { reading().pause_reading(); }
  void resume_reading() const noexcept { reading().resume_reading(); }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator ReadTransport() const noexcept { return reading(); }

  /// From now on `protocol` is told; it gets no connection_made(). The one before is dropped.
  /// Python: BaseTransport.set_protocol.
  void set_protocol(std::shared_ptr<Protocol> protocol) const;
  void set_protocol(std::shared_ptr<BufferedProtocol> protocol) const;

 private:
  [[nodiscard]] ReadTransport reading() const noexcept { return ReadTransport(state()); }
};

/// A socket of datagrams. Python: asyncio.DatagramTransport.
class DatagramTransport : public BaseTransport {
 public:
  using BaseTransport::BaseTransport;

  /// Sends one datagram, also an empty one, to `to`, or with an empty address to the one that the
  /// endpoint was connected to. What the kernel does not take at once is queued (as so many bytes
  /// and 8) and pause_writing() may come; the queue is bounded, and what no longer fits is
  /// refused as an error ENOBUFS. Errors are the protocol's error_received(), within this call.
  /// ValueError for another address on a connected endpoint. Python: DatagramTransport.sendto.
  void sendto(std::string_view data, const SocketAddress& to = {}) const {
    sendto(std::as_bytes(std::span(data)), to);
  }
  void sendto(std::span<const std::byte> data, const SocketAddress& to = {}) const;
  /// close() that throws away what is queued. Python: DatagramTransport.abort.
  void abort() const noexcept { state()->abort(); }

  // As in WriteTransport.
  void set_write_buffer_limits(std::size_t high, std::size_t low) const {
    state()->set_limits(high, low);
  }
  void set_write_buffer_limits(std::size_t high) const { state()->set_limits(high, high / 4); }
  [[nodiscard]] std::pair<std::size_t, std::size_t> get_write_buffer_limits() const noexcept {
    return {state()->limits().low, state()->limits().high};
  }
  [[nodiscard]] std::size_t get_write_buffer_size() const noexcept { return state()->unsent(); }

  void set_protocol(std::shared_ptr<DatagramProtocol> protocol) const;
};

}  // namespace asyncio
