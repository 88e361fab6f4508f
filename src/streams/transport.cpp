#include "asyncio/streams/transport.hpp"

#include <utility>

#include "asyncio/coro/pass.hpp"
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/protocol.hpp"
#include "streams/datagram_state.hpp"
#include "streams/socket_option.hpp"
#include "streams/stream_transport.hpp"

namespace asyncio {
namespace {

detail::StreamTransport& stream(const BaseTransport& transport) noexcept {
  return static_cast<detail::StreamTransport&>(*transport.state());
}

detail::DatagramState& datagrams(const BaseTransport& transport) noexcept {
  return static_cast<detail::DatagramState&>(*transport.state());
}

}  // namespace

void BaseTransport::setsockopt(int level, int option, int value) const {
  detail::set_socket_option(state_->socket(), level, option, value);
}

int BaseTransport::getsockopt(int level, int option) const {
  return detail::get_socket_option(state_->socket(), level, option);
}

bool ReadTransport::is_reading() const noexcept { return stream(*this).is_reading(); }
void ReadTransport::pause_reading() const noexcept { stream(*this).pause_reading(); }
void ReadTransport::resume_reading() const noexcept { stream(*this).resume_reading(); }

void WriteTransport::write(std::span<const std::byte> data) const {
  stream(*this).connection().write(data);
}

void WriteTransport::writelines(std::span<const std::string_view> pieces) const {
  stream(*this).writer().writelines(pieces);
}

void WriteTransport::write_eof() const { stream(*this).connection().write_eof(); }

bool WriteTransport::can_write_eof() const noexcept {
  return stream(*this).connection().can_write_eof();
}

void Transport::set_protocol(std::shared_ptr<Protocol> protocol) const {
  stream(*this).set_protocol(std::move(protocol));
}

void Transport::set_protocol(std::shared_ptr<BufferedProtocol> protocol) const {
  stream(*this).set_protocol(std::move(protocol));
}

void DatagramTransport::sendto(std::span<const std::byte> data, const SocketAddress& to) const {
  datagrams(*this).sendto(data, to);
}

void DatagramTransport::set_protocol(std::shared_ptr<DatagramProtocol> protocol) const {
  datagrams(*this).set_protocol(std::move(protocol));
}

namespace detail {

void TransportState::tell_made() noexcept {
  made_ = true;
  if (TransportMade* creator = std::exchange(creator_, nullptr)) creator->wake();
}

bool TransportMade::await_ready() noexcept { return transport_->made(); }

bool TransportMade::await_suspend(Continuation continuation) noexcept {
  transport_->set_creator(this);
  return park(continuation);
}

std::exception_ptr TransportMade::error() {
  forget();
  return cancellation();
}

void TransportMade::forget() noexcept {
  if (transport_) transport_->set_creator(nullptr);
}

// While hands are shaken nobody is to be given what comes: it is no data yet.
Coro<Transport> start_tls(Transport transport, std::shared_ptr<BaseProtocol> protocol,
                          SecureSetup setup) {
  StreamTransport& state = stream(transport);
  const bool was_reading = state.is_reading();
  state.pause_reading();
  co_await pass(start_tls(state.writer().connection(), std::move(setup)));
  state.set_protocol(std::move(protocol));
  if (was_reading) state.resume_reading();
  co_return transport;
}

Coro<> finish_transport(Ref<TransportState> transport) {
  const Result<void> made = co_await try_(TransportMade(transport));
  if (made.ok()) co_return;
  transport->close();
  co_await raise(made.exception());
}

}  // namespace detail
}  // namespace asyncio
