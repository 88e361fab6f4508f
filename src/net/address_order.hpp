// Which family to try first.
#pragma once

#include <vector>

#include "asyncio/loop/backend.hpp"
#include "asyncio/loop/socket_address.hpp"

namespace asyncio::detail {

/// RFC 6724, as far as it decides between families; within one the name server's order stays, which
/// it may use to share out load. IPv6 comes first where there is a route to it, from an address of
/// the same kind; unique local addresses come behind IPv4. Asks the kernel which address it would
/// come from, which sends nothing.
void order_addresses(Backend& backend, std::vector<SocketAddress>& addresses);

}  // namespace asyncio::detail
