// Protocols: what a program derives from to be called back by a transport.
//
// All calls come on the loop's thread, in this order:
//   connection_made  ( data_received* eof_received? | datagram_received* ... )  connection_lost
// with pause_writing and resume_writing in turn in between, within calls of write(). A protocol
// lives as long as its transport is open, and as long as somebody else holds it.
#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string_view>

#include "asyncio/streams/transport.hpp"

namespace asyncio {

/// Python: asyncio.BaseProtocol.
class BaseProtocol {
 public:
  BaseProtocol() = default;
  BaseProtocol(const BaseProtocol&) = delete;
  BaseProtocol& operator=(const BaseProtocol&) = delete;
  virtual ~BaseProtocol() = default;

  /// The end, once, and never within a call of this program's: null after close(), abort() and the
  /// peer's end; else what the connection broke with. What was buffered and not sent is lost. What
  /// this fails with goes to the loop's exception handler. Python: connection_lost.
  virtual void connection_lost(std::exception_ptr /*error*/) {}
  /// More than the high mark is buffered: write no more for now. Within a call of write(). What
  /// these two fail with goes to the exception handler, and the connection stays.
  /// Python: pause_writing.
  virtual void pause_writing() {}
  /// The low mark is reached. Python: resume_writing.
  virtual void resume_writing() {}
};

/// Of a stream of bytes. Where data_received() or eof_received() throws, the exception handler is
/// told, unless it is an OSError, and the connection is aborted with it. Python: asyncio.Protocol.
class Protocol : public BaseProtocol {
 public:
  /// Before anything else; reading begins after it. Python: connection_made.
  virtual void connection_made(Transport /*transport*/) {}
  /// At least one byte. `data` stands in the loop's own buffer: copy what you keep, before anything
  /// else is read. Python: data_received.
  virtual void data_received(std::string_view /*data*/) {}
  /// The peer sends no more. False: the transport closes itself. True: it stays open for writing,
  /// but for TLS, which knows no half-open connection. Python: eof_received.
  virtual bool eof_received() { return false; }
};

/// Of a stream of bytes that come into the protocol's own buffer, without a copy.
/// Python: asyncio.BufferedProtocol.
class BufferedProtocol : public BaseProtocol {
 public:
  virtual void connection_made(Transport /*transport*/) {}
  /// Where to receive to; valid until the next call. `size_hint` is what would be good, or -1. An
  /// empty buffer is a fatal error. Python: get_buffer.
  virtual std::span<std::byte> get_buffer(std::ptrdiff_t size_hint) = 0;
  /// So many bytes were received to its beginning. Python: buffer_updated.
  virtual void buffer_updated(std::size_t count) = 0;
  /// As in Protocol.
  virtual bool eof_received() { return false; }
};

/// Of datagrams. What these throw goes to the exception handler, and the endpoint stays.
/// Python: asyncio.DatagramProtocol.
class DatagramProtocol : public BaseProtocol {
 public:
  virtual void connection_made(DatagramTransport /*transport*/) {}
  /// One datagram, maybe empty, whole. `data` stands in the loop's own buffer.
  /// Python: datagram_received.
  virtual void datagram_received(std::string_view /*data*/, const SocketAddress& /*from*/) {}
  /// A send or a receive has failed with an OSError, or an earlier datagram could not be delivered
  /// (ConnectionRefusedError on a connected endpoint); a datagram that was longer than the buffer
  /// of 256 KB is one of EMSGSIZE, and dropped. The endpoint stays open. Python: error_received.
  virtual void error_received(std::exception_ptr /*error*/) {}
};

}  // namespace asyncio
