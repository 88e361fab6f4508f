#include "asyncio/tls/ssl_object.hpp"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

#include "asyncio/base/error.hpp"

namespace asyncio::ssl {

namespace {

using State = asyncio::detail::StreamLayer::State;

// What a layer is given at once, so that the room for what it makes of it is bounded.
constexpr std::size_t kPiece = 64 * 1024;

// The first bytes of `text` behind `taken`, which goes on behind them.
std::string take(std::string& text, std::size_t& taken, std::size_t most) {
  const std::size_t count = std::min(most, text.size() - taken);
  if (taken == 0 && count == text.size()) return std::exchange(text, {});
  std::string out = text.substr(taken, count);
  taken += count;
  if (taken == text.size()) {
    text.clear();
    taken = 0;
  }
  return out;
}

}  // namespace

std::string MemoryBIO::read(std::optional<std::size_t> max_bytes) {
  return take(state_->bytes, state_->taken, max_bytes.value_or(pending()));
}

std::size_t MemoryBIO::write(std::string_view data) {
  if (state_->ended) {
    throw SSLError("SSL", "EOF", "MemoryBIO", "cannot write() after write_eof()");
  }
  state_->bytes.append(data);
  return data.size();
}

SSLObject SSLContext::wrap_bio(MemoryBIO incoming, MemoryBIO outgoing,
                               const WrapBioOptions& options) const {
  if (options.server_side && !options.server_hostname.empty()) {
    throw ValueError("server_hostname can only be specified in client mode");
  }
  asyncio::detail::LayerRole role;
  role.server_side = options.server_side;
  role.server_hostname = options.server_hostname;
  role.peer = options.server_hostname.empty() ? "the peer" : options.server_hostname;
  return {std::move(incoming), std::move(outgoing), factory()->make_layer(role)};
}

SSLObject::SSLObject(MemoryBIO incoming, MemoryBIO outgoing,
                     std::unique_ptr<asyncio::detail::StreamLayer> layer)
    : incoming_(std::move(incoming)), outgoing_(std::move(outgoing)), layer_(std::move(layer)) {}

void SSLObject::say(std::string_view wire) {
  if (!wire.empty()) outgoing_.write(wire);
}

void SSLObject::take_incoming() {
  // An empty piece begins a client's handshake.
  while (!std::exchange(begun_, true) || incoming_.pending() > 0) {
    const std::string wire = incoming_.read(kPiece);
    std::string room(wire.size() + asyncio::detail::kLayerSlack, '\0');
    std::string out;
    const std::size_t count = layer_->receive(std::as_bytes(std::span(wire)),
                                              std::as_writable_bytes(std::span(room)), out);
    plain_.append(room, 0, count);
    say(out);
  }
  const bool waits = layer_->state() == State::handshake || layer_->state() == State::open;
  if (waits && incoming_.eof()) layer_->receive_end();
}

void SSLObject::do_handshake() {
  if (layer_->was_open()) return;
  take_incoming();
  if (layer_->was_open()) return;
  if (layer_->state() == State::failed) std::rethrow_exception(layer_->error());
  throw SSLWantReadError();
}

std::string SSLObject::read(std::size_t max_bytes) {
  do_handshake();
  if (pending() == 0) take_incoming();
  if (max_bytes == 0 || pending() > 0) return take(plain_, taken_, max_bytes);
  if (layer_->state() == State::failed) std::rethrow_exception(layer_->error());
  if (layer_->state() == State::open) throw SSLWantReadError();
  if (closed_) throw SSLZeroReturnError();
  return {};
}

std::size_t SSLObject::write(std::string_view data) {
  do_handshake();
  if (closed_) throw SSLZeroReturnError();
  std::string out;
  layer_->send(std::as_bytes(std::span(data)), out);
  say(out);
  if (layer_->state() == State::failed) std::rethrow_exception(layer_->error());
  return data.size();
}

void SSLObject::unwrap() {
  do_handshake();
  if (!std::exchange(closed_, true)) {
    std::string out;
    layer_->close(out);
    say(out);
  }
  take_incoming();
  if (layer_->state() == State::failed) std::rethrow_exception(layer_->error());
  if (layer_->state() == State::open) throw SSLWantReadError();
}

}  // namespace asyncio::ssl
