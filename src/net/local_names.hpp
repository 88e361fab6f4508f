// Names that nobody else is to answer.
#pragma once

#include <vector>

#include "asyncio/loop/socket_address.hpp"
#include "net/name_source.hpp"

namespace asyncio::detail {

/// Loopback for no name and for "localhost" and what is below it (RFC 6761), or any address when
/// that is passive; empty for all other names.
std::vector<SocketAddress> addresses_of_this_host(const NameQuestion& question);

}  // namespace asyncio::detail
