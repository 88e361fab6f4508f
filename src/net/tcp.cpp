#include "asyncio/net/tcp.hpp"

#include <sys/socket.h>

#include "asyncio/base/error.hpp"
#include "asyncio/coro/pass.hpp"
#include "asyncio/net/resolver.hpp"
#include "net/connect_race.hpp"

namespace asyncio::detail {

Coro<StreamPair> connect_any(std::vector<SocketAddress> addresses, SocketAddress from,
                             std::size_t limit, RaceOptions options) {
  if (options.interleave > 0) {
    addresses = interleave_addresses(std::move(addresses), options.interleave);
  }
  co_return co_await pass(ConnectRace(std::move(addresses), from, limit, options));
}

Coro<StreamPair> connect_tcp(std::string host, int port, std::string local_host,
                             ConnectOptions options) {
  SocketAddress from;
  if (!local_host.empty() || options.local_port != 0) {
    const std::string_view any = options.family == AF_INET6 ? "::" : "0.0.0.0";
    const std::uint16_t local_port = check_port(options.local_port);
    const bool parsed =
        SocketAddress::parse(local_host.empty() ? any : local_host, local_port, from);
    if (!parsed) co_await raise<ValueError>("the local address must be numeric: " + local_host);
  }
  ResolveOptions how;
  how.family = options.family;
  std::vector<SocketAddress> addresses = co_await pass(getaddrinfo(host, port, how));
  RaceOptions race;
  race.delay = options.happy_eyeballs_delay;
  race.interleave = options.interleave.value_or(race.delay ? 1 : 0);
  race.all_errors = options.all_errors;
  race.filter = options.connect_filter;
  co_return co_await pass(connect_any(std::move(addresses), from, options.limit, race));
}

}  // namespace asyncio::detail
