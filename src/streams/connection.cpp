#include "asyncio/streams/connection.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/streams/writer.hpp"
#include "streams/layer_driver.hpp"

namespace asyncio {

std::string StreamWriter::repr() const {
  const StreamReader reader{detail::Ref<detail::ReadSide>(connection_.get())};
  return "<StreamWriter transport=" + connection_->source_repr() + " reader=" + reader.repr() + ">";
}

void StreamWriter::writelines(std::span<const std::string_view> pieces) {
  std::array<std::span<const std::byte>, 16> batch;
  while (!pieces.empty()) {
    const std::size_t count = std::min(pieces.size(), batch.size());
    for (std::size_t i = 0; i < count; ++i) batch[i] = std::as_bytes(std::span(pieces[i]));
    connection_->write_many(std::span(batch).first(count));
    pieces = pieces.subspan(count);
  }
}

namespace detail {

namespace {

constexpr std::uint32_t kHighWater = 64 * 1024;
constexpr std::uint8_t kLostWritesBeforeWarning = 5;

}  // namespace

StreamPair make_streams(Scheduler& scheduler, int fd, std::size_t limit) {
  const Ref<Connection> connection(new Connection(scheduler, fd, limit));
  return {StreamReader(Ref<ReadSide>(connection.get())), StreamWriter(connection)};
}

Connection::Connection(Scheduler& scheduler, int fd, std::size_t limit)
    : ReadSide(limit), Socket(scheduler, fd), high_(kHighWater), low_(kHighWater / 4) {
  link_.connection = this;
  ReadyNode::run = &run_work;
}

Connection::~Connection() {
  remove_listener(Direction::read, *this);
  remove_listener(Direction::write, *this);
  if (lost_) return;
  scheduler().leave_scratch(*this);
  if (owner_ != nullptr) owner_->on_connection_lost(*this);
}

// --- reading ------------------------------------------------------------------------------------

ReadSide::Fill Connection::may_fill() const noexcept {
  if (exception()) return Fill::failed;
  if (at_end()) return Fill::end;
  if (!may_recv()) return Fill::blocked;
  return had_its_share() ? Fill::turn : Fill::more;
}

ReadSide::Fill Connection::fill() {
  if (driver_) {
    if (exception()) return Fill::failed;
    return at_end() ? Fill::end : driver_->fill();
  }
  if (const Fill may = may_fill(); may != Fill::more) return may;
  // What is still unread in there must be saved from this very call.
  if (has_scratch()) vacate_scratch();
  const std::span<std::byte> scratch = scheduler().scratch(this);
  std::size_t count = 0;
  const Fill filled = fill_into(scratch, count);
  if (filled == Fill::more) received(scratch.first(count));
  return filled;
}

ReadSide::Fill Connection::fill_into(std::span<std::byte> buffer, std::size_t& filled) {
  if (const Fill may = may_fill(); may != Fill::more) return may;
  const std::ptrdiff_t count = try_recv(buffer);
  if (count > 0) {
    filled = static_cast<std::size_t>(count);
    return Fill::more;
  }
  if (count == -EAGAIN) return Fill::blocked;
  if (count == 0) {
    set_end();
    return Fill::end;
  }
  set_failure(describe_error(static_cast<int>(-count), is_socket() ? "recv" : "read"));
  fail(exception());
  return Fill::failed;
}

bool Connection::set_waiter(ReadinessListener& waiter) {
  if (!ReadSide::set_waiter(waiter)) return false;
  if (lost_ || closing_ || (driver_ && driver_->reads_itself())) return true;
  const int listening = set_listener(Direction::read, waiter);
  if (listening < 0) set_failure(make_os_error(-listening, "epoll_ctl"));
  return true;
}

void Connection::remove_waiter(const ReadinessListener& waiter) noexcept {
  ReadSide::remove_waiter(waiter);
  remove_listener(Direction::read, waiter);
}

// --- writing ------------------------------------------------------------------------------------

void Connection::refuse_write() {
  if (eof_wanted_) throw RuntimeError("Cannot call write() after write_eof()");
  if (sending_file_) throw RuntimeError("unable to write; sendfile is in progress");
  if (lost_writes_ >= kLostWritesBeforeWarning) {
    log(LogLevel::warning, "socket.send() raised exception.");
  } else {
    ++lost_writes_;
  }
}

void Connection::write(std::span<const std::byte> data) {
  if (!takes_writes()) [[unlikely]]
    return refuse_write();
  write_block(data);
}

void Connection::write_block(std::span<const std::byte> data) {
  if (data.empty()) return;
  if (driver_) return driver_->write(data);
  send_or_buffer(data);
}

void Connection::send_or_buffer(std::span<const std::byte> data) {
  if (unsent() == 0) {
    const std::ptrdiff_t sent = try_send(data);
    if (sent < 0 && sent != -EAGAIN) return fail_send(static_cast<int>(-sent));
    if (sent > 0) data = data.subspan(static_cast<std::size_t>(sent));
    if (data.empty()) return;
  }
  buffer(data);
  pause_above_high();
}

void Connection::write_many(std::span<const std::span<const std::byte>> pieces) {
  if (!takes_writes()) [[unlikely]]
    return refuse_write();
  if (driver_) return driver_->write_many(pieces);
  std::size_t sent = 0;
  if (unsent() == 0) {
    const std::ptrdiff_t count = try_send_many(pieces);
    if (count < 0 && count != -EAGAIN) return fail_send(static_cast<int>(-count));
    if (count > 0) sent = static_cast<std::size_t>(count);
  }
  for (const std::span<const std::byte> piece : pieces) {
    const std::size_t skipped = std::min(sent, piece.size());
    sent -= skipped;
    if (skipped < piece.size()) buffer(piece.subspan(skipped));
  }
  pause_above_high();
}

// The last thing in a call: the observer may write, close or abort.
void Connection::pause_above_high() noexcept {
  if (paused_ || unsent() <= high_) return;
  paused_ = true;
  if (observer_ != nullptr) observer_->on_paused();
}

void Connection::resume_below_low() noexcept {
  if (!paused_ || unsent() > low_) return;
  paused_ = false;
  wake_drains();
  if (observer_ != nullptr) observer_->on_resumed();
}

void Connection::buffer(std::span<const std::byte> data) {
  const bool first = unsent() == 0;
  out_.append({reinterpret_cast<const char*>(data.data()), data.size()});
  if (!first) return;
  const int listening = set_listener(Direction::write, *this);
  if (listening < 0) return fail(make_os_error(-listening, "epoll_ctl"));
  // A call that took only a part without saying that it is full: go on by ourselves.
  if (may_send()) queue(kFlush);
}

void Connection::flush() noexcept {
  if (write_only_ && hung_up()) return lose_reader();
  while (unsent() > 0) {
    const std::ptrdiff_t sent = try_send(std::as_bytes(std::span(out_.view())));
    if (sent == -EAGAIN) break;
    if (sent < 0) {
      fail_send(static_cast<int>(-sent));
      return;
    }
    out_.consume(static_cast<std::size_t>(sent));
  }
  after_flush();
}

void Connection::after_flush() noexcept {
  resume_below_low();  // may write more
  if (unsent() > 0) return;
  wake_drains();  // who waits for this very moment
  remove_listener(Direction::write, *this);
  if (eof_wanted_ && !lost_) shutdown_write();
  if (!closing_) return;
  if (driver_) return driver_->on_sent();
  queue(kFinish);
}

// The pipe's writing end hears of its readers as a socket hears of its peer: by a hang-up, which is
// told to whoever listens for something to read.
void Connection::become_write_only() noexcept {
  write_only_ = true;
  set_end();
  set_listener(Direction::read, *this);  // if it fails, the next write will tell
}

void Connection::lose_reader() noexcept {
  remove_listener(Direction::read, *this);
  if (unsent() > 0) return fail_send(EPIPE);
  close_gently();
}

void Connection::write_eof() {
  if (write_only_) return close_gently();
  if (driver_) {
    throw RuntimeError("write_eof(): TLS cannot end one direction alone; close() ends both");
  }
  if (closing_ || eof_wanted_) return;
  eof_wanted_ = true;
  if (unsent() == 0) shutdown_write();
}

void Connection::set_limits(std::size_t high, std::size_t low) {
  if (high < low) {
    throw ValueError("high (" + std::to_string(high) + ") must be >= low (" + std::to_string(low) +
                     ") must be >= 0");
  }
  constexpr std::size_t kMost = ~std::uint32_t{0};
  high_ = static_cast<std::uint32_t>(std::min(high, kMost));
  low_ = static_cast<std::uint32_t>(std::min(low, kMost));
  resume_below_low();
  pause_above_high();
}

// --- the end ------------------------------------------------------------------------------------

std::exception_ptr Connection::describe_error(int error, const char* operation) {
  try {
    const SocketAddress to = peer();
    return make_os_error(error, operation, to.empty() ? std::string() : to.to_string());
  } catch (...) {
    return std::current_exception();  // no memory for the text: that is the error, then
  }
}

void Connection::fail(const std::exception_ptr& error) noexcept {
  if (!error_) error_ = error;
  discard_unsent();
  if (closing_) queue(kFinish);
  if (observer_ != nullptr) observer_->on_broken();
}

void Connection::discard_unsent() noexcept {
  out_.clear();
  paused_ = false;
  remove_listener(Direction::write, *this);
  wake_drains();
}

void Connection::close_gently() noexcept {
  if (closing_ || lost_) return;
  closing_ = true;
  feed_end();
  holds_itself_ = true;
  add_reference();
  if (driver_ && driver_->begin_close()) return;
  if (unsent() == 0) queue(kFinish);
}

void Connection::abort() noexcept {
  if (lost_) return;
  if (driver_) driver_->give_up();
  discard_unsent();
  if (closing_) {
    queue(kFinish);
  } else {
    close_gently();
  }
}

void Connection::finish() noexcept {
  if (lost_) return;
  lost_ = true;
  if (ConnectionObserver* observer = std::exchange(observer_, nullptr)) {
    scheduler().is_closed() ? observer->on_abandoned() : observer->on_lost();
  }
  scheduler().leave_scratch(*this);
  vacate_scratch();
  discard_unsent();
  if (driver_) driver_->stop();
  Socket::close();
  while (CloseWaiter* waiter = close_waiters_.pop_front()) waiter->wake();
  link_.unlink();
  if (ConnectionOwner* owner = std::exchange(owner_, nullptr)) owner->on_connection_lost(*this);
  if (std::exchange(holds_itself_, false)) drop_reference();
}

void Connection::on_loop_close() noexcept {
  add_reference();
  closing_ = true;
  set_end();
  finish();
  drop_reference();
}

void Connection::drop_writer() noexcept {
  if (--writers_ > 0 || closing_ || lost_) return;
  if (scheduler().get_debug()) {
    log(LogLevel::warning, "ResourceWarning: unclosed <StreamWriter fd=" +
                               std::to_string(fileno()) + " peer=" + peer().to_string() + ">");
  }
  close_gently();
}

// --- who waits, who holds -----------------------------------------------------------------------

void Connection::queue(Work work) noexcept {
  if (lost_) return;
  const bool first = queued_ == 0;
  queued_ |= work;
  if (!first) return;
  add_reference();
  scheduler().push(this);
}

void Connection::run_work(ReadyNode* node) {
  const Ref<Connection> self(static_cast<Connection*>(node));
  self->drop_reference();  // the one that queue() took
  const std::uint8_t work = std::exchange(self->queued_, std::uint8_t{0});
  if (self->lost_ || self->scheduler().is_closed()) return;
  if ((work & kTellReader) != 0) self->tell_waiter();
  if ((work & kFinish) != 0) return self->finish();
  if ((work & kFlush) != 0) self->flush();
  if ((work & kLayer) != 0 && self->driver_) self->driver_->pump();
}

void Connection::add_drain(Drain& drain) noexcept { drains_.push_back(&drain); }

void Connection::add_close_waiter(CloseWaiter& waiter) noexcept {
  close_waiters_.push_back(&waiter);
}

std::string Connection::transport_repr(bool reading) const {
  std::string text = "<Transport";
  if (lost_) {
    text += " closed";
  } else if (is_closing()) {
    text += " closing";
  }
  text += " fd=" + std::to_string(fileno());
  text += reading ? " read=polling" : " read=idle";
  text += unsent() > 0 ? " write=<polling" : " write=<idle";
  return text + ", bufsize=" + std::to_string(unsent()) + ">>";
}

void Connection::wake_drains() noexcept {
  while (Drain* drain = drains_.pop_front()) drain->wake();
}

void Connection::set_owner(ConnectionOwner& owner, base::List<Link>& list) noexcept {
  owner_ = &owner;
  list.push_back(&link_);
}

void Connection::forget_owner() noexcept {
  link_.unlink();
  owner_ = nullptr;
}

// An IPv4 address ends in eight zero bytes.
void Connection::set_peer(const SocketAddress& address) {
  const std::size_t size = address.family() == AF_INET ? 8 : address.size();
  peer_.assign(static_cast<const char*>(address.data()), size);
}

SocketAddress Connection::peer() {
  if (peer_.empty()) set_peer(peer_address());
  SocketAddress address;
  std::memcpy(address.data(), peer_.data(), peer_.size());
  address.set_size(static_cast<std::uint32_t>(peer_.size()));
  if (address.family() == AF_INET) address.set_size(sizeof(sockaddr_in));
  return address;
}

// --- drain --------------------------------------------------------------------------------------

bool Drain::find_failure() {
  failure_ = connection_->exception() ? connection_->exception() : connection_->error();
  return failure_ != nullptr;
}

bool Drain::await_suspend(Continuation continuation) {
  // A connection that closes is given the turn in which that happens, so that a loop of write and
  // drain cannot go on for ever.
  if (connection_->is_closing()) return park_woken(continuation);
  connection_->add_drain(*this);
  return park(continuation);
}

bool Drain::retry() {
  if (connection_->error()) {
    failure_ = connection_->error();
  } else if (connection_->is_lost()) {
    failure_ = std::make_exception_ptr(ConnectionResetError(ECONNRESET, "Connection lost", ""));
  } else if (!low_enough()) {
    connection_->add_drain(*this);
    return false;
  }
  return true;
}

bool Drain::abort() {
  unlink();
  return true;
}

// --- wait_closed --------------------------------------------------------------------------------

CloseWaiter::CloseWaiter(Connection& connection) noexcept : connection_(&connection) {
  connection.add_reference();
}

CloseWaiter::CloseWaiter(CloseWaiter&& other) noexcept
    : Suspend(std::move(other)), connection_(std::exchange(other.connection_, nullptr)) {}

CloseWaiter::~CloseWaiter() {
  if (connection_ != nullptr) connection_->drop_reference();
}

bool CloseWaiter::await_ready() {
  // Python's transport closes itself when it breaks; ours leaves that to the writer, who waits now.
  if (connection_->error()) connection_->close_gently();
  return connection_->is_lost();
}

bool CloseWaiter::await_suspend(Continuation continuation) {
  connection_->add_close_waiter(*this);
  return park(continuation);
}

bool CloseWaiter::abort() {
  unlink();
  return true;
}

std::exception_ptr CloseWaiter::error() {
  if (cancelled()) [[unlikely]]
    return cancellation();
  return connection_->error();
}

void CloseWaiter::await_resume() {
  if (std::exception_ptr failure = error()) [[unlikely]]
    std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace asyncio
