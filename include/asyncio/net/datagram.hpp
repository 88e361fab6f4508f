// Endpoints of datagrams (UDP, or the Unix family's), whose users are protocols.
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
#include "asyncio/streams/open_transport.hpp"
#include "asyncio/streams/protocol.hpp"

namespace asyncio {

/// Python: a tuple (host, port), or the path of a Unix socket, which is the host here.
struct HostAndPort {
  std::string_view host = {};
  int port = 0;
};

/// Options of create_datagram_endpoint. Texts are copied.
struct DatagramOptions {
  HostAndPort local_addr = {};   ///< to bind to; an empty host with a port: all interfaces
  HostAndPort remote_addr = {};  ///< to connect to: only its datagrams are received
  int family = 0;                ///< AF_INET, AF_INET6 or AF_UNIX; 0: what the addresses have
  bool reuse_port = false;       ///< let other processes share the port (SO_REUSEPORT)
  /// SO_BROADCAST. The remote address is then only where datagrams go by themselves, and anybody's
  /// are received: answers to a broadcast come from others.
  bool allow_broadcast = false;
  int sock = -1;  ///< one of the program's own; excludes all the others. The endpoint's from now on
};

namespace detail {

template <class F>
using DatagramProtocolOf = typename std::invoke_result_t<std::decay_t<F>&>::element_type;

template <class F>
concept DatagramProtocolFactory =
    requires(std::decay_t<F>& factory) { typename DatagramProtocolOf<F>; } &&
    std::same_as<std::invoke_result_t<std::decay_t<F>&>, std::shared_ptr<DatagramProtocolOf<F>>> &&
    std::derived_from<DatagramProtocolOf<F>, DatagramProtocol>;

template <class F>
using DatagramTransportAndProtocol =
    std::pair<DatagramTransport, std::shared_ptr<DatagramProtocolOf<F>>>;

/// A socket that is bound and connected as the options say, to be started.
Coro<Ref<TransportState>> open_datagrams(const DatagramOptions& options);

template <class F>
Coro<DatagramTransportAndProtocol<F>> make_datagram_endpoint(F factory,
                                                             Coro<Ref<TransportState>> opening) {
  const Ref<TransportState> socket = co_await pass(std::move(opening));
  std::shared_ptr<DatagramProtocolOf<F>> protocol = factory();
  const DatagramTransport transport = start_datagrams(socket, protocol);
  co_await pass(finish_transport(socket));
  co_return DatagramTransportAndProtocol<F>(transport, std::move(protocol));
}

// Not a coroutine: what it gets is moved into one before it returns.
template <class F>
Coro<DatagramTransportAndProtocol<F>> create_datagram_endpoint(F&& factory,
                                                               const DatagramOptions& options) {
  static_assert(kSafeInPlace<F>,
                "g++ before 12.3 destroys a temporary lambda with owning captures twice here: give "
                "it a name, and pass that");
  return make_datagram_endpoint<std::decay_t<F>>(std::forward<F>(factory), open_datagrams(options));
}

}  // namespace detail
}  // namespace asyncio
