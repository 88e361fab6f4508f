// A peer whose TLS is turned by hand: between the layer and a plain connection the test may keep,
// change, repeat or invent bytes.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "asyncio/net/tcp.hpp"
#include "asyncio/ssl.hpp"

namespace asyncio::test {

class HandPeer {
 public:
  /// The other end of `streams`, which speak no TLS themselves.
  HandPeer(StreamPair streams, const ssl::SSLContext& context, bool server_side,
           std::string_view server_hostname = {})
      : streams_(std::move(streams)),
        layer_(context.factory()->make_layer(
            {.server_side = server_side, .server_hostname = server_hostname, .peer = "hand"})) {}

  [[nodiscard]] detail::StreamLayer& layer() noexcept { return *layer_; }
  [[nodiscard]] StreamReader& reader() noexcept { return streams_.first; }
  [[nodiscard]] StreamWriter& writer() noexcept { return streams_.second; }

  /// Shakes hands; false when that failed.
  Coro<bool> shake_hands() {
    feed("");
    while (layer_->state() == State::handshake) {
      std::string wire = co_await reader().read(4096);
      if (wire.empty()) co_return false;
      feed(wire);
    }
    co_return layer_->state() != State::failed;
  }
  /// Reads until the layer has something for the user, or the end of the wire or of TLS.
  Coro<std::string> receive() {
    while (got_.empty() && layer_->state() == State::open) {
      std::string wire = co_await reader().read(64 * 1024);
      if (wire.empty()) break;
      feed(wire);
    }
    co_return std::exchange(got_, {});
  }
  void send(std::string_view text) { writer().write(seal(text)); }
  /// What would go over the wire.
  std::string seal(std::string_view text) {
    std::string wire;
    layer_->send(std::as_bytes(std::span(text)), wire);
    return wire;
  }
  void say_goodbye() {
    std::string wire;
    layer_->close(wire);
    writer().write(wire);
  }

 private:
  using State = detail::StreamLayer::State;

  void feed(std::string_view wire) {
    std::vector<std::byte> plain(wire.size() + detail::kLayerSlack);
    std::string out;
    const std::size_t count = layer_->receive(std::as_bytes(std::span(wire)), plain, out);
    got_.append(reinterpret_cast<const char*>(plain.data()), count);
    if (!out.empty()) writer().write(out);
  }

  StreamPair streams_;
  std::unique_ptr<detail::StreamLayer> layer_;
  std::string got_;
};

}  // namespace asyncio::test
