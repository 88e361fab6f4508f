#include "streams/datagram_state.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"

namespace asyncio::detail {
namespace {

constexpr std::size_t kHighWater = 64 * 1024;
// Counted for each datagram, so that empty ones are bounded as well.
constexpr std::size_t kHeader = 8;
// A program that does not mind pause_writing() loses datagrams beyond this; so many high marks if
// that is more.
constexpr std::size_t kMostQueued = 1024 * 1024;
constexpr std::size_t kMostHighMarks = 16;
constexpr int kReadsInOneTurn = 32;
constexpr std::uint8_t kLostSendsBeforeWarning = 5;

}  // namespace

DatagramTransport start_datagrams(const Ref<TransportState>& socket,
                                  std::shared_ptr<DatagramProtocol> protocol) {
  static_cast<DatagramState&>(*socket).start(std::move(protocol));
  return DatagramTransport(socket);
}

// --- being made and going -----------------------------------------------------------------------

DatagramState::DatagramState(Scheduler& scheduler) noexcept
    : Socket(scheduler), high_(kHighWater), low_(kHighWater / 4) {
  ReadyNode::run = &run_turn;
}

void DatagramState::set_destination(const SocketAddress& to, bool connected) noexcept {
  destination_ = to;
  connected_ = connected;
}

void DatagramState::start(std::shared_ptr<DatagramProtocol> protocol) {
  set_protocol(std::move(protocol));
  context_ = ContextScope::copy_current();
  add_reference();  // the open socket's
  queue_turn();
}

void DatagramState::set_protocol(std::shared_ptr<DatagramProtocol> protocol) {
  if (!protocol) throw TypeError("a transport needs a protocol");
  if (lost_) return;  // nobody would ever let go of it
  protocol_ = std::move(protocol);
}

void DatagramState::queue_turn() noexcept {
  if (lost_ || std::exchange(turn_queued_, true)) return;
  add_reference();
  scheduler().push(this);
}

void DatagramState::run_turn(ReadyNode* node) {
  auto* self = static_cast<DatagramState*>(node);
  const Ref<DatagramState> alive(self);
  self->drop_reference();  // the one that queue_turn() took
  self->turn_queued_ = false;
  if (self->lost_ || self->scheduler().is_closed()) return;
  const ContextScope scope(self->context_);
  if (!self->made()) return self->make();
  if (!self->queue_.empty()) self->flush();
  if (!self->closing_) self->read();
  if (self->closing_ && self->queue_.empty()) self->finish();
}

void DatagramState::make() {
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->connection_made(DatagramTransport(Ref<TransportState>(this)));
  } catch (...) {
    scheduler().report_caught("Exception in callback protocol.connection_made()");
  }
  tell_made();
  // Registering tells what is there by now.
  if (!closing_) return listen(Direction::read);
  if (queue_.empty()) queue_turn();
}

void DatagramState::close() noexcept {
  if (std::exchange(closing_, true)) return;
  remove_listener(Direction::read, *this);
  if (queue_.empty()) queue_turn();
}

void DatagramState::abort() noexcept {
  queue_.clear();
  queued_bytes_ = 0;
  closing_ = true;
  remove_listener(Direction::read, *this);
  queue_turn();
}

void DatagramState::finish() {
  lost_ = true;
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->connection_lost(nullptr);
  } catch (...) {
    scheduler().report_caught("Exception in callback protocol.connection_lost()");
  }
  let_go();
}

void DatagramState::on_loop_close() noexcept {
  if (!protocol_) return Socket::close();
  if (scheduler().get_debug()) {
    log(LogLevel::warning, "ResourceWarning: unclosed transport " + repr());
  }
  lost_ = closing_ = true;
  let_go();
}

void DatagramState::let_go() noexcept {
  remove_listener(Direction::read, *this);
  remove_listener(Direction::write, *this);
  Socket::close();
  queue_.clear();
  queued_bytes_ = 0;
  const std::shared_ptr<DatagramProtocol> protocol = std::move(protocol_);
  drop_reference();  // the open socket's
}

// The same for both directions: a turn looks after both.
void DatagramState::listen(Direction direction) noexcept {
  const int listening = set_listener(direction, *this);
  if (listening < 0) tell_error(-listening, "epoll_ctl", {});
}

// --- receiving ----------------------------------------------------------------------------------

void DatagramState::read() {
  bool failed_before = false;
  for (int i = 0; i < kReadsInOneTurn; ++i) {
    const std::ptrdiff_t count = read_one();
    if (count == -EAGAIN || closing_) return;
    // What ICMP has told is fetched by one call. An error that stays brings nothing more: wait for
    // an event.
    if (count < 0 && std::exchange(failed_before, true)) return;
    if (count >= 0) failed_before = false;
  }
  queue_turn();  // there may be more, but others first
}

std::ptrdiff_t DatagramState::read_one() {
  const std::span<std::byte> room = scheduler().scratch();
  ReceivedDatagram info;
  const std::ptrdiff_t count = scheduler().backend().recv_from(fileno(), room, info);
  if (count == -EAGAIN) return count;
  if (count < 0) {
    tell_error(static_cast<int>(-count), "recvfrom", destination_);
    return count;
  }
  if (info.truncated) {
    tell_error(EMSGSIZE, "recvfrom", info.from);
    return count;
  }
  const std::string_view data(reinterpret_cast<const char*>(room.data()),
                              static_cast<std::size_t>(count));
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->datagram_received(data, info.from);
  } catch (...) {
    scheduler().report_caught("Exception in callback protocol.datagram_received()");
  }
  return count;
}

void DatagramState::tell_error(int error, const char* operation,
                               const SocketAddress& subject) noexcept {
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->error_received(
        make_os_error(error, operation, subject.empty() ? std::string() : subject.to_string()));
  } catch (...) {
    scheduler().report_caught("Exception in callback protocol.error_received()");
  }
}

// --- sending ------------------------------------------------------------------------------------

void DatagramState::sendto(std::span<const std::byte> data, const SocketAddress& to) {
  if (!destination_.empty() && !to.empty() && !(to == destination_)) {
    throw ValueError("Invalid address: must be None or " + destination_.to_string());
  }
  if (closing_) {
    if (lost_sends_ >= kLostSendsBeforeWarning) {
      log(LogLevel::warning, "socket.send() raised exception.");
    } else {
      ++lost_sends_;
    }
    return;
  }
  const SocketAddress& target = to.empty() ? destination_ : to;
  if (queue_.empty()) {
    const std::ptrdiff_t sent = send_now(data, target);
    if (sent >= 0) return;
    if (sent != -EAGAIN) return tell_error(static_cast<int>(-sent), "sendto", target);
  }
  enqueue(data, target);
}

std::ptrdiff_t DatagramState::send_now(std::span<const std::byte> data, const SocketAddress& to) {
  return scheduler().backend().send_to(fileno(), data, connected_ ? SocketAddress() : to);
}

void DatagramState::enqueue(std::span<const std::byte> data, const SocketAddress& to) {
  const std::size_t most = std::max(kMostQueued, kMostHighMarks * high_);
  if (queued_bytes_ + data.size() + kHeader > most) return tell_error(ENOBUFS, "sendto", to);
  const bool first = queue_.empty();
  queue_.push_back({std::string(reinterpret_cast<const char*>(data.data()), data.size()), to});
  queued_bytes_ += data.size() + kHeader;
  if (first) listen(Direction::write);
  pause_above_high();
}

void DatagramState::pop_front() noexcept {
  queued_bytes_ -= queue_.front().bytes.size() + kHeader;
  queue_.pop_front();
}

void DatagramState::flush() {
  while (!queue_.empty()) {
    const Queued& next = queue_.front();
    const std::ptrdiff_t sent = send_now(std::as_bytes(std::span(next.bytes)), next.to);
    if (sent == -EAGAIN) break;
    const SocketAddress to = next.to;
    pop_front();
    if (sent < 0) tell_error(static_cast<int>(-sent), "sendto", to);
  }
  if (queue_.empty()) remove_listener(Direction::write, *this);
  resume_below_low();
}

void DatagramState::set_limits(std::size_t high, std::size_t low) {
  if (high < low) {
    throw ValueError("high (" + std::to_string(high) + ") must be >= low (" + std::to_string(low) +
                     ") must be >= 0");
  }
  high_ = high;
  low_ = low;
  resume_below_low();
  pause_above_high();
}

void DatagramState::pause_above_high() noexcept {
  if (paused_ || queued_bytes_ <= high_ || !protocol_) return;
  paused_ = true;
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->pause_writing();
  } catch (...) {
    scheduler().report_caught("protocol.pause_writing() failed");
  }
}

void DatagramState::resume_below_low() noexcept {
  if (!paused_ || queued_bytes_ > low_ || !protocol_) return;
  paused_ = false;
  const std::shared_ptr<DatagramProtocol> protocol = protocol_;
  try {
    protocol->resume_writing();
  } catch (...) {
    scheduler().report_caught("protocol.resume_writing() failed");
  }
}

std::string DatagramState::repr() const {
  std::string text = "<DatagramTransport";
  if (lost_) {
    text += " closed";
  } else if (closing_) {
    text += " closing";
  }
  text += " fd=" + std::to_string(fileno());
  text += made() && !closing_ ? " read=polling" : " read=idle";
  text += queue_.empty() ? " write=<idle" : " write=<polling";
  return text + ", bufsize=" + std::to_string(queued_bytes_) + ">>";
}

}  // namespace asyncio::detail
