// TLS on a connection, as coroutines and awaits see it.
#include <cerrno>
#include <utility>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/streams/writer.hpp"
#include "streams/layer_driver.hpp"

namespace asyncio::detail {

namespace {

constexpr char kHandshakeRecord = 0x16;

[[noreturn]] void refuse_clear_text(std::size_t count) {
  throw ConnectionAbortedError(
      ECONNABORTED, "start_tls",
      std::to_string(count) +
          " bytes that came in clear before the handshake were discarded: anybody on the way could "
          "have put them there. A peer waits for the answer to its STARTTLS before it goes on");
}

}  // namespace

void Connection::begin_tls(const SecureSetup& setup, bool server_side, bool for_owner) {
  ASYNCIO_CHECK(!driver_, "begin_tls() on a connection that has TLS already");
  // A client that does not wait for our answer may have begun its handshake already. A server
  // speaks second, so what it has sent is not of TLS.
  const std::string early(view());
  consume(early.size());
  const bool is_handshake = server_side && early.starts_with(kHandshakeRecord);
  if (!early.empty() && !is_handshake) refuse_clear_text(early.size());
  LayerRole role;
  role.server_side = server_side;
  role.server_hostname = setup.server_hostname();
  const std::string address = setup.peer().empty() ? peer().to_string() : setup.peer();
  role.peer = address;
  driver_ = std::make_unique<LayerDriver>(*this, setup.factory().make_layer(role), setup.times());
  driver_->start(early, for_owner);
}

const SSLObject* Connection::ssl_object() const noexcept {
  return driver_ ? &driver_->layer() : nullptr;
}

// --- the await ----------------------------------------------------------------------------------

Handshake::Handshake(Connection& connection) noexcept : connection_(&connection) {
  connection.add_reference();
}

Handshake::~Handshake() {
  if (connection_ == nullptr) return;
  if (parked()) connection_->driver_->set_waiter(nullptr);
  connection_->drop_reference();
}

bool Handshake::await_ready() const noexcept { return !connection_->driver_->shaking_hands(); }

bool Handshake::await_suspend(Continuation continuation) {
  connection_->driver_->set_waiter(this);
  return park(continuation);
}

bool Handshake::abort() {
  connection_->driver_->set_waiter(nullptr);
  return true;
}

std::exception_ptr Handshake::error() {
  if (cancelled()) [[unlikely]] {
    connection_->abort();
    return cancellation();
  }
  return connection_->driver_->handshake_error();
}

void Handshake::await_resume() {
  if (std::exception_ptr failure = error()) [[unlikely]]
    std::rethrow_exception(failure);
}

// --- coroutines ---------------------------------------------------------------------------------

namespace {

// What begin_tls() throws, as a value.
std::exception_ptr try_begin(Connection& connection, const SecureSetup& setup) {
  try {
    if (connection.ssl_object() != nullptr) {
      throw RuntimeError("start_tls(): this connection uses TLS already");
    }
    try {
      connection.begin_tls(setup, setup.server_side().value_or(connection.has_owner()));
    } catch (...) {
      connection.abort();
      throw;
    }
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace

Coro<> start_tls(Ref<Connection> connection, SecureSetup setup) {
  std::exception_ptr failure = setup.find_mistake();
  if (!failure && connection->is_closing()) {
    failure = std::make_exception_ptr(
        ConnectionResetError(ECONNRESET, "start_tls", "the connection is closed"));
  }
  if (failure) co_await raise(failure);
  co_await pass(Drain(*connection));
  failure = try_begin(*connection, setup);
  if (failure) co_await raise(failure);
  co_await pass(Handshake(*connection));
}

Coro<StreamPair> connect_secure(Coro<StreamPair> connecting, SecureSetup setup) {
  std::exception_ptr failure = setup.find_mistake();
  if (failure) co_await raise(failure);
  StreamPair streams = co_await pass(std::move(connecting));
  failure = try_begin(*streams.second.connection(), setup);
  if (failure) co_await raise(failure);
  co_await pass(Handshake(*streams.second.connection()));
  co_return streams;
}

}  // namespace asyncio::detail
