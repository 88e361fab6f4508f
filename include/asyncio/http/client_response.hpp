// ClientResponse: the head of an answer, and its body as one reads it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "asyncio/coro/coro.hpp"
#include "asyncio/http/headers.hpp"
#include "asyncio/http/message.hpp"
#include "asyncio/http/url.hpp"

namespace asyncio::http {

namespace detail {
struct ResponseState;
}

/// The answer to a request. The body is still on its way: read() or text() take it whole,
/// readany() in pieces. Reading to the end gives the connection back to the session; dropping the
/// response before that closes the connection. A copy is a handle to the same response. One task
/// may read at a time. Python: aiohttp.ClientResponse.
class ClientResponse {
 public:
  explicit ClientResponse(std::shared_ptr<detail::ResponseState> state) noexcept
      : state_(std::move(state)) {}

  /// 200, 404 ... Python: ClientResponse.status.
  [[nodiscard]] int status() const noexcept;
  /// "OK", "Not Found", as the server wrote it.
  [[nodiscard]] const std::string& reason() const noexcept;
  /// Below 400. Python: ClientResponse.ok.
  [[nodiscard]] bool ok() const noexcept { return status() < 400; }
  [[nodiscard]] const Headers& headers() const noexcept;
  [[nodiscard]] HttpVersion version() const noexcept;
  /// Of the last request, after redirects; the first is history().front() when there were any.
  [[nodiscard]] const Url& url() const noexcept;
  [[nodiscard]] const std::string& method() const noexcept;
  /// "text/html" of "text/html; charset=utf-8"; "application/octet-stream" without the field.
  [[nodiscard]] std::string content_type() const;
  /// "utf-8" of the same, in small letters; empty without one.
  [[nodiscard]] std::string charset() const;
  /// What Content-Length announces, before decompression; nullopt when nothing does.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept;
  /// The redirects that led here, oldest first. Their bodies are gone.
  [[nodiscard]] const std::vector<ClientResponse>& history() const noexcept;

  /// Throws ClientResponseError for a status of 400 or more; it carries the body as far as it was
  /// read. Python: raise_for_status.
  void raise_for_status() const;

  /// The whole body, decompressed. May be called again: the body is kept. Errors:
  /// ClientPayloadError when it is cut short or damaged (never a part as if it were whole),
  /// TimeoutError. After a cancellation the connection is closed. Python: read.
  [[nodiscard]] Coro<std::string> read() const&;
  /// The same of a response that is not used any more, `std::move(response).read()`: without a
  /// copy.
  [[nodiscard]] Coro<std::string> read() &&;
  /// The whole body as UTF-8: converted from the charset of Content-Type, UTF-8 without one. Bytes
  /// that should be UTF-8 are passed on as they are. ValueError for a charset that is unknown or
  /// does not fit. Python: text.
  [[nodiscard]] Coro<std::string> text() const&;
  [[nodiscard]] Coro<std::string> text() &&;
  /// The next piece of body, decompressed, as it comes; empty at the end. Not kept: read() then
  /// gives what is left. Python: content.readany.
  [[nodiscard]] Coro<std::string> readany() const;

  /// Closes the connection; a body that was not read is lost. Python: close.
  void close() const noexcept;

 private:
  std::shared_ptr<detail::ResponseState> state_;
};

}  // namespace asyncio::http
