// HTTP/1.0 and 1.1 messages from bytes: no I/O, no waiting, no exception.
//
// Pull one event at a time; the bytes it used are cut from the front of the caller's view:
//
//   parser.start_response("GET");
//   while (true) {
//     switch (parser.next(bytes)) {
//       case Event::need_more: ... read into bytes; at end of file call parser.eof() ...
//       case Event::interim:   continue;                   // 100 Continue, 103 Early Hints
//       case Event::head:      head = parser.take_response(); break;
//       case Event::body:      body.append(parser.body()); break;   // a view into bytes
//       case Event::complete:  ... parser.keep_alive() ...
//       case Event::error:     parser.raise(); or answer parser.error().status and close
//     }
//   }
//
// The parser keeps what it needs: after need_more the view is empty and the buffer may be reused.
// Two profiles. A server is strict: anything two readers could read in two ways is an error. A
// client reads what real servers send: when a head is not strictly valid it is repaired once and
// the connection is not used again (repaired(), keep_alive() false). The verdict never depends on
// how the bytes were cut into pieces.
// Source: RFC 9112. The grammar is Boost.Beast's basic_parser, which only http1_engine.cpp sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asyncio/http/errors.hpp"
#include "asyncio/http/message.hpp"

namespace asyncio::http {

/// Limits on what a peer may make us hold, in bytes unless named otherwise.
struct ParserLimits {
  std::size_t head = 64 * 1024;        // first line and all fields
  std::size_t first_line = 16 * 1024;  // request line or status line
  std::size_t fields = 128;            // count
  std::size_t chunk_line = 1024;       // size and extensions of one chunk
  std::size_t trailers = 16 * 1024;    // all fields after the last chunk
  std::size_t interim = 16;            // count of 1xx answers before the final one
  std::optional<std::uint64_t> body;   // nullopt: no limit
};
/// 32 KB of head, 128 fields.
[[nodiscard]] ParserLimits server_limits() noexcept;
/// 64 KB of head, 128 fields.
[[nodiscard]] ParserLimits client_limits() noexcept;

enum class ParseErrorKind : std::uint8_t {
  none,
  closed_before_message,  // end of file and not one byte of a message: a kept connection went away
  closed_in_head,
  closed_in_body,  // Content-Length not reached, or no last chunk
  not_http,        // the first bytes are of another protocol, such as TLS
  bad_first_line,
  bad_version,
  bad_target,
  bad_host,
  bad_line_ending,  // bare LF or bare CR
  bad_field,
  bad_content_length,
  bad_transfer_encoding,
  bad_chunk,
  bad_trailer,
  unexpected_upgrade,  // 101 that nobody asked for
  first_line_too_long,
  head_too_large,
  too_many_fields,
  too_many_interim,
  chunk_line_too_long,
  trailers_too_large,
  body_too_large,
};

/// What is wrong with a message, and where.
struct ParseError {
  ParseErrorKind kind = ParseErrorKind::none;
  /// What a server answers: 400, 413, 414 or 431.
  int status = 400;
  /// Bytes from the first byte of this message to the offence.
  std::uint64_t offset = 0;
  /// "bad chunk size at byte 120: \"zz\\r\\n\"": rule, place, and the bytes there made printable.
  std::string message;
};

/// Reads the messages of one connection, one after another. One allocation when it is made;
/// start_*() makes it ready for the next message without another.
class Http1Parser {
 public:
  enum class Event : std::uint8_t { need_more, interim, head, body, complete, error };

  explicit Http1Parser(const ParserLimits& limits);
  Http1Parser(Http1Parser&&) noexcept;
  Http1Parser& operator=(Http1Parser&&) noexcept;
  ~Http1Parser();

  /// Server: the next message is a request. Strict profile.
  void start_request();
  /// Client: the next message answers a request of `method`, which decides whether it has a body.
  /// `upgrade_asked`: the request had an Upgrade field, so 101 is a possible answer.
  void start_response(std::string_view method, bool upgrade_asked = false);

  /// Reads on in `bytes` until something happened, and cuts what it used from their front.
  ///   need_more  all bytes are used; the message is not finished
  ///   interim    a 1xx answer other than 101: look at response(); the final one follows
  ///   head       request() or response() is there
  ///   body       body() is there: a view into `bytes`, valid as long as the caller's buffer
  ///   complete   the message is over; bytes after it stay in `bytes`. Call start_*() to go on
  ///   error      error() says what; the connection must be closed. Stays so until start_*()
  /// After complete, next() says complete again and uses nothing.
  Event next(std::string_view& bytes);

  /// The connection has ended: complete for a body that runs until the end, else error.
  Event eof();

  /// The head read last. take_*() moves it out; the parser does not need it any more.
  [[nodiscard]] const RequestHead& request() const noexcept;
  [[nodiscard]] const ResponseHead& response() const noexcept;
  [[nodiscard]] RequestHead take_request() noexcept;
  [[nodiscard]] ResponseHead take_response() noexcept;
  /// The piece of body of the last body event. Never empty.
  [[nodiscard]] std::string_view body() const noexcept;
  /// Fields after the last chunk; complete only. Never merged into the head.
  [[nodiscard]] const Headers& trailers() const noexcept;

  /// From head on: the length that the head announces; nullopt when chunked or until end of file.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;
  [[nodiscard]] bool chunked() const noexcept;
  /// From head on: whether body events can follow.
  [[nodiscard]] bool has_body() const noexcept;
  /// From head on: whether another message may follow on this connection. False after a repair, a
  /// body until end of file, an upgrade, an error, or when either side said so.
  [[nodiscard]] bool keep_alive() const noexcept;
  /// From head on, server: the client waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const noexcept;
  /// From head on. Client: the answer was 101, or 2xx to CONNECT. Server: the request was CONNECT
  /// or asks for an upgrade (Connection: upgrade and an Upgrade field, HTTP/1.1). What is left in
  /// `bytes` after complete belongs to the other protocol if the upgrade takes place.
  [[nodiscard]] bool upgrade() const noexcept;
  /// Client: the head was not valid and has been repaired.
  [[nodiscard]] bool repaired() const noexcept;
  /// Whether a byte of the current message has been seen: if not, a retry is safe.
  [[nodiscard]] bool started() const noexcept;

  /// Replaces the limit on the body, for a route of its own; before the first body event.
  void set_body_limit(std::optional<std::uint64_t> limit) noexcept;

  [[nodiscard]] const ParseError& error() const noexcept;
  /// Throws error() as BadStatusLine, InvalidHeader, LineTooLong, TransferEncodingError,
  /// ContentLengthError or BadHttpMessage; ServerDisconnectedError when the connection ended before
  /// the head was complete. A session makes of them what aiohttp's does: ClientResponseError before
  /// the head event, ClientPayloadError after it.
  [[noreturn]] void raise() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace asyncio::http
