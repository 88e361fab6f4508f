// What a ClientResponse is inside: the head, and the connection until the body is read.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "asyncio/http/client_response.hpp"
#include "asyncio/task/task.hpp"
#include "http/client_connection.hpp"
#include "http/connection_pool.hpp"
#include "http/decoder.hpp"

namespace asyncio::http::detail {

struct ResponseState {
  ResponseState(std::string_view request_method, Url request_url)
      : method(request_method), url(std::move(request_url)) {}

  std::string method;
  Url url;
  ResponseHead head;
  std::vector<ClientResponse> history;
  ExchangeDeadline deadline;
  std::optional<Delay> total;  // what deadline.total was made of, for its message
  std::optional<std::uint64_t> max_body_bytes;
  std::optional<ContentDecoder> decoder;
  std::string body;            // as far as read() has it
  std::exception_ptr failure;  // of a read ahead, for the next read
  bool body_complete = false;
  bool reading = false;
  Task<> ahead;                // reads while nobody does, so that others get the connection

  // The connection goes back to the pool, or is closed, before the slot does.
  Slot slot;
  std::unique_ptr<ClientConnection> connection;

  /// After the head: decides on decoding, takes what has arrived of the body, and lets go of the
  /// connection when that was all.
  void begin_body(bool decompress);
  /// Gives the connection back to the pool, or closes it when it cannot be used again.
  void finish_body() noexcept;
  void close() noexcept;
};

/// Reads on in the background, up to a bound, when other requests wait for a connection: a program
/// may collect a thousand responses before it reads the first body. Python: aiohttp always does.
void read_ahead(const std::shared_ptr<ResponseState>& state);

Coro<> read_body(std::shared_ptr<ResponseState> state);
Coro<std::string> read_any(std::shared_ptr<ResponseState> state);

/// "GET http://host/path".
std::string describe_request(const std::string& method, const Url& url);

/// The exception a user gets for what a stream, the parser or a deadline failed with.
/// CancelledError and the library's own stay as they are.
std::exception_ptr client_error(const std::exception_ptr& error, const ResponseState& response,
                                bool in_body);

}  // namespace asyncio::http::detail
