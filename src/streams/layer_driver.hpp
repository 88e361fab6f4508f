// Between a connection and its layer (TLS): runs the handshake, passes bytes through, says
// good-bye.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "asyncio/loop/handle.hpp"
#include "asyncio/streams/connection.hpp"
#include "asyncio/streams/stream_layer.hpp"

namespace asyncio::detail {

/// Where all connections of a loop put what goes out in one call, so that none keeps a buffer.
class LayerBuffers final : public LayerState {
 public:
  explicit LayerBuffers(Scheduler&) {}

  std::string wire;    // sealed, on its way into the socket or the connection's unsent bytes
  std::string joined;  // small pieces that are to become one record
};

/// Works by events, without a task: a server has one for each client that is shaking hands.
/// During the handshake and after close() it reads the socket itself, in turns of its own; between,
/// reads pull through fill() as they do without TLS.
class LayerDriver final : private ReadinessListener {
 public:
  LayerDriver(Connection& connection, std::unique_ptr<StreamLayer> layer, const LayerTimes& times);
  LayerDriver(const LayerDriver&) = delete;
  LayerDriver& operator=(const LayerDriver&) = delete;

  /// Begins the handshake; `early` has come from the wire already. The connection stays alive until
  /// the handshake has ended. `tell_owner`: who hears of that is the connection's owner.
  void start(std::string_view early, bool tell_owner);

  [[nodiscard]] StreamLayer& layer() const noexcept { return *layer_; }
  [[nodiscard]] bool shaking_hands() const noexcept { return phase_ == Phase::handshake; }
  /// It reads the socket itself now; a read must only wait for its word.
  [[nodiscard]] bool reads_itself() const noexcept { return reads_itself_; }
  [[nodiscard]] const std::exception_ptr& handshake_error() const noexcept { return error_; }
  void set_waiter(Handshake* waiter) noexcept { waiter_ = waiter; }

  // --- for the connection -----------------------------------------------------------------------

  ReadSide::Fill fill();
  void write(std::span<const std::byte> data);
  void write_many(std::span<const std::span<const std::byte>> pieces);
  /// close() was called. True: the driver sees to the rest; false: close once all is sent.
  bool begin_close() noexcept;
  /// Everything is sent, after close().
  void on_sent() noexcept;
  /// abort() was called: no farewell.
  void give_up() noexcept;
  /// The descriptor is about to be closed.
  void stop() noexcept;
  /// In a turn of its own.
  void pump() noexcept;

 private:
  enum class Phase : std::uint8_t { handshake, open, closing, over };

  void on_ready() noexcept override;
  ReadSide::Fill take_wire(std::size_t& plain);
  ReadSide::Fill fail_open();
  void break_connection(const std::exception_ptr& error) noexcept;
  bool read_while(StreamLayer::State state);
  void finish_handshake(std::exception_ptr error) noexcept;
  void read_by_myself() noexcept;
  void leave_reading() noexcept;
  void start_timer(Nanoseconds delay, void (LayerDriver::*on_time)());
  void on_handshake_timeout();
  void on_shutdown_timeout();
  void seal(std::span<const std::byte> data);
  void transmit();
  [[nodiscard]] std::string peer_text() const;
  void discard_received() noexcept;

  Connection* connection_;
  std::unique_ptr<StreamLayer> layer_;
  LayerBuffers* buffers_;
  std::string early_;         // written before the handshake had ended
  std::exception_ptr error_;  // what the handshake failed with
  TimerHandle timer_;
  Handshake* waiter_ = nullptr;
  LayerTimes times_;
  std::size_t unread_answers_ = 0;  // bytes of the layer's own since the peer last had read all
  Phase phase_ = Phase::handshake;
  bool tells_owner_ = false;
  bool reads_itself_ = false;
  bool holds_connection_ = false;
};

}  // namespace asyncio::detail
