#include "http/client_connection.hpp"

#include <algorithm>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/task/timeouts.hpp"
#include "http/parse_buffered.hpp"

namespace asyncio::http {

using Event = Http1Parser::Event;

std::optional<Nanoseconds> ExchangeDeadline::until(Scheduler& scheduler) const noexcept {
  if (!sock_read) return total;
  const Nanoseconds read = base::saturating_add(scheduler.time(), sock_read->value());
  return total ? std::min(*total, read) : read;
}

ClientConnection::ClientConnection(StreamPair streams, const ParserLimits& limits)
    : reader_(std::move(streams.first)), writer_(std::move(streams.second)), parser_(limits) {}

ClientConnection::~ClientConnection() {
  leave_idle();
  // What a peer has not taken by now it may never take.
  if (writer_.get_write_buffer_size() > 0) writer_.abort();
  writer_.close();
}

// --- idle ---------------------------------------------------------------------------------------

bool ClientConnection::quiet() noexcept {
  if (!usable()) return false;
  asyncio::detail::Connection& connection = *writer_.connection();
  return !connection.may_recv() || connection.fill() == asyncio::detail::ReadSide::Fill::blocked;
}

bool ClientConnection::enter_idle(IdleOwner& owner, Nanoseconds now) {
  if (!quiet() || !writer_.connection()->set_waiter(*this)) return false;
  idle_owner_ = &owner;
  idle_since_ = now;
  if (!writer_.connection()->exception()) return true;
  leave_idle();
  return false;
}

void ClientConnection::leave_idle() noexcept {
  if (std::exchange(idle_owner_, nullptr) != nullptr) writer_.connection()->remove_waiter(*this);
}

void ClientConnection::on_ready() noexcept { idle_owner_->on_idle_event(*this); }

// --- one exchange -------------------------------------------------------------------------------

Event ClientConnection::advance(std::string* body) {
  return parse_buffered(reader_, parser_, body);
}

// Reads until the parser says something else than need_more.
Coro<> ClientConnection::fill(ExchangeDeadline deadline, Event& event, std::string* body) {
  using InTime = asyncio::detail::WaitForAwaiter<asyncio::detail::FillBuffer>;
  while (event == Event::need_more) {
    const auto until = deadline.until(writer_.connection()->scheduler());
    const std::size_t unsent = writer_.get_write_buffer_size();
    Result<std::size_t> more = co_await try_(InTime(reader_.fill(), until));
    if (!more.ok()) {
      // First the type: after a cancellation, this connection may be gone.
      const bool late = base::exception_is<TimeoutError>(more.exception());
      // A peer that still takes our body is not silent.
      if (late && until != deadline.total && writer_.get_write_buffer_size() < unsent) continue;
      co_await raise(more.exception());
    }
    event = parse_filled(more.value(), reader_, parser_, body);
  }
}

Coro<> ClientConnection::exchange(std::string_view head, std::string_view body,
                                  std::string_view method, ExchangeDeadline deadline) {
  ++exchanges_;
  parser_.start_response(method);
  // Not drained: the rest goes out while we read, since a server may answer (413) and close before
  // it has read all.
  if (body.empty()) {
    writer_.write(head);
  } else {
    writer_.writelines({head, body});
  }
  Event event = Event::need_more;
  do {
    event = advance(nullptr);
    if (event == Event::need_more) co_await pass(fill(deadline, event, nullptr));
  } while (event == Event::interim);
  if (event == Event::error) parser_.raise();
  body_pending_ = parser_.has_body();
}

void ClientConnection::take_arrived(std::string& out) {
  if (!body_pending_) return;
  if (const auto length = parser_.content_length()) {
    out.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(*length, reader_.buffered().size())));
  }
  Event event = Event::body;
  while (event == Event::body) event = advance(&out);
  if (event == Event::complete) body_pending_ = false;
}

Coro<> ClientConnection::read_piece(std::string& out, ExchangeDeadline deadline) {
  if (!body_pending_) co_return;
  Event event = advance(&out);
  if (event == Event::need_more) co_await pass(fill(deadline, event, &out));
  if (event == Event::complete) body_pending_ = false;
  if (event == Event::error) parser_.raise();
}

Coro<> ClientConnection::read_rest(std::string& out, ExchangeDeadline deadline,
                                   std::uint64_t max_bytes) {
  // An announced length may be a lie: room for what is likely, not for what is claimed.
  constexpr std::uint64_t kMostReserved = 1024 * 1024;
  if (const auto length = parser_.content_length()) {
    out.reserve(out.size() + static_cast<std::size_t>(std::min(*length, kMostReserved)));
  }
  while (body_pending_ && out.size() <= max_bytes) {
    Event event = advance(&out);
    if (event == Event::need_more) co_await pass(fill(deadline, event, &out));
    if (event == Event::complete) body_pending_ = false;
    if (event == Event::error) parser_.raise();
  }
}

}  // namespace asyncio::http
