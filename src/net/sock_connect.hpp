// loop.sock_connect with a name.
#pragma once

#include <memory>
#include <string>

#include "asyncio/coro/coro.hpp"
#include "asyncio/net/resolver.hpp"

namespace asyncio::detail {

struct PlainSocketState;

/// Looks `host` up in the socket's family, and connects to the first address.
Coro<> connect_by_name(std::shared_ptr<PlainSocketState> socket, std::string host, int port);

}  // namespace asyncio::detail
