#include "http/response_state.hpp"

#include <limits>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/http/errors.hpp"
#include "asyncio/task/wait.hpp"

namespace asyncio::http::detail {

namespace {

constexpr std::size_t kDecodeStep = 64 * 1024;

// One task reads a body at a time, and whatever ends a read badly ends the connection.
class Reading {
 public:
  explicit Reading(ResponseState& state) : state_(state) {
    if (state.reading) throw RuntimeError("another task is reading this response already");
    state.reading = true;
  }
  ~Reading() {
    state_.reading = false;
    if (!succeeded_ || state_.closed) state_.drop_connection();
  }
  void succeed() noexcept { succeeded_ = true; }

 private:
  ResponseState& state_;
  bool succeeded_ = false;
};

void check_size(const ResponseState& state, std::size_t size) {
  if (!state.max_body_bytes || state.given_out + size <= *state.max_body_bytes) return;
  throw ClientPayloadError(describe_request(state.method, state.url) +
                           ": the body is larger than max_body_bytes (" +
                           std::to_string(*state.max_body_bytes) + ")");
}

// Undoes the content encoding of `raw`, in steps, so that a bomb is noticed before it has grown.
void decode_into(ResponseState& state, std::string_view raw, std::string& out) {
  bool more = true;
  while (more || !raw.empty()) {
    more = state.decoder->decode_some(raw, out, kDecodeStep);
    check_size(state, out.size());
  }
}

// Appends to `out` what comes next, decoded; nothing once the body is over.
Coro<> read_next(ResponseState& state, std::string& out) {
  std::string raw;
  const std::size_t before = out.size();
  while (out.size() == before && state.connection->body_pending()) {
    raw.clear();
    co_await pass(state.connection->read_piece(raw, state.deadline));
    if (state.decoder) {
      decode_into(state, raw, out);
    } else {
      out += raw;
      check_size(state, out.size());
    }
  }
  if (state.decoder && !state.connection->body_pending()) state.decoder->finish();
}

Coro<> read_whole(ResponseState& state) {
  constexpr auto kAny = std::numeric_limits<std::uint64_t>::max();
  if (state.decoder) {
    while (state.connection->body_pending()) co_await pass(read_next(state, state.body));
  } else {
    const auto most = state.max_body_bytes;
    co_await pass(state.connection->read_rest(state.body, state.deadline,
                                              most ? *most - state.given_out : kAny));
  }
  check_size(state, state.body.size());
}

void take_arrived(ResponseState& state) {
  if (!state.decoder) {
    state.connection->take_arrived(state.body);
    check_size(state, state.body.size());
    return;
  }
  std::string raw;
  state.connection->take_arrived(raw);
  decode_into(state, raw, state.body);
  if (!state.connection->body_pending()) state.decoder->finish();
}

// The state is there until the task ends or is cancelled, and then it is not touched any more.
Coro<> read_ahead_task(ResponseState* state) {
  constexpr std::size_t kMost = 128 * 1024;
  while (state->connection->body_pending() && state->body.size() < kMost) {
    Result<void> result = co_await try_(read_next(*state, state->body));
    if (result.ok()) continue;
    if (base::exception_is<CancelledError>(result.exception())) co_await raise(result.exception());
    state->failure = client_error(result.exception(), *state, true);
    state->drop_connection();
    co_return;
  }
  if (state->connection->body_pending()) co_return;
  state->body_complete = true;
  state->finish_body();
}

ClientPayloadError closed_before(const ResponseState& state) {
  return ClientPayloadError(describe_request(state.method, state.url) +
                            ": the connection was closed before the body was read");
}

std::exception_ptr read_error(const std::exception_ptr& error, const ResponseState& state) {
  if (!state.closed || base::exception_is<CancelledError>(error)) {
    return client_error(error, state, true);
  }
  return std::make_exception_ptr(closed_before(state));
}

// Before a read by the user: nobody else reads, and what a read ahead has failed with is told. Its
// cancellation has lost no byte.
Coro<> take_over(ResponseState& state) {
  if (state.ahead && !state.ahead.done()) {
    state.ahead.cancel();
    std::vector<Task<>> one(1, state.ahead);
    co_await pass(wait(std::move(one)));
  }
  if (!state.failure) co_return;
  state.drop_connection();
  co_await raise(std::exchange(state.failure, nullptr));
}

}  // namespace

void ResponseState::begin_body(bool decompress) {
  const auto encoding = head.headers.get("Content-Encoding");
  try {
    if (decompress && encoding && connection->body_pending()) {
      ContentDecoder wanted(*encoding);
      if (!wanted.identity()) decoder.emplace(std::move(wanted));
    }
    take_arrived(*this);
  } catch (...) {
    failure = client_error(std::current_exception(), *this, true);
    drop_connection();
    return;
  }
  if (!connection->body_pending()) {
    body_complete = true;
    finish_body();
  }
}

void ResponseState::finish_body() noexcept {
  if (!connection) return;
  unlink();
  if (connection->parser().keep_alive() && !connection->body_pending()) {
    slot.release_with(std::move(connection));
  } else {
    connection.reset();
    slot.release();
  }
}

void ResponseState::close() noexcept {
  closed = true;
  stop_read_ahead();
  // Somebody reads: it wakes to find that the connection has ended, and lets go of it.
  if (reading && connection) return connection->abort();
  drop_connection();
}

void ResponseState::drop_connection() noexcept {
  unlink();
  if (connection) connection->abort();
  connection.reset();
  slot.release();
}

void ResponseState::read_ahead() {
  if (reading || !connection || (ahead && !ahead.done())) return;
  ahead = create_task(read_ahead_task(this));
}

void ResponseState::stop_read_ahead() noexcept {
  if (ahead && !ahead.done()) ahead.cancel();
}

Coro<> read_body(std::shared_ptr<ResponseState> state) {
  co_await pass(take_over(*state));
  if (state->body_complete) co_return;
  if (!state->connection) throw closed_before(*state);
  Reading reading(*state);
  Result<void> result = co_await try_(read_whole(*state));
  if (!result.ok()) co_await raise(read_error(result.exception(), *state));
  if (state->closed) throw closed_before(*state);
  state->body_complete = true;
  reading.succeed();
  state->finish_body();
}

Coro<std::string> read_any(std::shared_ptr<ResponseState> state) {
  co_await pass(take_over(*state));
  std::string piece = std::exchange(state->body, {});
  if (piece.empty() && !state->body_complete) {
    if (!state->connection) throw closed_before(*state);
    Reading reading(*state);
    Result<void> result = co_await try_(read_next(*state, piece));
    if (!result.ok()) co_await raise(read_error(result.exception(), *state));
    if (state->closed) throw closed_before(*state);
    state->body_complete = !state->connection->body_pending();
    reading.succeed();
  }
  state->given_out += piece.size();
  if (state->body_complete) {
    state->finish_body();
  } else if (state->connection) {
    state->slot.offer(*state);
  }
  co_return piece;
}

}  // namespace asyncio::http::detail
