// Connections and servers whose users are protocols. Programs call these as methods of the loop:
// loop.create_connection() and its kin.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "asyncio/coro/coro.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/coro/with.hpp"
#include "asyncio/net/server.hpp"
#include "asyncio/net/tcp.hpp"
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/pipe.hpp"
#include "asyncio/streams/protocol.hpp"

#define ASYNCIO_NAME_THE_FACTORY                                                                  \
  "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give it a name, " \
  "and pass that"

namespace asyncio {

/// A socket of the program's own, to be used instead of one that is made; it is the transport's
/// from the call on, also when that fails. Python: the option sock.
struct SocketOptions {
  int sock = -1;  ///< a connected stream socket; it is made non-blocking
};

namespace detail {

/// What a factory of protocols makes.
template <class F>
using ProtocolOf = typename std::invoke_result_t<std::decay_t<F>&>::element_type;

/// Called without arguments, gives a std::shared_ptr to a protocol of streams.
template <class F>
concept StreamProtocolFactory =
    requires(std::decay_t<F>& factory) { typename ProtocolOf<F>; } &&
    std::same_as<std::invoke_result_t<std::decay_t<F>&>, std::shared_ptr<ProtocolOf<F>>> &&
    (std::derived_from<ProtocolOf<F>, Protocol> ||
     std::derived_from<ProtocolOf<F>, BufferedProtocol>);

template <class F>
using TransportAndProtocol = std::pair<Transport, std::shared_ptr<ProtocolOf<F>>>;

/// A stream socket that is connected. ValueError when it is not; it is closed then.
Coro<StreamPair> adopt_connected(int sock);
/// In a catch block: reports what making the protocol of an accepted connection has failed with,
/// and aborts that.
void refuse_connection(StreamWriter& writer) noexcept;

/// As listen_tcp, with all that the options say.
Coro<Server> serve_protocols(ConnectionCallback callback, std::string_view host, int port,
                             const ServerOptions& options);

template <class F>
Coro<TransportAndProtocol<F>> make_transport(F factory, Coro<StreamPair> connecting) {
  StreamPair streams = co_await pass(std::move(connecting));
  std::shared_ptr<ProtocolOf<F>> protocol = factory();
  const Transport transport = start_transport(std::move(streams.second), protocol);
  co_await pass(finish_transport(transport.state()));
  co_return TransportAndProtocol<F>(transport, std::move(protocol));
}

/// The same with a transport of one direction: the end of a pipe.
template <class Kind, class F>
Coro<std::pair<Kind, std::shared_ptr<ProtocolOf<F>>>> make_pipe_transport(
    F factory, Coro<StreamPair> adopting) {
  Coro<TransportAndProtocol<F>> making = make_transport<F>(std::move(factory), std::move(adopting));
  TransportAndProtocol<F> made = co_await pass(std::move(making));
  co_return std::pair<Kind, std::shared_ptr<ProtocolOf<F>>>(made.first, std::move(made.second));
}

// Not a coroutine: what it gets is moved into one before it returns.
template <class F>
Coro<TransportAndProtocol<F>> connect_protocol(F&& factory, Coro<StreamPair> connecting) {
  static_assert(kSafeInPlace<F>, ASYNCIO_NAME_THE_FACTORY);
  return make_transport<std::decay_t<F>>(std::forward<F>(factory), std::move(connecting));
}

template <class Kind, class F>
Coro<std::pair<Kind, std::shared_ptr<ProtocolOf<F>>>> connect_pipe(F&& factory,
                                                                   Coro<StreamPair> adopting) {
  static_assert(kSafeInPlace<F>, ASYNCIO_NAME_THE_FACTORY);
  return make_pipe_transport<Kind, std::decay_t<F>>(std::forward<F>(factory), std::move(adopting));
}

template <class F>
ConnectionCallback make_protocol_callback(F&& factory) {
  static_assert(kSafeInPlace<F>, ASYNCIO_NAME_THE_FACTORY);
  return [make = std::forward<F>(factory)](StreamReader, StreamWriter writer, Coro<>*) mutable {
    try {
      start_transport(writer, make());
    } catch (...) {
      refuse_connection(writer);
    }
  };
}

}  // namespace detail
}  // namespace asyncio

#undef ASYNCIO_NAME_THE_FACTORY
