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

struct ResponseState final : UnreadBody {
  ResponseState(std::string_view request_method, Url request_url)
      : method(request_method), url(std::move(request_url)) {}
  ResponseState(const ResponseState&) = delete;
  ResponseState& operator=(const ResponseState&) = delete;
  ~ResponseState() { stop_read_ahead(); }

  std::string method;
  Url url;
  ResponseHead head;
  std::vector<ClientResponse> history;
  ExchangeDeadline deadline;
  std::optional<Delay> total;  // what deadline.total was made of, for its message
  std::optional<std::uint64_t> max_body_bytes;
  std::optional<ContentDecoder> decoder;
  std::string body;             // as far as read() has it
  std::uint64_t given_out = 0;  // bytes of body that readany() has given before
  std::exception_ptr failure;   // of a read that nobody waited for, for the next one
  bool body_complete = false;
  bool reading = false;  // a task of the user's does
  bool closed = false;   // by close()
  Task<> ahead;          // reads while nobody does, so that others get the connection

  // The connection goes back to the pool, or is closed, before the slot does.
  Slot slot;
  std::unique_ptr<ClientConnection> connection;

  /// After the head: decides on decoding, takes what has arrived of the body, and lets go of the
  /// connection when that was all.
  void begin_body(bool decompress);
  /// Gives the connection back to the pool, or closes it when it cannot be used again.
  void finish_body() noexcept;
  /// Closes the connection; a task that reads is told, and lets go of it.
  void close() noexcept;
  void drop_connection() noexcept;

  /// Reads on in the background, up to a bound: a program may collect a thousand responses before
  /// it reads the first body. Python: aiohttp always does.
  void read_ahead() override;
  void stop_read_ahead() noexcept;
};

Coro<> read_body(std::shared_ptr<ResponseState> state);
Coro<std::string> read_any(std::shared_ptr<ResponseState> state);

/// "GET http://host/path".
std::string describe_request(const std::string& method, const Url& url);

/// "0.5 s".
std::string seconds_text(Delay delay);
/// Whether `error` is a TimeoutError of a deadline of ours: the kernel's says of what it is.
bool is_deadline(const std::exception_ptr& error);

/// The exception a user gets for what a stream, the parser or a deadline failed with.
/// CancelledError and the library's own stay as they are.
std::exception_ptr client_error(const std::exception_ptr& error, const ResponseState& response,
                                bool in_body);

}  // namespace asyncio::http::detail
