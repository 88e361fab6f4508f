#include "streams/stream_transport.hpp"

#include <algorithm>
#include <cstring>

#include "asyncio/base/error.hpp"
#include "asyncio/base/log.hpp"
#include "asyncio/coro/pass.hpp"

namespace asyncio::detail {

Transport start_transport(StreamWriter writer, std::shared_ptr<BaseProtocol> protocol) {
  return Transport(
      Ref<TransportState>(new StreamTransport(std::move(writer), std::move(protocol))));
}

// --- being made and going -----------------------------------------------------------------------

StreamTransport::StreamTransport(StreamWriter writer, std::shared_ptr<BaseProtocol> protocol)
    : writer_(std::move(writer)), context_(ContextScope::copy_current()) {
  ReadyNode::run = &run_turn;
  set_protocol(std::move(protocol));
  connection().set_observer(this);
  ended_ = connection().is_write_only();
  add_reference();  // the connection's, until it is lost
  queue();
}

StreamTransport::~StreamTransport() = default;

void StreamTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (!protocol) throw TypeError("a transport needs a protocol");
  if (connection().is_lost()) return;  // nobody would ever let go of it
  plain_ = dynamic_cast<Protocol*>(protocol.get());
  buffered_ = dynamic_cast<BufferedProtocol*>(protocol.get());
  protocol_ = std::move(protocol);
}

void StreamTransport::queue() noexcept {
  if (std::exchange(queued_, true)) return;
  add_reference();
  scheduler().push(this);
}

void StreamTransport::run_turn(ReadyNode* node) {
  auto* self = static_cast<StreamTransport*>(node);
  const Ref<StreamTransport> alive(self);
  self->drop_reference();  // the one that queue() took
  self->queued_ = false;
  if (self->scheduler().is_closed()) return;
  const ContextScope scope(self->context_);
  self->made() ? self->read() : self->make();
}

// Python's order: the protocol is told, then reading begins, then the creator goes on; data is not
// there before the turn after. So the creator comes first in that.
void StreamTransport::make() {
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  try {
    const Transport self{Ref<TransportState>(this)};
    if (buffered_ != nullptr) {
      buffered_->connection_made(self);
    } else {
      plain_->connection_made(self);
    }
  } catch (...) {
    scheduler().report_caught("Exception in callback protocol.connection_made()");
  }
  tell_made();
  queue();
}

void StreamTransport::on_lost() noexcept {
  const ContextScope scope(context_);
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  if (made()) {
    try {
      protocol->connection_lost(failure_ ? failure_ : connection().error());
    } catch (...) {
      scheduler().report_caught("Exception in callback protocol.connection_lost()");
    }
  } else {
    tell_made();
  }
  let_go();
}

void StreamTransport::on_abandoned() noexcept {
  if (scheduler().get_debug()) {
    try {
      log(LogLevel::warning,
          "ResourceWarning: unclosed transport <Transport fd=" + std::to_string(fileno()) + ">");
    } catch (...) {
      log(LogLevel::warning, "ResourceWarning: unclosed transport");  // no memory for more
    }
  }
  let_go();
}

void StreamTransport::let_go() noexcept {
  connection().remove_waiter(*this);
  plain_ = nullptr;
  buffered_ = nullptr;
  const std::shared_ptr<BaseProtocol> protocol = std::move(protocol_);
  drop_reference();  // the connection's; the protocol may hold the last one but that
}

// --- reading ------------------------------------------------------------------------------------

void StreamTransport::pause_reading() noexcept { paused_ = paused_ || !is_closing(); }

void StreamTransport::resume_reading() noexcept {
  if (!is_closing() && std::exchange(paused_, false) && made()) queue();
}

// Of the connection: there may be something to read. While paused that is remembered there.
void StreamTransport::on_ready() noexcept {
  if (is_reading()) queue();
}

void StreamTransport::read() noexcept {
  while (is_reading() && !ended_) {
    switch (read_once()) {
      case Fill::more:
        break;
      case Fill::blocked:
        return listen();
      case Fill::turn:
        return queue();
      case Fill::end:
        return read_end();
      case Fill::failed:
        return close();  // where nobody has aborted it yet: TLS still sends its alert
    }
  }
}

StreamTransport::Fill StreamTransport::read_once() {
  // Each may put another one in its own place while it runs.
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  if (buffered_ != nullptr) return read_into_protocol(*buffered_);
  Connection& from = connection();
  if (from.view().empty()) {
    if (const Fill filled = from.fill(); filled != Fill::more) return filled;
  }
  const std::string_view data = from.view();
  try {
    plain_->data_received(data);
  } catch (...) {
    fail("Fatal error: protocol.data_received() call failed.");
  }
  from.consume(data.size());
  return Fill::more;
}

StreamTransport::Fill StreamTransport::read_into_protocol(BufferedProtocol& protocol) {
  Connection& from = connection();
  std::span<std::byte> buffer;
  if (from.view().empty()) {
    const bool plain = from.ssl_object() == nullptr;
    if (const Fill may = plain ? from.may_fill() : from.fill(); may != Fill::more) return may;
  }
  // What came before the protocol did, or out of TLS.
  const std::string_view there = from.view();
  try {
    buffer = protocol.get_buffer(-1);
    if (buffer.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
  } catch (...) {
    fail("Fatal error: protocol.get_buffer() call failed.");
    return Fill::failed;
  }
  std::size_t count = std::min(there.size(), buffer.size());
  if (count > 0) {
    std::memcpy(buffer.data(), there.data(), count);
    from.consume(count);
  } else if (const Fill filled = from.fill_into(buffer, count); filled != Fill::more) {
    return filled;
  }
  try {
    protocol.buffer_updated(count);
  } catch (...) {
    fail("Fatal error: protocol.buffer_updated() call failed.");
  }
  return Fill::more;
}

void StreamTransport::listen() noexcept {
  if (std::exchange(listening_, true)) return;
  if (!connection().set_waiter(*this)) {
    failure_ = std::make_exception_ptr(
        RuntimeError("a StreamReader waits for the data of this transport"));
    abort();
  } else if (connection().exception()) {
    failure_ = connection().exception();  // it could not be registered
    abort();
  }
}

void StreamTransport::read_end() noexcept {
  ended_ = true;
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  bool stays_open = false;
  try {
    stays_open = buffered_ != nullptr ? buffered_->eof_received() : plain_->eof_received();
  } catch (...) {
    return fail("Fatal error: protocol.eof_received() call failed.");
  }
  if (!connection().is_socket()) stays_open = false;  // a pipe has nothing but this direction
  if (stays_open && connection().ssl_object() != nullptr) {
    log(LogLevel::warning, "returning true from eof_received() has no effect when using ssl");
    stays_open = false;
  }
  if (!stays_open) close();
}

// --- writing ------------------------------------------------------------------------------------

void StreamTransport::on_paused() noexcept {
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  try {
    protocol->pause_writing();
  } catch (...) {
    report("protocol.pause_writing() failed", std::current_exception());
  }
}

void StreamTransport::on_resumed() noexcept {
  const ContextScope scope(context_);
  const std::shared_ptr<BaseProtocol> protocol = protocol_;
  try {
    protocol->resume_writing();
  } catch (...) {
    report("protocol.resume_writing() failed", std::current_exception());
  }
}

// --- errors -------------------------------------------------------------------------------------

void StreamTransport::fail(const char* message) noexcept {
  const std::exception_ptr error = std::current_exception();
  if (!base::exception_is<OSError>(error)) {
    report(message, error);
  } else if (scheduler().get_debug()) {
    log(LogLevel::debug, message);
  }
  if (is_closing()) return;
  failure_ = error;
  abort();
}

void StreamTransport::report(const char* message, const std::exception_ptr& error) noexcept {
  if (base::exception_is<KeyboardInterrupt>(error) || base::exception_is<SystemExit>(error)) {
    return scheduler().set_fatal(error);
  }
  try {
    ExceptionContext context(message, error);
    context.transport = this;
    scheduler().call_exception_handler(context);
  } catch (...) {
    log(LogLevel::error, message);  // no memory for more
  }
}

std::string StreamTransport::repr() const {
  return connection().transport_repr(is_reading() && made() && !ended_);
}

}  // namespace asyncio::detail
