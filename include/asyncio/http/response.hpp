// Response: what a handler of our server returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/http/headers.hpp"

namespace asyncio::http {

/// Where a streamed body goes, piece by piece.
class BodyWriter {
 public:
  /// Sends `piece`; waits while the peer does not keep up. ConnectionResetError when it has gone.
  /// `piece` must live until the await is over. Python: StreamResponse.write.
  [[nodiscard]] virtual Coro<> write(std::string_view piece) = 0;

 protected:
  ~BodyWriter() = default;
};

/// Python: aiohttp.web.Response; with stream(), StreamResponse.
class Response {
 public:
  /// Called when head and status are out. An exception cuts the connection, so that the peer does
  /// not take a part for the whole.
  using Stream = std::function<Coro<>(BodyWriter&)>;

  Response() = default;
  /// text/plain in UTF-8.
  explicit Response(std::string text, int status = 200);
  /// With a content type of its own: Response(html, "text/html; charset=utf-8").
  Response(std::string body, std::string_view content_type, int status = 200);
  /// A body that several responses share, without a copy.
  Response(std::shared_ptr<const std::string> body, std::string_view content_type,
           int status = 200);
  /// A body that is made while it is sent; chunked unless its length is known.
  static Response stream(Stream body, std::string_view content_type,
                         std::optional<std::uint64_t> length = std::nullopt, int status = 200);

  [[nodiscard]] int status() const noexcept { return status_; }
  /// `reason` empty: the usual one, "Not Found" for 404. ValueError for a status outside 200-599
  /// and for a control byte in the reason. Python: set_status.
  Response& set_status(int status, std::string_view reason = {}) &;
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  [[nodiscard]] Headers& headers() noexcept { return headers_; }
  [[nodiscard]] const Headers& headers() const noexcept { return headers_; }
  /// Adds a field. ValueError when it may not stand in a message, so that nothing a handler passes
  /// on can split the response.
  Response& header(std::string_view name, std::string_view value) &;
  Response&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  /// The connection is closed after this response. Python: force_close.
  Response& force_close() & {
    close_ = true;
    return *this;
  }

  // For the server.
  [[nodiscard]] std::string_view body() const noexcept { return shared_ ? *shared_ : body_; }
  [[nodiscard]] const Stream& body_stream() const noexcept { return stream_; }
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept;
  [[nodiscard]] bool closes() const noexcept { return close_; }

 private:
  int status_ = 200;
  std::string reason_;
  Headers headers_;
  std::string body_;
  std::shared_ptr<const std::string> shared_;
  Stream stream_;
  std::optional<std::uint64_t> stream_length_;
  bool close_ = false;
};

/// Thrown by a handler: the answer is its response. HTTPException(404), HTTPException(403, "no").
/// Python: aiohttp.web.HTTPException and its many subclasses, HTTPNotFound ...
class HTTPException : public std::runtime_error {
 public:
  /// The text is "404: Not Found" unless given.
  explicit HTTPException(int status, std::string_view text = {});
  [[nodiscard]] int status() const noexcept { return status_; }
  /// More fields of the response, such as Location or Allow.
  HTTPException& header(std::string_view name, std::string_view value) &;
  HTTPException&& header(std::string_view name, std::string_view value) && {
    return std::move(header(name, value));
  }
  /// What the server answers when a handler throws this.
  [[nodiscard]] Response response() const;

 private:
  int status_;
  Headers headers_;
};

}  // namespace asyncio::http
