// One connection to a server: a request out, a response in, again and again.
//
// Its coroutines fail with what the stream or the parser failed with; the exchange above puts
// method and URL in front. Deadlines are points in the loop's time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "asyncio/base/list.hpp"
#include "asyncio/http/client_options.hpp"
#include "asyncio/loop/descriptor.hpp"
#include "asyncio/streams/reader.hpp"
#include "asyncio/streams/writer.hpp"
#include "http/http1_parser.hpp"

namespace asyncio::http {

/// How long the waits of one exchange may take.
struct ExchangeDeadline {
  std::optional<Nanoseconds> total;  // in the loop's time
  std::optional<Delay> sock_read;

  /// Of a read that begins now.
  [[nodiscard]] std::optional<Nanoseconds> until(Scheduler& scheduler) const noexcept;
};

class ClientConnection final : public base::ListNode, private ReadinessListener {
 public:
  /// Told what happens to a connection while it carries no request.
  class IdleOwner {
   public:
    /// May destroy the connection.
    virtual void on_idle_event(ClientConnection& connection) noexcept = 0;

   protected:
    ~IdleOwner() = default;
  };

  ClientConnection(StreamPair streams, const ParserLimits& limits);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  /// Between two exchanges: everything was sent, everything read, and nothing says that the peer
  /// has closed. Costs no system call.
  [[nodiscard]] bool usable() const noexcept {
    return !writer_.peer_closed() && reader_.buffered().empty() &&
           writer_.get_write_buffer_size() == 0;
  }
  /// Looks for bytes or an end that came without being asked for; true when there are none. Costs a
  /// system call only after an event, or when the last read has not seen the end of the data.
  [[nodiscard]] bool quiet() noexcept;
  /// From now on `owner` is told of events. False when there is one already.
  [[nodiscard]] bool enter_idle(IdleOwner& owner, Nanoseconds now);
  void leave_idle() noexcept;
  [[nodiscard]] Nanoseconds idle_since() const noexcept { return idle_since_; }
  [[nodiscard]] IdleOwner* idle_owner() const noexcept { return idle_owner_; }

  /// It has carried a whole exchange before this one: a server may have closed it just now.
  [[nodiscard]] bool reused() const noexcept { return exchanges_ > 1; }
  /// Whether a byte of the present response has come.
  [[nodiscard]] bool response_started() const noexcept { return parser_.started(); }

  /// Sends head and body and reads the head of the response. The texts must live until the await is
  /// over.
  Coro<> exchange(std::string_view head, std::string_view body, std::string_view method,
                  ExchangeDeadline deadline);
  [[nodiscard]] Http1Parser& parser() noexcept { return parser_; }
  /// Whether bytes of a body may follow; set by exchange(), until the last was read.
  [[nodiscard]] bool body_pending() const noexcept { return body_pending_; }

  /// Appends what has arrived of the body, without waiting. An error shows in the next read.
  void take_arrived(std::string& out);
  /// Appends the next piece of body to `out`: at least a byte, unless the body is over.
  Coro<> read_piece(std::string& out, ExchangeDeadline deadline);
  /// Appends all that is left.
  Coro<> read_rest(std::string& out, ExchangeDeadline deadline, std::uint64_t max_bytes);

  /// From now on nothing can be read but an end.
  void abort() noexcept { writer_.abort(); }

 private:
  void on_ready() noexcept override;
  Http1Parser::Event advance(std::string* body);
  Coro<> fill(ExchangeDeadline deadline, Http1Parser::Event& event, std::string* body);

  StreamReader reader_;
  StreamWriter writer_;
  Http1Parser parser_;
  IdleOwner* idle_owner_ = nullptr;
  Nanoseconds idle_since_{0};
  unsigned exchanges_ = 0;
  bool body_pending_ = false;
};

}  // namespace asyncio::http
