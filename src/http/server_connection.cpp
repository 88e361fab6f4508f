#include "http/server_connection.hpp"

#include <algorithm>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/task/sleep.hpp"
#include "asyncio/task/timeouts.hpp"
#include "http/parse_buffered.hpp"
#include "http/server_core.hpp"

namespace asyncio::http::detail {
namespace {

// What is read of a body that its handler did not want, so that the connection can go on.
constexpr std::uint64_t kMostDiscarded = 64 * 1024;
// A body that comes slower than this, in bytes per second, is cut off (Kestrel has 240).
constexpr std::uint64_t kSlowestBody = 256;
// How long, and how much, a peer may go on sending after the last answer.
constexpr Nanoseconds kLingerTime = std::chrono::seconds(2);
constexpr std::uint64_t kLingerBytes = 16 * 1024 * 1024;
// Pipelined requests that are answered before others get a turn.
constexpr unsigned kRequestsInARow = 16;

template <class A>
using InTime = asyncio::detail::WaitForAwaiter<A>;

Coro<Response> fail_with(std::exception_ptr error) {
  co_await raise(std::move(error));
  co_return Response();
}

}  // namespace

ServerConnection::ServerConnection(ServerCore& core, StreamReader reader, StreamWriter writer)
    : core_(core),
      reader_(std::move(reader)),
      writer_(std::move(writer)),
      parser_(core.limits()),
      task_(current_task()) {
  core.add(*this);
}

Nanoseconds ServerConnection::now() const { return core_.scheduler().time(); }

Coro<> ServerConnection::serve() {
  Result<void> served = co_await try_(serve_requests());
  idle_ = true;
  Result<void> ended = co_await try_(say_goodbye());
  if (!ended.ok()) writer_.abort();
  if (!served.ok()) co_await raise(served.exception());
  if (!ended.ok()) co_await raise(ended.exception());
}

Coro<> ServerConnection::serve_requests() {
  for (unsigned served = 0; keep_alive_ && !core_.stopping(); ++served) {
    idle_ = true;
    const bool crowded = !reader_.buffered().empty();
    if (crowded && served % kRequestsInARow == kRequestsInARow - 1) co_await pass(sleep(Delay()));
    const bool have = co_await pass(read_head());
    if (!have) break;
    idle_ = false;
    co_await pass(handle_request());
  }
}

// --- the end ------------------------------------------------------------------------------------

Coro<> ServerConnection::say_goodbye() {
  if (!writer_.is_closing() && (unfinished_ || body_pending_ || !reader_.buffered().empty())) {
    co_await pass(linger());
  }
  writer_.close();
  if (writer_.get_write_buffer_size() == 0) co_return;
  const auto deadline = base::saturating_add(now(), core_.options().write_timeout.value());
  co_await pass(InTime<asyncio::detail::CloseWaiter>(writer_.wait_closed(), deadline));
}

// A peer that still sends: to close now would reset the connection, and the reset would overtake
// the answer. RFC 9112 section 9.6.
Coro<> ServerConnection::linger() {
  if (writer_.can_write_eof()) writer_.write_eof();
  const auto deadline = base::saturating_add(now(), kLingerTime);
  std::uint64_t discarded = 0;
  while (discarded < kLingerBytes) {
    discarded += reader_.buffered().size();
    reader_.consume(reader_.buffered().size());
    Result<std::size_t> more =
        co_await try_(InTime<asyncio::detail::FillBuffer>(reader_.fill(), deadline));
    if (base::exception_is<CancelledError>(more.exception())) co_await raise(more.exception());
    if (!more.ok() || more.value() == 0) break;
  }
}

// --- reading ------------------------------------------------------------------------------------

ServerConnection::Event ServerConnection::advance(std::string* body) {
  return parse_buffered(reader_, parser_, body);
}

Coro<> ServerConnection::fill(Event& event, std::string* body,
                              std::optional<Nanoseconds> deadline) {
  const std::size_t count =
      co_await pass(InTime<asyncio::detail::FillBuffer>(reader_.fill(), deadline));
  event = parse_filled(count, reader_, parser_, body);
}

// False: the connection is over, and its peer was told why if there was something to tell.
Coro<bool> ServerConnection::read_head() {
  parser_.start_request();
  Event event = advance(nullptr);
  Nanoseconds deadline = base::saturating_add(now(), core_.options().keepalive_timeout.value());
  bool begun = false;
  while (event == Event::need_more) {
    if (!begun && parser_.started()) {
      // One deadline for the whole head, from its first byte: a byte a second does not extend it.
      begun = true;
      deadline = base::saturating_add(now(), core_.options().header_timeout.value());
    }
    Result<std::size_t> more =
        co_await try_(InTime<asyncio::detail::FillBuffer>(reader_.fill(), deadline));
    if (more.ok()) {
      event = parse_filled(more.value(), reader_, parser_, nullptr);
      continue;
    }
    if (base::exception_is<CancelledError>(more.exception())) co_await raise(more.exception());
    const bool late = begun && base::exception_is<TimeoutError>(more.exception());
    if (!late) co_return false;
    unfinished_ = true;
    co_await pass(send_error(408, "408: the request head did not arrive in time\n"));
    co_return false;
  }
  if (event == Event::error) {
    const bool silent = !parser_.started() ||
                        parser_.error().kind == ParseErrorKind::closed_before_message ||
                        parser_.error().kind == ParseErrorKind::closed_in_head;
    if (!silent) {
      const int status = parser_.error().status;
      const std::string text = std::to_string(status) + ": " + parser_.error().message + "\n";
      unfinished_ = true;
      co_await pass(send_error(status, text));
    }
    co_return false;
  }
  co_return true;
}

Coro<std::string> ServerConnection::read_body() {
  std::string body;
  // Not for a client that did not wait for it.
  const bool invite = std::exchange(continue_due_, false) && reader_.buffered().empty();
  if (invite) writer_.write("HTTP/1.1 100 Continue\r\n\r\n");
  const Nanoseconds patience = core_.options().body_timeout.value();
  const Nanoseconds begun = now();
  while (body_pending_) {
    Event event = advance(&body);
    while (event == Event::need_more) {
      const Nanoseconds earned = std::chrono::seconds(body.size() / kSlowestBody);
      const auto deadline = std::min(base::saturating_add(now(), patience),
                                     base::saturating_add(begun, earned + patience));
      Result<void> more = co_await try_(fill(event, &body, deadline));
      if (more.ok()) continue;
      keep_alive_ = body_pending_ = false;
      cut_ = !base::exception_is<TimeoutError>(more.exception());
      if (cut_) co_await raise(more.exception());
      unfinished_ = true;
      throw HTTPException(408, "408: the request body did not arrive in time");
    }
    if (event == Event::complete) body_pending_ = false;
    if (event == Event::error) {
      keep_alive_ = body_pending_ = false;
      unfinished_ = true;
      const int status = parser_.error().status;
      throw HTTPException(status, std::to_string(status) + ": " + parser_.error().message);
    }
    if (body.size() > core_.options().client_max_size) {
      throw HTTPException(413, "413: the body is larger than " +
                                   std::to_string(core_.options().client_max_size) + " bytes");
    }
  }
  co_return body;
}

// Whether the next request can follow: a short rest of the body may be read away after the answer.
bool ServerConnection::may_discard_body() {
  // A client that waits for "100 Continue" will not send what was not asked for.
  if (body_pending_ && continue_due_) return false;
  Event event = Event::body;
  for (std::uint64_t discarded = 0; body_pending_ && discarded <= kMostDiscarded;) {
    event = advance(nullptr);
    if (event == Event::complete) body_pending_ = false;
    if (event != Event::body) break;
    discarded += parser_.body().size();
  }
  if (!body_pending_) return true;
  const auto length = parser_.content_length();
  return event == Event::need_more && length && *length <= kMostDiscarded;
}

Coro<bool> ServerConnection::discard_body() {
  const auto deadline = base::saturating_add(now(), core_.options().body_timeout.value());
  while (body_pending_) {
    Event event = advance(nullptr);
    if (event == Event::need_more) {
      Result<void> more = co_await try_(fill(event, nullptr, deadline));
      if (base::exception_is<CancelledError>(more.exception())) co_await raise(more.exception());
      if (!more.ok()) co_return false;
    }
    if (event == Event::error) co_return false;
    if (event == Event::complete) body_pending_ = false;
  }
  co_return true;
}

// --- answering ----------------------------------------------------------------------------------

Coro<> ServerConnection::handle_request() {
  const Nanoseconds begun = now();
  keep_alive_ = parser_.keep_alive() && !parser_.upgrade();
  body_pending_ = parser_.has_body();
  continue_due_ = parser_.expects_continue();
  Request request(parser_.take_request(), *this);

  Result<Response> result = co_await try_(call_handler(request));
  if (!result.ok() && base::exception_is<CancelledError>(result.exception())) {
    writer_.abort();
    co_await raise(result.exception());
  }
  const bool failed = !result.ok() && !base::exception_is<HTTPException>(result.exception());
  if (failed && cut_) {
    // The client has gone, and that is what the handler ran into.
    writer_.abort();
    co_return;
  }
  if (failed) core_.report(result.exception(), request);
  Response response =
      result.ok() ? std::move(result).value() : response_of_error(result.exception());
  if (response.closes() || core_.stopping() || !may_discard_body()) keep_alive_ = false;
  Result<void> sent = co_await try_(send(request, response));
  log_access(request, response, begun);
  if (!sent.ok()) {
    const bool ours = !cut_ && !base::exception_is<CancelledError>(sent.exception());
    if (!ours) co_await raise(sent.exception());
    core_.report(sent.exception(), request);
  }
  idle_ = true;
  if (keep_alive_ && body_pending_) keep_alive_ = co_await pass(discard_body());
}

// The handler's own coroutine, or one that fails with what it threw before it was one.
Coro<Response> ServerConnection::call_handler(Request& request) {
  try {
    const auto expected = request.headers().get("Expect");
    // HTTP/1.0 knows no expectations: RFC 9110 section 10.1.1.
    if (expected && request.version() >= HttpVersion11 && !same_name(*expected, "100-continue")) {
      throw HTTPException(417);
    }
    return core_.app().resolve(request)(request);
  } catch (...) {
    return fail_with(std::current_exception());
  }
}

Response ServerConnection::response_of_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const HTTPException& e) {
    return e.response();
  } catch (...) {
    // What went wrong is for the log, not for the peer.
    return HTTPException(500).response();
  }
}

void ServerConnection::begin_head(const Request& request, Response& response) {
  const auto length = response.length();
  const BodyLength announced = length ? BodyLength::known(*length) : BodyLength::unknown();
  const bool may_announce = response.status() != 204;
  out_.clear();
  framing_ = append_response_head(
      out_, response.status(), response.reason(), response.headers(),
      may_announce ? announced : BodyLength::none(),
      {request.method(), request.version(), keep_alive_, core_.usual_lines(response.headers())});
  sent_ = 0;
  promised_ = length.value_or(0);
}

// All of it but a streamed body.
void ServerConnection::write_response(const Request& request, Response& response) {
  try {
    begin_head(request, response);
  } catch (const ValueError&) {
    // Fields that may not be sent, or that deny the body: nothing of it has gone out.
    core_.report(std::current_exception(), request);
    response = HTTPException(500).response();
    begin_head(request, response);
  }
  if (framing_ == BodyFraming::until_close) keep_alive_ = false;
  const bool has_body =
      response_has_body(request.method(), response.status()) && framing_ != BodyFraming::none;
  if (!has_body || response.body_stream()) {
    writer_.write(out_);
  } else {
    // Copying a short body costs less than a call that gathers.
    constexpr std::size_t kWorthGathering = 2048;
    sent_ = response.body().size();
    if (sent_ < kWorthGathering) {
      writer_.write(out_ += response.body());
    } else {
      writer_.writelines({out_, response.body()});
    }
  }
}

Coro<> ServerConnection::send(const Request& request, Response& response) {
  write_response(request, response);
  const bool streams = response.body_stream() && framing_ != BodyFraming::none &&
                       response_has_body(request.method(), response.status());
  if (streams) co_await pass(send_stream(response));
  if (!drained()) co_await pass(flush());
}

Coro<> ServerConnection::send_stream(const Response& response) {
  Coro<> body = response.body_stream()(*this);
  Result<void> result = co_await try_(std::move(body));
  const bool short_body = framing_ == BodyFraming::length && sent_ != promised_;
  if (!result.ok() || short_body) {
    // No clean end: the peer must not take a part for the whole.
    writer_.abort();
    keep_alive_ = false;
    if (!result.ok()) co_await raise(result.exception());
    throw RuntimeError("a streamed response announced " + std::to_string(promised_) +
                       " bytes and wrote " + std::to_string(sent_));
  }
  if (framing_ == BodyFraming::chunked) {
    out_.clear();
    append_last_chunk(out_);
    writer_.write(out_);
  }
}

Coro<> ServerConnection::write(std::string_view piece) {
  sent_ += piece.size();
  if (framing_ == BodyFraming::length && sent_ > promised_) {
    throw RuntimeError("a streamed response wrote more than the " + std::to_string(promised_) +
                       " bytes it announced");
  }
  if (framing_ == BodyFraming::chunked) {
    if (piece.empty()) co_return;
    out_.clear();
    append_chunk_line(out_, piece.size());
    writer_.writelines({out_, piece, "\r\n"});
  } else {
    writer_.write(piece);
  }
  co_await pass(flush());
}

Coro<> ServerConnection::send_error(int status, std::string_view text) {
  const Headers headers{{"Content-Type", "text/plain; charset=utf-8"}};
  out_.clear();
  append_response_head(out_, status, {}, headers, BodyLength::known(text.size()),
                       {"GET", HttpVersion11, false, core_.usual_lines(headers)});
  writer_.writelines({out_, text});
  co_await pass(flush());
  keep_alive_ = false;
}

// Whether drain() would return at once, and without an error.
bool ServerConnection::drained() const {
  const asyncio::detail::Connection& connection = *writer_.connection();
  return !connection.paused() && !connection.is_closing() && !connection.exception();
}

Coro<> ServerConnection::flush() {
  const auto deadline = base::saturating_add(now(), core_.options().write_timeout.value());
  Result<void> result = co_await try_(InTime<asyncio::detail::Drain>(writer_.drain(), deadline));
  if (result.ok()) co_return;
  cut_ = !base::exception_is<CancelledError>(result.exception());
  writer_.abort();
  keep_alive_ = false;
  co_await raise(result.exception());
}

void ServerConnection::log_access(const Request& request, const Response& response,
                                  Nanoseconds begun) {
  if (!core_.access_log) return;
  core_.access_log({request, response.status(), sent_, now() - begun});
}

}  // namespace asyncio::http::detail
