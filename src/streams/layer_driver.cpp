#include "streams/layer_driver.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/ref.hpp"

namespace asyncio::detail {

namespace {

using Fill = ReadSide::Fill;

// The scratch buffer's end takes what comes from the wire, its beginning what the layer makes of
// it.
constexpr std::size_t kWireRoom = 96 * 1024;
// What is sealed before it is offered to the kernel: enough for one call, little enough to keep.
constexpr std::size_t kSealAtOnce = 64 * 1024;
// The most that one TLS record takes; smaller pieces are joined up to here.
constexpr std::size_t kRecord = 16 * 1024;
// Of the layer's own words (answers to key updates) that the peer asks for and does not read.
constexpr std::size_t kMostUnreadAnswers = 64 * 1024;
// Python's marks for TLS.
constexpr std::size_t kHighWater = 512 * 1024;

std::string seconds_text(Nanoseconds time) {
  std::string text = std::to_string(std::chrono::duration<double>(time).count());
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// What `make` makes; without memory for its text, that is the error.
template <class F>
std::exception_ptr error_of(F make) noexcept {
  try {
    return std::make_exception_ptr(make());
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

LayerDriver::LayerDriver(Connection& connection, std::unique_ptr<StreamLayer> layer,
                         const LayerTimes& times)
    : connection_(&connection),
      layer_(std::move(layer)),
      buffers_(&connection.scheduler().state<LayerBuffers>()),
      times_(times) {}

// --- the handshake ------------------------------------------------------------------------------

void LayerDriver::start(std::string_view early, bool tell_owner) {
  if (connection_->high_water() < kHighWater) connection_->set_limits(kHighWater, kHighWater / 4);
  start_timer(times_.handshake, &LayerDriver::on_handshake_timeout);
  connection_->add_reference();
  holds_connection_ = true;
  tells_owner_ = tell_owner;
  read_by_myself();
  // What has come early is small: it was in the reader, which has a limit.
  const std::span<std::byte> room = connection_->scheduler().scratch(connection_);
  const std::size_t plain = layer_->receive(std::as_bytes(std::span(early)), room, buffers_->wire);
  if (plain > 0) connection_->received(room.first(plain));
  transmit();
  connection_->queue(Connection::kLayer);
}

void LayerDriver::finish_handshake(std::exception_ptr error) noexcept {
  if (phase_ != Phase::handshake) return;
  timer_.cancel();
  phase_ = error ? Phase::over : Phase::open;
  error_ = error;
  Connection& connection = *connection_;
  leave_reading();
  if (!error && !early_.empty()) {
    try {
      const std::string early = std::exchange(early_, {});
      seal(std::as_bytes(std::span(early)));
    } catch (...) {
      connection.fail(std::current_exception());
    }
  }
  if (error) {
    connection.set_exception(error);
    break_connection(error);
  } else {
    connection.queue(Connection::kTellReader);
  }
  if (Handshake* waiter = std::exchange(waiter_, nullptr)) waiter->finished();
  if (tells_owner_ && connection.owner_ != nullptr && !connection.closing_) {
    connection.owner_->on_secured(connection, error);
  }
  if (error || connection.writers_ == 0) connection.close_gently();
  if (std::exchange(holds_connection_, false)) connection.drop_reference();
}

void LayerDriver::on_handshake_timeout() {
  finish_handshake(error_of([this] {
    return ConnectionAbortedError(ECONNABORTED, "TLS handshake with " + peer_text(),
                                  "it is taking longer than " + seconds_text(times_.handshake) +
                                      " s (ssl_handshake_timeout): aborting the connection");
  }));
}

// --- bytes --------------------------------------------------------------------------------------

// One recv, and what the layer makes of it: `plain` bytes at the beginning of the scratch buffer.
Fill LayerDriver::take_wire(std::size_t& plain) {
  Connection& connection = *connection_;
  if (!connection.may_recv()) return Fill::blocked;
  if (connection.had_its_share()) return Fill::turn;
  // What is still unread in there must be saved from this very call.
  if (connection.has_scratch()) connection.vacate_scratch();
  const std::span<std::byte> scratch = connection.scheduler().scratch(connection_);
  static_assert(2 * kWireRoom + kLayerSlack <= 256 * 1024);
  const std::span<std::byte> room = scratch.last(kWireRoom);
  const std::ptrdiff_t count = connection.try_recv(room);
  if (count == -EAGAIN) return Fill::blocked;
  if (count < 0) {
    const char* operation = phase_ == Phase::handshake ? "TLS handshake with" : "recv";
    connection.set_failure(connection.describe_error(static_cast<int>(-count), operation));
    connection.fail(connection.exception());
    return Fill::failed;
  }
  if (count == 0) {
    layer_->receive_end();
    return Fill::end;
  }
  plain = layer_->receive(room.first(static_cast<std::size_t>(count)),
                          scratch.first(scratch.size() - kWireRoom), buffers_->wire);
  const std::size_t answers = buffers_->wire.size();
  transmit();
  unread_answers_ = connection.unsent() > 0 ? unread_answers_ + answers : 0;
  if (unread_answers_ > kMostUnreadAnswers && phase_ != Phase::handshake) {
    connection.set_failure(error_of([this] {
      return ConnectionAbortedError(
          ECONNABORTED, "TLS with " + peer_text(),
          "the peer asks for answers (key updates) and does not read them");
    }));
    connection.fail(connection.exception());
    return Fill::failed;
  }
  return Fill::more;
}

Fill LayerDriver::fill() {
  if (phase_ == Phase::handshake) return Fill::blocked;
  while (true) {
    // What came before the end, or before what broke it, was given first.
    if (layer_->state() == StreamLayer::State::failed) return fail_open();
    if (layer_->state() == StreamLayer::State::ended) {
      connection_->set_end();
      return Fill::end;
    }
    std::size_t plain = 0;
    const Fill taken = take_wire(plain);
    if (taken != Fill::more && taken != Fill::end) return taken;
    if (plain > 0) {
      connection_->received(connection_->scheduler().scratch(connection_).first(plain));
      return Fill::more;
    }
  }
}

// What is unsent stays: the alert that tells the peer why may be among it.
Fill LayerDriver::fail_open() {
  connection_->set_failure(layer_->error());
  break_connection(layer_->error());
  return Fill::failed;
}

void LayerDriver::break_connection(const std::exception_ptr& error) noexcept {
  if (!connection_->error_) connection_->error_ = error;
  connection_->paused_ = false;
  connection_->wake_drains();
  if (connection_->observer_ != nullptr) connection_->observer_->on_broken();
}

void LayerDriver::write(std::span<const std::byte> data) {
  if (phase_ == Phase::handshake) {
    early_.append(reinterpret_cast<const char*>(data.data()), data.size());
  } else {
    seal(data);
  }
}

void LayerDriver::write_many(std::span<const std::span<const std::byte>> pieces) {
  // Taken out, because whoever observes the connection may write while it is told of this.
  std::string joined = std::exchange(buffers_->joined, {});
  for (const std::span<const std::byte> piece : pieces) {
    if (joined.size() + piece.size() > kRecord) {
      write(std::as_bytes(std::span(joined)));
      joined.clear();
    }
    if (piece.size() > kRecord) {
      write(piece);
    } else {
      joined.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
  }
  write(std::as_bytes(std::span(joined)));
  joined.clear();
  if (buffers_->joined.capacity() < joined.capacity()) buffers_->joined.swap(joined);
}

void LayerDriver::seal(std::span<const std::byte> data) {
  while (!data.empty() && !connection_->error()) {
    const std::span<const std::byte> piece = data.first(std::min(data.size(), kSealAtOnce));
    layer_->send(piece, buffers_->wire);
    transmit();
    if (layer_->state() == StreamLayer::State::failed) {
      fail_open();
      return;
    }
    data = data.subspan(piece.size());
  }
}

void LayerDriver::transmit() {
  if (buffers_->wire.empty()) return;
  // Taken out, because whoever observes the connection may write while it is told of this.
  std::string wire = std::exchange(buffers_->wire, {});
  if (!connection_->error() || connection_->unsent() > 0) {
    connection_->send_or_buffer(std::as_bytes(std::span(wire)));
  }
  wire.clear();
  if (buffers_->wire.capacity() < wire.capacity()) buffers_->wire.swap(wire);
}

// --- the end ------------------------------------------------------------------------------------

bool LayerDriver::begin_close() noexcept {
  if (phase_ == Phase::handshake) {
    connection_->discard_unsent();
    finish_handshake(error_of([this] {
      return ConnectionAbortedError(ECONNABORTED, "TLS handshake with " + peer_text(),
                                    "the connection was closed meanwhile");
    }));
    return false;
  }
  try {
    // The one deadline of whatever is left: what is unsent, our farewell, the peer's.
    if (phase_ == Phase::open || connection_->unsent() > 0) {
      start_timer(times_.shutdown, &LayerDriver::on_shutdown_timeout);
    }
    if (phase_ != Phase::open || connection_->error()) return false;
    phase_ = Phase::closing;
    layer_->close(buffers_->wire);
    transmit();
    if (connection_->unsent() == 0) on_sent();
    return true;
  } catch (...) {
    connection_->discard_unsent();
    return false;
  }
}

void LayerDriver::on_sent() noexcept {
  const bool peer_to_answer =
      phase_ == Phase::closing && layer_->state() == StreamLayer::State::open;
  if (!peer_to_answer || connection_->error()) return connection_->queue(Connection::kFinish);
  read_by_myself();
  connection_->queue(Connection::kLayer);
}

void LayerDriver::on_shutdown_timeout() {
  if (phase_ == Phase::closing && !connection_->error()) {
    connection_->error_ = error_of([this] {
      return TimeoutError("TLS shutdown with " + peer_text() + ": the peer did not answer within " +
                          seconds_text(times_.shutdown) + " s (ssl_shutdown_timeout)");
    });
  }
  phase_ = Phase::over;
  connection_->discard_unsent();
  connection_->queue(Connection::kFinish);
}

void LayerDriver::give_up() noexcept {
  if (phase_ == Phase::handshake) {
    begin_close();
  } else {
    phase_ = Phase::over;
  }
}

void LayerDriver::stop() noexcept {
  if (phase_ == Phase::handshake) give_up();
  phase_ = Phase::over;
  timer_.cancel();
  if (layer_->state() == StreamLayer::State::failed) discard_received();
  connection_->remove_listener(Socket::Direction::read, *this);
  reads_itself_ = false;
}

// Closing a socket with unread bytes sends a reset, and that can overtake the alert.
void LayerDriver::discard_received() noexcept {
  try {
    const std::span<std::byte> room = connection_->scheduler().scratch();
    for (int i = 0; i < 4 && connection_->try_recv(room) > 0; ++i) continue;
  } catch (...) {  // no memory for the room: then without
  }
}

std::string LayerDriver::peer_text() const {
  const std::string_view name = layer_->server_side() ? "" : layer_->server_hostname();
  const std::string address = connection_->peer().to_string();
  return name.empty() ? address : std::string(name) + " (" + address + ")";
}

// --- turns and timers ---------------------------------------------------------------------------

void LayerDriver::on_ready() noexcept { connection_->queue(Connection::kLayer); }

void LayerDriver::pump() noexcept {
  try {
    if (phase_ == Phase::handshake) {
      if (!read_while(StreamLayer::State::handshake)) return;
      // What comes behind the handshake, and breaks, is for whoever reads.
      finish_handshake(connection_->error() || layer_->was_open() ? connection_->error()
                                                                  : layer_->error());
    } else if (phase_ == Phase::closing) {
      // An end without a farewell is no error here, since nothing was waited for.
      const bool done = read_while(StreamLayer::State::open);
      if (done && connection_->unsent() == 0) connection_->queue(Connection::kFinish);
    }
  } catch (...) {  // out of memory
    finish_handshake(std::current_exception());
    connection_->abort();
  }
}

// Until the layer leaves that state or the connection breaks; false: it must wait for that.
bool LayerDriver::read_while(StreamLayer::State state) {
  while (layer_->state() == state && !connection_->error()) {
    std::size_t plain = 0;
    const Fill taken = take_wire(plain);
    if (taken == Fill::turn) connection_->queue(Connection::kLayer);
    if (taken == Fill::turn || taken == Fill::blocked) return false;
    // After close() nobody can read it.
    const bool wanted = phase_ == Phase::handshake;
    if (wanted && plain > 0) {
      connection_->received(connection_->scheduler().scratch(connection_).first(plain));
    }
  }
  return true;
}

void LayerDriver::read_by_myself() noexcept {
  if (connection_->waiter_ != nullptr) {
    connection_->remove_listener(Socket::Direction::read, *connection_->waiter_);
  }
  reads_itself_ = true;
  const int listening = connection_->set_listener(Socket::Direction::read, *this);
  if (listening < 0) connection_->fail(make_os_error(-listening, "epoll_ctl"));
}

void LayerDriver::leave_reading() noexcept {
  connection_->remove_listener(Socket::Direction::read, *this);
  reads_itself_ = false;
  // Who reads meanwhile was registered with us alone.
  if (connection_->waiter_ == nullptr || phase_ != Phase::open) return;
  const int listening = connection_->set_listener(Socket::Direction::read, *connection_->waiter_);
  if (listening < 0) connection_->fail(make_os_error(-listening, "epoll_ctl"));
}

void LayerDriver::start_timer(Nanoseconds delay, void (LayerDriver::*on_time)()) {
  timer_.cancel();
  timer_ = connection_->scheduler().call_later(delay, [this, on_time] {
    const base::Ref<Connection> keep(connection_);
    (this->*on_time)();
  });
}

}  // namespace asyncio::detail
