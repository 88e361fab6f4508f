// HTTP/1.1 messages to bytes: heads in one append, chunk framing. No I/O.
//
// Framing (Content-Length, Transfer-Encoding) is decided here and nowhere else, so that head and
// body cannot disagree. Bad input is refused with ValueError before a byte is appended, so that
// nothing an application passes in can split a message. Source: RFC 9112.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "asyncio/http/headers.hpp"
#include "asyncio/http/message.hpp"

namespace asyncio::http {

/// How long a body is, as far as the sender knows before it sends.
struct BodyLength {
  enum class Kind : std::uint8_t { none, known, unknown };
  Kind kind = Kind::none;
  std::uint64_t bytes = 0;

  [[nodiscard]] static constexpr BodyLength none() noexcept { return {}; }
  [[nodiscard]] static constexpr BodyLength known(std::uint64_t bytes) noexcept {
    return {Kind::known, bytes};
  }
  [[nodiscard]] static constexpr BodyLength unknown() noexcept { return {Kind::unknown, 0}; }
};

/// How the body has to be sent after the head.
enum class BodyFraming : std::uint8_t {
  none,         // nothing may be sent
  length,       // exactly the announced bytes
  chunked,      // append_chunk()s, then append_last_chunk()
  until_close,  // raw bytes, then close the connection (an HTTP/1.0 client, length unknown)
};

/// Appends "GET /x HTTP/1.1\r\nHost: h\r\n...\r\n\r\n" to `out`.
/// `host` is the value of the Host field, written first unless `headers` has its own.
/// Adds Content-Length or "Transfer-Encoding: chunked" when `headers` has neither; one that is
/// there must agree with `body`. A method that expects a body sends "Content-Length: 0" for none.
/// `lines` are more fields, ready to be sent, each with its CRLF.
/// Errors: ValueError that names method, target or field; `out` is unchanged then.
BodyFraming append_request_head(std::string& out, std::string_view method, std::string_view target,
                                std::string_view host, const Headers& headers, BodyLength body,
                                std::string_view lines = {});

/// Appends fields that were checked before, a line each.
void append_fields(std::string& out, const Headers& headers);

/// What a response head depends on besides its own content.
struct ResponseContext {
  std::string_view method = "GET";      // of the request: HEAD and CONNECT have no body
  HttpVersion version = HttpVersion11;  // of the request: 1.0 knows no chunks
  bool keep_alive = true;               // false adds "Connection: close"
  std::string_view lines = {};          // fields ready to be sent, each with its CRLF
};

/// Appends a response head to `out`; `reason` may be empty for the usual phrase.
/// HEAD and 304 keep the Content-Length the body would have; 1xx and 204 have none.
/// Adds Content-Length or Transfer-Encoding as for requests, and the Connection field the context
/// asks for. `framing == until_close` means that the caller has to close.
/// Errors: ValueError as above, also for a body where none may be.
BodyFraming append_response_head(std::string& out, int status, std::string_view reason,
                                 const Headers& headers, BodyLength body,
                                 const ResponseContext& context);

/// Appends "1f4\r\n": the line before `bytes` bytes of a chunk; for writes that gather.
/// An empty chunk would end the body, so nothing is appended for zero bytes.
void append_chunk_line(std::string& out, std::uint64_t bytes);
/// Appends a whole chunk; nothing for an empty piece.
void append_chunk(std::string& out, std::string_view piece);
/// Ends a chunked body. Errors: ValueError for a trailer that may not be one.
void append_last_chunk(std::string& out);
void append_last_chunk(std::string& out, const Headers& trailers);

}  // namespace asyncio::http
