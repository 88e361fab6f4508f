#include "http/response_state.hpp"

#include <limits>
#include <utility>

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
    if (!succeeded_) state_.close();
  }
  void succeed() noexcept { succeeded_ = true; }

 private:
  ResponseState& state_;
  bool succeeded_ = false;
};

void check_size(const ResponseState& state, std::size_t size) {
  if (!state.max_body_bytes || size <= *state.max_body_bytes) return;
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
    }
  }
  if (state.decoder && !state.connection->body_pending()) state.decoder->finish();
}

Coro<> read_whole(ResponseState& state) {
  constexpr auto kAny = std::numeric_limits<std::uint64_t>::max();
  if (state.decoder) {
    while (state.connection->body_pending()) co_await pass(read_next(state, state.body));
  } else {
    co_await pass(state.connection->read_rest(state.body, state.deadline,
                                              state.max_body_bytes.value_or(kAny)));
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

Coro<> read_ahead_task(std::shared_ptr<ResponseState> state) {
  constexpr std::size_t kMost = 128 * 1024;
  while (state->connection->body_pending() && state->body.size() < kMost) {
    Result<void> result = co_await try_(read_next(*state, state->body));
    if (result.ok()) continue;
    state->failure = result.exception();
    co_return;
  }
  if (state->connection->body_pending()) co_return;
  state->body_complete = true;
  state->finish_body();
}

/// Before a read by the user: what a read ahead leaves.
Coro<> join_read_ahead(ResponseState& state) {
  if (state.ahead && !state.ahead.done()) {
    std::vector<Task<>> one(1, state.ahead);
    co_await pass(wait(std::move(one)));
  }
  if (state.failure) {
    state.close();
    co_await raise(client_error(std::exchange(state.failure, nullptr), state, true));
  }
}

ClientPayloadError closed_before(const ResponseState& state) {
  return ClientPayloadError(describe_request(state.method, state.url) +
                            ": the connection was closed before the body was read");
}

}  // namespace

void ResponseState::begin_body(bool decompress) {
  const auto encoding = head.headers.get("Content-Encoding");
  if (decompress && encoding && connection->body_pending()) {
    ContentDecoder wanted(*encoding);
    if (!wanted.identity()) decoder.emplace(std::move(wanted));
  }
  try {
    take_arrived(*this);
  } catch (...) {
    failure = std::current_exception();
    return;
  }
  if (!connection->body_pending()) {
    body_complete = true;
    finish_body();
  }
}

void ResponseState::finish_body() noexcept {
  if (!connection) return;
  if (connection->parser().keep_alive() && !connection->body_pending()) {
    slot.release_with(std::move(connection));
  } else {
    connection.reset();
    slot.release();
  }
}

void ResponseState::close() noexcept {
  if (ahead) ahead.cancel();
  if (connection) connection->abort();
  connection.reset();
  slot.release();
}

void read_ahead(const std::shared_ptr<ResponseState>& state) {
  if (!state->connection || !state->slot.others_wait()) return;
  state->ahead = create_task(read_ahead_task(state));
}

Coro<> read_body(std::shared_ptr<ResponseState> state) {
  co_await pass(join_read_ahead(*state));
  if (state->body_complete) co_return;
  if (!state->connection) throw closed_before(*state);
  Reading reading(*state);
  Result<void> result = co_await try_(read_whole(*state));
  if (!result.ok()) co_await raise(client_error(result.exception(), *state, true));
  state->body_complete = true;
  reading.succeed();
  state->finish_body();
}

Coro<std::string> read_any(std::shared_ptr<ResponseState> state) {
  co_await pass(join_read_ahead(*state));
  std::string piece = std::exchange(state->body, {});
  if (!piece.empty() || state->body_complete) co_return piece;
  if (!state->connection) throw closed_before(*state);
  Reading reading(*state);
  Result<void> result = co_await try_(read_next(*state, piece));
  if (!result.ok()) co_await raise(client_error(result.exception(), *state, true));
  state->body_complete = !state->connection->body_pending();
  reading.succeed();
  if (state->body_complete) state->finish_body();
  co_return piece;
}

}  // namespace asyncio::http::detail
