// One connection of the server: requests in, responses out, in order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "asyncio/base/list.hpp"
#include "asyncio/http/application.hpp"
#include "asyncio/http/server.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"
#include "asyncio/task/task.hpp"
#include "http/http1_parser.hpp"
#include "http/http1_writer.hpp"

namespace asyncio::http::detail {

class ServerCore;

/// Lives in the coroutine that serves the connection. Pipelined requests are answered one after
/// another; what follows waits in the kernel.
class ServerConnection : public base::ListNode, private BodyWriter {
 public:
  ServerConnection(ServerCore& core, StreamReader reader, StreamWriter writer);

  /// Until the connection ends. Cancelled: closes it.
  Coro<> serve();

  [[nodiscard]] SocketAddress peer() const { return writer_.peername(); }
  [[nodiscard]] const SSLObject* ssl_object() const noexcept { return writer_.ssl_object(); }
  [[nodiscard]] bool body_pending() const noexcept { return body_pending_; }
  Coro<std::string> read_body();

  /// Waits for a request, has only begun to read one, or is about to close.
  [[nodiscard]] bool idle() const noexcept { return idle_; }
  [[nodiscard]] const AnyTask& task() const noexcept { return task_; }

 private:
  using Event = Http1Parser::Event;

  Event advance(std::string* body);
  Coro<> fill(Event& event, std::string* body, std::optional<Nanoseconds> deadline);
  Coro<> serve_requests();
  Coro<> say_goodbye();
  Coro<> linger();
  Coro<bool> read_head();
  Coro<> handle_request();
  Coro<Response> call_handler(Request& request);
  Response response_of_error(const std::exception_ptr& error);
  bool may_discard_body();
  Coro<bool> discard_body();
  void begin_head(const Request& request, Response& response);
  void write_response(const Request& request, Response& response);
  [[nodiscard]] bool drained() const;
  Coro<> send(const Request& request, Response& response);
  Coro<> send_stream(const Response& response);
  Coro<> send_error(int status, std::string_view text);
  Coro<> flush();
  Coro<> write(std::string_view piece) override;
  void log_access(const Request& request, const Response& response, Nanoseconds begun);
  [[nodiscard]] Nanoseconds now() const;

  ServerCore& core_;
  StreamReader reader_;
  StreamWriter writer_;
  Http1Parser parser_;
  AnyTask task_;
  std::string out_;
  BodyFraming framing_ = BodyFraming::none;
  std::uint64_t sent_ = 0;
  std::uint64_t promised_ = 0;
  bool body_pending_ = false;
  bool continue_due_ = false;  // "100 Continue" is owed before the body is read
  bool keep_alive_ = true;
  bool idle_ = true;
  bool cut_ = false;         // the peer has gone or does not read
  bool unfinished_ = false;  // the peer may be in the middle of a message that is not read
};

}  // namespace asyncio::http::detail
