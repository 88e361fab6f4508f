#include "http/client_connection.hpp"

#include <algorithm>

#include "asyncio/coro/pass.hpp"
#include "asyncio/task/timeouts.hpp"

namespace asyncio::http {

using Event = Http1Parser::Event;

std::optional<Nanoseconds> ExchangeDeadline::of_read(Nanoseconds now) const noexcept {
  if (!sock_read) return total;
  const Nanoseconds read = base::saturating_add(now, sock_read->value());
  return total ? std::min(*total, read) : read;
}

ClientConnection::ClientConnection(StreamPair streams, const ParserLimits& limits)
    : reader_(std::move(streams.first)), writer_(std::move(streams.second)), parser_(limits) {}

Event ClientConnection::advance(std::string* body) {
  std::string_view bytes = reader_.buffered();
  const std::size_t before = bytes.size();
  const Event event = parser_.next(bytes);
  // A view into the buffer: taken over before the bytes are given back.
  if (event == Event::body && body != nullptr) body->append(parser_.body());
  reader_.consume(before - bytes.size());
  return event;
}

// Reads until the parser says something else than need_more.
Coro<> ClientConnection::fill(ExchangeDeadline deadline, Event& event, std::string* body) {
  while (event == Event::need_more) {
    const auto until = deadline.of_read(writer_.connection()->scheduler().time());
    const std::size_t count =
        co_await pass(asyncio::detail::WaitForAwaiter<asyncio::detail::FillBuffer>(reader_.fill(), until));
    event = count == 0 ? parser_.eof() : advance(body);
  }
}

Coro<> ClientConnection::exchange(std::string head, std::string_view body, std::string_view method,
                                  ExchangeDeadline deadline) {
  ++exchanges_;
  parser_.start_response(method);
  if (body.empty()) {
    writer_.write(head);
  } else {
    writer_.writelines({head, body});
    co_await pass(asyncio::detail::WaitForAwaiter<asyncio::detail::Drain>(writer_.drain(), deadline.total));
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
    out.reserve(static_cast<std::size_t>(
        std::min<std::uint64_t>(*length, reader_.buffered().size())));
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
